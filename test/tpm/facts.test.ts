// What a TPM says about itself, and whether that makes it hardware.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { acquireDevice, releaseDevice } from '../../src/tpm/devices.ts'
import { assuranceOf, readFacts, type TpmFacts } from '../../src/tpm/facts.ts'
import { KINDS, onBench } from '../library/bench.ts'
import { CC } from '../support/codes.ts'
import { RH } from '../support/templates.ts'
import { ascii, concat, tpm2b, u32 } from '../support/wire.ts'
import { password } from '../support/witness.ts'

const facts = (manufacturer: string): TpmFacts => ({
  ...{ manufacturer, vendor: '', firmware: '1.0.0.0', revision: 138 },
  ...{ ownerAuthSet: false, inLockout: false },
})

test('hardware is a known maker behind a device, and nothing else', () => {
  for (const maker of ['IFX', 'STM', 'NTC', 'AMD', 'INTC', 'NSG']) {
    for (const tcti of ['device:/dev/tpmrm0', 'device:/dev/tpm0', 'tabrmd:', 'tabrmd:bus_type=system']) {
      assert.is(assuranceOf(tcti, facts(maker)), 'hardware', `${maker} ${tcti}`)
    }
    // A simulator may call itself what it likes.
    for (const tcti of [
      'embedded:',
      'swtpm:path=x',
      'mssim:',
      'pcap:device:/dev/tpm0',
      'cmd:x',
      'libtpms:',
      'device',
    ]) {
      assert.is(assuranceOf(tcti, facts(maker)), 'software', `${maker} ${tcti}`)
    }
  }
  // libtpms and swtpm, Microsoft's simulator and the virtual TPMs of clouds, also behind a device file.
  for (const maker of ['IBM', 'MSFT', 'GOOG', 'XCG', 'SIM', '', 'ifx', 'IFX2']) {
    assert.is(assuranceOf('device:/dev/tpmrm0', facts(maker)), 'software', maker)
  }
})

for (const kind of KINDS) {
  test(`${kind}: read from the TPM`, () =>
    onBench(kind, async (bench) => {
      const card = await bench.create()
      assert.is(card.assurance, 'software')
      const stateFile = `${bench.home}/tpm/state`
      const device = await acquireDevice({ tcti: bench.tcti, stateFile, createState: false })
      const before = await readFacts(device)
      assert.is(before.manufacturer, 'IBM')
      assert.match(before.vendor, 'SW')
      assert.match(before.firmware, /^\d+\.\d+\.\d+\.\d+$/)
      assert.ok(before.revision >= 138)
      assert.equal([before.ownerAuthSet, before.inLockout], [false, false])
      const witness = await bench.witness()
      const owner = { handles: [RH.owner], params: tpm2b(ascii('owner')), auths: [password()] }
      await witness.must('HierarchyChangeAuth', owner)
      assert.is((await readFacts(device)).ownerAuthSet, true)
      await releaseDevice(device)
      await card.close()
    }))
}

test('a simulator that calls itself a chip is still software', () =>
  onBench('swtpm', async (bench) => {
    if (bench.proxy === undefined) throw new Error('no proxy')
    bench.proxy.hooks.onAnswer = (exchange, answer) => {
      if (exchange.code !== CC.GetCapability) return undefined
      const at = Buffer.from(answer).indexOf(concat(u32(0x105), ascii('IBM\0')))
      return at < 0 ? undefined : concat(answer.slice(0, at + 4), ascii('IFX\0'), answer.slice(at + 8))
    }
    const card = await bench.create()
    assert.is(card.assurance, 'software')
    await card.close()
  }))

test.run()
