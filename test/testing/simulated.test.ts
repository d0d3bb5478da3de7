// A TPM that takes as long as a chip: the time of each command, and a lab with it.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CHIP_NAMES, CHIPS, timeOf } from '../../src/testing/chips.ts'
import { cardLab } from '../../src/testing/index.ts'
import { CC } from '../../src/tpm/constants.ts'
import { concat, u16, u32 } from '../support/wire.ts'

const head = (code: number, ...rest: readonly Uint8Array[]): Uint8Array => {
  const body = concat(...rest)
  return concat(u16(0x8002), u32(10 + body.length), u32(code), body)
}
/** TPM2_Create without a secret; only the type of the template is looked at. */
const create = (type: number, code: number = CC.Create) =>
  head(code, u32(0x81000001), u32(9), new Uint8Array(9), u16(4), new Uint8Array(4), u16(2), u16(type))

test('each command takes what its work takes', () => {
  for (const chip of CHIP_NAMES) {
    const { times } = CHIPS[chip]
    const rows: readonly (readonly [Uint8Array, number])[] = [
      [head(CC.Sign), times.sign],
      [head(CC.Certify), times.sign],
      [head(CC.RSA_Decrypt), times.rsaPrivate],
      [head(CC.ECDH_ZGen), times.agree],
      [head(CC.VerifySignature), times.verify],
      [create(1), times.rsaKey],
      [create(0x23), times.ecKey],
      [create(0x23, CC.CreatePrimary), times.ecKey],
      [head(CC.StartAuthSession, u32(0x81000001)), times.agree],
      [head(CC.StartAuthSession, u32(0x40000007)), times.random],
      [head(CC.GetRandom, u16(32)), times.random],
      [head(CC.GetRandom, u16(64)), 2 * times.random],
      [head(CC.NV_Read), times.random],
      [head(CC.Create), times.random],
    ]
    for (const [command, expected] of rows) assert.is(timeOf(chip, command), expected)
  }
})

test('a lab whose TPM is no faster than the chip', async () => {
  const lab = await cardLab({ tpm: { simulate: 'z32h330' }, cards: [{ name: 'work' }] })
  try {
    const { pin } = lab.card()
    const card = await lab.card().open()
    await card.verifyPin(pin)
    const began = performance.now()
    for (let at = 0; at < 4; at += 1) await card.sign('9a', Buffer.from('a message'))
    // A timer may fire a millisecond early.
    const least = 4 * (CHIPS.z32h330.times.sign - 1)
    assert.ok(performance.now() - began >= least, `${performance.now() - began} ms`)
  } finally {
    await lab.close()
  }
})

test.run()
