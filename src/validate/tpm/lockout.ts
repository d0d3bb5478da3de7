// The dictionary-attack lockout of the whole TPM: one wrong try is spent there, and given back.
import { concat } from '../../bytes.ts'
import { keyTemplate, objectName } from '../../tpm/codec/public.ts'
import { EMPTY, EMPTY_SIZED, sized, u32 } from '../../tpm/codec/wire.ts'
import { command, NO_PASSWORD } from '../../tpm/command.ts'
import { CC, OBJECT, RH } from '../../tpm/constants.ts'
import { keyCommand, signDigest } from '../../tpm/keys/operations.ts'
import { expecting, type TpmCheck, type TpmOutcome } from './check.ts'
import { lockoutCounter, PROPERTY, properties } from './properties.ts'
import { answerOf, type Scratch, scratchScalar } from './scratch.ts'

/** TPMA_PERMANENT, Part 2, 8.6. */
const LOCKOUT_AUTH_SET = 1 << 2
/** Wrong tries that are left for others while this goes on. */
const LEAST_LEFT = 2

const RIGHT = scratchScalar('password of a key')
const WRONG = scratchScalar('another password')

const ATTRIBUTES = OBJECT.fixedTPM | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin | OBJECT.userWithAuth | OBJECT.sign

async function lockout(scratch: Scratch): Promise<TpmOutcome> {
  const { device } = scratch
  const found = await properties(device)
  const value = (name: keyof typeof PROPERTY) => found.get(PROPERTY[name]) ?? 0
  if ((value('PERMANENT') & LOCKOUT_AUTH_SET) !== 0) {
    return { verdict: 'skipped', says: 'The lockout has a password, so a try that is spent could not be given back.' }
  }
  const before = value('LOCKOUT_COUNTER')
  if (before !== 0 || value('MAX_AUTH_FAIL') < before + LEAST_LEFT) {
    const says = `${before} of ${value('MAX_AUTH_FAIL')} wrong tries are counted: none is spent here.`
    return { verdict: 'skipped', says }
  }
  const parent = await scratch.parent()
  const sensitive = sized(concat(sized(RIGHT), EMPTY_SIZED))
  const template = sized(keyTemplate('P-256', ATTRIBUTES, EMPTY))
  const made = await device.call(command(CC.Create, [parent], [NO_PASSWORD], sensitive, template, EMPTY_SIZED, u32(0)))
  const [privateArea, publicArea] = [sized(made.sized()), sized(made.sized())]
  const loaded = await device.call(command(CC.Load, [parent], [NO_PASSWORD], privateArea, publicArea))
  const key = { handle: loaded.u32(), name: objectName(publicArea.subarray(2)) }
  const use = (authValue: Uint8Array) =>
    answerOf(device.run(keyCommand(signDigest('P-256', RIGHT), key, { ...NO_PASSWORD, authValue })))
  try {
    const wrong = await use(WRONG)
    const spent = await lockoutCounter(device)
    const reset = await answerOf(device.run(command(CC.DictionaryAttackLockReset, [RH.LOCKOUT], [NO_PASSWORD])))
    return expecting('A wrong password is counted, and its owner sets the counter back.', [
      { what: 'wrong password', wanted: 'AUTH_FAIL', found: wrong },
      { what: 'counter', wanted: '1', found: `${spent}` },
      { what: 'reset', wanted: 'OK', found: reset },
      { what: 'counter then', wanted: '0', found: `${await lockoutCounter(device)}` },
    ])
  } finally {
    await device.flush(key.handle)
  }
}

export const LOCKOUT_CHECKS: readonly TpmCheck[] = [
  {
    id: 'lockout.counts',
    title: 'The lockout counts, and can be reset',
    source: 'TPM 2.0 Library, Part 1, 19.8; Part 3, 25',
    class: 'L',
    run: lockout,
  },
]
