// takes: 30 s
// time limit: 1800 s
// The program `tessera` of a release, on computers with nothing but Node.js.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MAJORS, npmFor, startReleased } from '../support/released.ts'

const { registry, computer, installed, online } = await startReleased()
const TESSERA = 'node node_modules/.bin/tessera'

for (const major of MAJORS) {
  const here = computer(major)
  test(`Node ${major}: a card, doctor, read-only node_modules`, async () => {
    const folder = await installed(major)
    const created = await online(here, folder, `node ${npmFor(major)}/bin/npx-cli.js tessera create work`)
    assert.is(created.code, 0, created.all)
    const doctor = await here.run(folder, `${TESSERA} doctor`)
    assert.is(doctor.code, 0, doctor.all)
    assert.match(doctor.stdout, /^ok +TPM at embedded:/m, doctor.all)
    const readOnly = await here.run(folder, `node sign.mjs && ${TESSERA} list`, { readOnly: true })
    assert.is(readOnly.code, 0, readOnly.all)
    assert.match(readOnly.stdout, /^verifies true\n[\s\S]*work/, readOnly.all)
  })

  test(`Node ${major}: serve is refused in words without vpcd, run needs none, a reader without pcscd is refused`, async () => {
    const folder = await installed(major)
    const serve = await here.run(folder, `${TESSERA} create work && ${TESSERA} serve work`)
    assert.is(serve.code, 1, serve.all)
    assert.match(serve.stderr, /vpcd.* is not installed[\s\S]*ERR_PCSC_UNAVAILABLE/, serve.all)
    const door = await here.run(folder, `${TESSERA} run --card work -- env`)
    assert.match(door.stdout, /^PCSCLITE_CSOCK_NAME=\//m, door.all)
    const reader = await here.run(folder, `${TESSERA} --card reader: info`)
    assert.match(reader.stderr, /libpcsclite[\s\S]*ERR_PCSC_UNAVAILABLE/, reader.all)
  })
}

test.after(() => registry.stop())
test.run()
