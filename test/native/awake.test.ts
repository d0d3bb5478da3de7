// time limit: 900 s
// takes: 4 s
// The event loop does not sleep while a TPM does something short for it, and only then.

import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { NativeCommand } from '../../src/native.ts'
import { startSwtpm } from '../support/swtpm.ts'
import { tempDir } from '../support/temp.ts'
import { create, eccKey, OBJECT, rsaKey, signDigest } from '../support/templates.ts'
import { least } from '../support/times.ts'
import { readCreated } from './support/pair.ts'
import { asCommand, call, openTpm, pw, storageKey } from './support/rig.ts'

const attributes =
  OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin | OBJECT.userWithAuth | OBJECT.noDa | OBJECT.sign

/** A TPM, with a command that takes a fraction of a millisecond and one that takes many of them. */
async function ready(kind: 'embedded' | 'swtpm') {
  const swtpm = kind === 'swtpm' ? await startSwtpm() : undefined
  const tpm = await openTpm(swtpm?.tcti ?? 'embedded:', { stateFile: join(tempDir('state'), 'state') })
  const parent = await storageKey(tpm)
  const under = { handles: [parent.handle], names: [parent.name], auths: [pw()] }
  const made = readCreated(await call(tpm, 'Create', { ...under, params: create(eccKey({ attributes })) }))
  const loaded = await call(tpm, 'Load', { ...under, params: made.blob })
  const key = { handles: [loaded.u32()], names: [loaded.tpm2b()], auths: [pw()] }
  const sign = asCommand('Sign', { ...key, params: signDigest(new Uint8Array(32)) })
  const long = asCommand('Create', { ...under, params: create(rsaKey({}, 2048)) })
  const stop = async () => {
    await tpm.close()
    await swtpm?.stop()
  }
  return { tpm, sign, long, stop }
}

/** What part of the time of `work` the event loop slept. */
async function slept(work: () => Promise<unknown>): Promise<number> {
  const [idle, start] = [performance.nodeTiming.idleTime, performance.now()]
  await work()
  return (performance.nodeTiming.idleTime - idle) / (performance.now() - start)
}

const awake = async (work: () => Promise<unknown>): Promise<number> => 1 - (await slept(work))

for (const kind of ['embedded', 'swtpm'] as const) {
  test(`${kind}: short commands one after the other: it does not; then, and for long ones, it does`, async () => {
    const { tpm, sign, long, stop } = await ready(kind)
    const times = (count: number, one: NativeCommand) => async () => {
      for (let left = count; left > 0; left -= 1) await tpm.run([one])
    }
    // Where others want the processors the TPM's thread goes to sleep in between, and so does the loop: any calm moment will do.
    const short = await least(0.5, () => slept(times(20, sign)), 5000)
    assert.ok(short < 0.5, `it slept for ${short} of the time`)
    assert.ok((await least(0.1, () => awake(() => pause(200)))) < 0.1, 'nothing is waited for')
    assert.ok((await least(0.5, () => awake(times(2, long)))) < 0.5, 'what takes long')
    await stop()
  })

  test(`${kind}: an answer that does not come lets it sleep`, async () => {
    const { tpm, sign, long, stop } = await ready(kind)
    await Promise.all([tpm.run([sign]), tpm.run([sign]), tpm.run([sign])])
    const calls = () =>
      Promise.all([tpm.run([sign]), ...Array.from({ length: 2 }, () => tpm.run([long])), tpm.run([sign])])
    assert.ok((await least(0.5, () => awake(calls))) < 0.5)
    await stop()
  })
}

test.run()
