// What a TPM says about itself: reads only, but for endorsement keys, which are made to be compared with their certificates.
import { X509Certificate } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { follow, readBoth } from '../../attest/chain.ts'
import { TPM_MAKER_INTERMEDIATES, TPM_MAKER_ROOTS } from '../../attest/makers/tpm.ts'
import { Refused } from '../../attest/refusal.ts'
import { readEkCertificate } from '../../attest/tpm-certificates.ts'
import { endorsementKeys } from '../../tpm/attest/endorsement.ts'
import { command } from '../../tpm/command.ts'
import { ALG, CC, CURVE, PERMANENT } from '../../tpm/constants.ts'
import { readFacts } from '../../tpm/facts.ts'
import { expecting, type TpmCheck, type TpmOutcome } from './check.ts'
import { errataOf } from './errata.ts'
import { probeParameterDecryption } from './parameter-decryption.ts'
import { algorithms, commandCodes, curves, PROPERTY, properties } from './properties.ts'
import type { Scratch } from './scratch.ts'

async function identity({ device }: Scratch): Promise<TpmOutcome> {
  const { manufacturer, vendor, firmware, revision } = await readFacts(device)
  const says = `${manufacturer} ${vendor}, firmware ${firmware}, revision ${revision / 100} of the specification.`
  // TPM_NT_PIN_FAIL came with 1.38.
  const verdict = revision >= 138 ? 'pass' : 'fail'
  return { verdict, says, facts: { manufacturer, vendor, firmware, revision } }
}

async function errata({ device }: Scratch): Promise<TpmOutcome> {
  const { manufacturer, firmware } = await readFacts(device)
  const known = errataOf(manufacturer, firmware)
  if (known.length === 0) {
    return { verdict: 'pass', says: `No known fault is listed here for ${manufacturer} with firmware ${firmware}.` }
  }
  return { verdict: 'fail', says: known.map(({ name, means, source }) => `${name}: ${means} (${source})`).join(' ') }
}

/** Numbers of Part 2, 6.3 and 6.4, as people call them. */
const ALGORITHM_NAMES: Readonly<Record<number, string>> = {
  1: 'RSA',
  4: 'SHA-1',
  5: 'HMAC',
  6: 'AES',
  8: 'KEYEDHASH',
  10: 'XOR',
  11: 'SHA-256',
  12: 'SHA-384',
  13: 'SHA-512',
  18: 'SM3-256',
  19: 'SM4',
  20: 'RSASSA',
  21: 'RSAES',
  22: 'RSAPSS',
  23: 'OAEP',
  24: 'ECDSA',
  25: 'ECDH',
  26: 'ECDAA',
  27: 'SM2',
  28: 'ECSCHNORR',
  32: 'KDF1',
  34: 'KDF1-SP800-108',
  35: 'ECC',
  38: 'Camellia',
  39: 'SHA3-256',
  40: 'SHA3-384',
  41: 'SHA3-512',
  63: 'CMAC',
  64: 'CTR',
  65: 'OFB',
  66: 'CBC',
  67: 'CFB',
  68: 'ECB',
}
const CURVE_NAMES: Readonly<Record<number, string>> = {
  1: 'P-192',
  2: 'P-224',
  3: 'P-256',
  4: 'P-384',
  5: 'P-521',
  16: 'BN-256',
  17: 'BN-638',
  32: 'SM2-P256',
}
const named = (names: Readonly<Record<number, string>>, numbers: readonly number[]): string =>
  numbers.map((number) => names[number] ?? `0x${number.toString(16)}`).join(' ')

const presence = (what: string, there: boolean) => ({ what, wanted: 'there', found: there ? 'there' : 'missing' })

async function algorithmsCheck({ device }: Scratch): Promise<TpmOutcome> {
  const [algs, ecc] = [await algorithms(device), await curves(device)]
  const needed = [ALG.RSA, ALG.AES, ALG.SHA256, ALG.ECC, ALG.ECDSA, ALG.CFB]
  const outcome = expecting('It has what cards need.', [
    ...needed.map((alg) => presence(ALGORITHM_NAMES[alg] ?? '', algs.includes(alg))),
    presence('P-256', ecc.includes(CURVE.P256)),
  ])
  return { ...outcome, facts: { algorithms: named(ALGORITHM_NAMES, algs), curves: named(CURVE_NAMES, ecc) } }
}

async function commandsCheck({ device }: Scratch): Promise<TpmOutcome> {
  const codes = await commandCodes(device)
  const needed = Object.entries(CC)
  const missing = needed.filter(([, code]) => !codes.includes(code)).map(([name]) => name)
  const facts = { commands: codes.length, missing: missing.join(' ') || 'none' }
  if (missing.length > 0) return { verdict: 'fail', says: `It does not have ${missing.join(', ')}.`, facts }
  return { verdict: 'pass', says: `It has all ${needed.length} commands that are used here.`, facts }
}

/** What a card needs at least: a storage key and two keys, and three sessions. */
const LEAST = { TRANSIENT_MIN: 3, LOADED_MIN: 3, NV_INDEX_MAX: 8, MAX_COMMAND_SIZE: 1024 } as const

async function limits({ device }: Scratch): Promise<TpmOutcome> {
  const found = await properties(device)
  const facts = Object.fromEntries(
    Object.entries(PROPERTY).flatMap(([name, at]) => {
      const value = found.get(at)
      return value === undefined || name === 'PERMANENT' || name === 'STARTUP_CLEAR' ? [] : [[name, value] as const]
    }),
  )
  const short = Object.entries(LEAST).filter(([name, least]) => (facts[name] ?? 0) < least)
  if (short.length === 0) return { verdict: 'pass', says: 'It has room for a card.', facts }
  const says = short.map(([name, least]) => `${name} is ${facts[name] ?? 0}, and a card needs ${least}`).join('; ')
  return { verdict: 'fail', says: `${says}.`, facts }
}

async function lockout({ device }: Scratch): Promise<TpmOutcome> {
  const found = await properties(device)
  const value = (name: keyof typeof PROPERTY) => found.get(PROPERTY[name]) ?? 0
  const locked = (value('PERMANENT') & PERMANENT.inLockout) !== 0
  const facts = {
    wrong: value('LOCKOUT_COUNTER'),
    allowed: value('MAX_AUTH_FAIL'),
    'one forgiven after (s)': value('LOCKOUT_INTERVAL'),
    'lockout password again after (s)': value('LOCKOUT_RECOVERY'),
    locked,
  }
  const state = `${facts.wrong} of ${facts.allowed} wrong tries of other keys are counted`
  if (!locked) return { verdict: 'pass', says: `${state}.`, facts }
  return {
    verdict: 'fail',
    says: `${state}: it is locked. Wait, or have its owner reset it: tpm2_dictionarylockout -c.`,
    facts,
  }
}

/** Part 1, 36.3: a TPM's clock is at most 15 % wrong. */
const CLOCK_ERROR = 0.15

async function clock({ device }: Scratch): Promise<TpmOutcome> {
  const read = async () => {
    const earliest = performance.now()
    const answer = await device.call(command(CC.ReadClock, [], []))
    const latest = performance.now()
    const time = answer.u32() * 2 ** 32 + answer.u32()
    const total = answer.u32() * 2 ** 32 + answer.u32()
    return { earliest, latest, time, total, resets: answer.u32(), restarts: answer.u32(), safe: answer.u8() !== 0 }
  }
  const first = await read()
  await delay(500)
  const then = await read()
  const went = then.time - first.time
  // What passed here is between these two, however busy the machine is.
  const [least, most] = [then.earliest - first.latest, then.latest - first.earliest]
  const facts = {
    'ms since it was started': then.time,
    'ms in all': then.total,
    resets: then.resets,
    restarts: then.restarts,
    'never went back': then.safe,
    'ms in a second': Math.round(went / (most / 1000)),
  }
  const fits = went >= least * (1 - CLOCK_ERROR) - 1 && went <= most * (1 + CLOCK_ERROR) + 1
  const says = `${went} ms went by in it while ${Math.round(least)} to ${Math.round(most)} ms went by here.`
  return { verdict: fits ? 'pass' : 'fail', says, facts }
}

async function endorsement({ device }: Scratch): Promise<TpmOutcome> {
  const keys = await endorsementKeys(device)
  return endorsed(keys.flatMap(({ certificate }) => (certificate === undefined ? [] : [certificate])))
}

/** What the certificates of endorsement keys (DER) are worth. */
export function endorsed(certified: readonly Uint8Array[]): TpmOutcome {
  if (certified.length === 0) return { verdict: 'info', says: 'It has no certificate of its maker that can be read.' }
  const trust = { roots: TPM_MAKER_ROOTS.map((der) => new X509Certificate(der)), at: new Date(), lists: [] }
  const between = TPM_MAKER_INTERMEDIATES.map(readBoth)
  const all = certified.map((der) => {
    try {
      const own = readBoth(der)
      const { manufacturer, model, version } = readEkCertificate(own)
      const said = `${manufacturer} ${model} ${version}`
      try {
        return { good: true, said: `${said}, by ${follow(own, between, trust).root}` }
      } catch (error) {
        if (!(error instanceof Refused) || error.code !== 'untrusted') throw error
        return { good: undefined, said: `${said}, by nobody that is known here` }
      }
    } catch (error) {
      if (error instanceof Refused) return { good: false, said: error.message }
      throw error
    }
  })
  const says = `${all.map(({ said }) => said).join('; ')}.`
  if (all.some(({ good }) => good === false)) return { verdict: 'fail', says }
  return { verdict: all.every(({ good }) => good === true) ? 'pass' : 'info', says }
}

const PART_2 = 'TPM 2.0 Library, Part 2'

export const FACT_CHECKS: readonly TpmCheck[] = [
  { id: 'tpm.identity', title: 'Maker, firmware and revision', source: `${PART_2}, 6.13`, class: 'R', run: identity },
  {
    id: 'tpm.errata',
    title: 'Known faults of this firmware',
    source: 'the advisories of the makers',
    class: 'R',
    run: errata,
  },
  {
    id: 'tpm.algorithms',
    title: 'Algorithms and curves',
    source: `${PART_2}, 6.3 and 6.4`,
    class: 'R',
    run: algorithmsCheck,
  },
  { id: 'tpm.commands', title: 'Commands', source: `${PART_2}, 6.5.2`, class: 'R', run: commandsCheck },
  { id: 'tpm.limits', title: 'Room for objects, sessions and NV', source: `${PART_2}, 6.13`, class: 'R', run: limits },
  {
    id: 'tpm.lockout',
    title: 'Dictionary-attack lockout',
    source: 'TPM 2.0 Library, Part 1, 19.8',
    class: 'R',
    run: lockout,
  },
  { id: 'tpm.clock', title: 'Clock', source: 'TPM 2.0 Library, Part 1, 36', class: 'R', run: clock },
  {
    id: 'tpm.endorsement',
    title: 'Endorsement keys and their certificates',
    source: 'TCG EK Credential Profile 2.5, 3 and annex B',
    class: 'T',
    run: endorsement,
  },
  {
    id: 'tpm.parameter-decryption',
    title: 'CVE-2023-1017 and CVE-2023-1018',
    source: 'TCG, VRT0007 advisory; errata 1.4 for revision 1.59, 2.6.1',
    class: 'T',
    run: ({ device }) => probeParameterDecryption(device),
  },
]
