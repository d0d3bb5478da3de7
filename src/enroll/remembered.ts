// Which options an enrolment was begun with: the same call continues it later, and must not silently change them.
import { createHash } from 'node:crypto'
import { clock } from '../dates.ts'
import { UsageError } from '../errors.ts'
import { parseAlgorithm, parseHash } from '../piv/algorithms.ts'
import type { EnrollOptions } from './enroll-options.ts'
import type { Enrolment } from './state.ts'

type Name = keyof EnrollOptions
/** Writes an option as one text; a missing option as its default. */
type Spell = (options: EnrollOptions) => unknown

/**
 * Every option: how it is remembered, or `each call` if a later call decides it anew. The type requires a row for each
 * new option.
 */
const OPTIONS: Readonly<Record<Name, Spell | 'each call'>> = {
  ca: ({ ca }) => ca.name,
  onBehalfOf: ({ onBehalfOf }) => onBehalfOf?.user,
  key: ({ key }) => key,
  renew: ({ renew = false }) => renew,
  keepOld: ({ keepOld }) => keepOld,
  algorithm: ({ algorithm = 'P-256' }) => parseAlgorithm(algorithm),
  pinPolicy: ({ pinPolicy }) => pinPolicy,
  friendlyName: ({ friendlyName }) => friendlyName,
  subject: ({ subject }) => subject,
  email: ({ email }) => email,
  upn: ({ upn }) => upn,
  principal: ({ principal }) => principal,
  sid: ({ sid }) => sid,
  purposes: ({ purposes }) => purposes,
  template: ({ template }) => template,
  hash: ({ hash = 'SHA-256' }) => parseHash(hash),
  padding: ({ padding = 'pkcs1' }) => padding,
  // Part of the file's name.
  slot: 'each call',
  // Checked when the certificate has arrived.
  trust: 'each call',
  force: 'each call',
  // Consent is for the content of the slot at that moment.
  overwrite: 'each call',
  wait: 'each call',
  authorize: 'each call',
  onEvent: 'each call',
  pin: 'each call',
  minTriesLeft: 'each call',
  signal: 'each call',
}

const LONGEST = 200
const rows = Object.entries(OPTIONS) as Array<[Name, Spell | 'each call']>

const textOf = (value: unknown): string => {
  const text = JSON.stringify(value)
  return text.length <= LONGEST ? text : `sha256:${createHash('sha256').update(text).digest('hex')}`
}

/** What the file of an enrolment stores of its options. */
export function remembered(options: EnrollOptions): Record<string, string> {
  const kept = rows.flatMap(([name, spell]) => {
    const value = spell === 'each call' ? undefined : spell(options)
    return value === undefined ? [] : [[name, textOf(value)] as const]
  })
  return Object.fromEntries(kept)
}

interface Difference {
  readonly name: string
  readonly begun: string | undefined
  readonly now: string
}

/** Options given now with another value than at the beginning. An option that is not given again keeps its value. */
export function differences({ options: begun }: Enrolment, options: EnrollOptions): readonly Difference[] {
  if (begun === undefined) return [] // from a version that remembered no options
  const now = remembered(options)
  return rows.flatMap(([name]) => {
    const said = options[name] === undefined ? undefined : now[name]
    return said === undefined || said === begun[name] ? [] : [{ name, begun: begun[name], now: said }]
  })
}

/** Options that decide where the key is: fixed once there is a key. */
const PLACING: readonly string[] = ['key', 'renew', 'keepOld'] satisfies Name[]
/** Options of a new key; a key made directly in its slot is not made again. */
const MAKING: readonly string[] = ['algorithm', 'pinPolicy'] satisfies Name[]

/** The same for a new request: the place of its key was decided before. */
export function rememberedAgain({ options: begun = {} }: Enrolment, options: EnrollOptions): Record<string, string> {
  const placed = Object.entries(begun).filter(([name]) => PLACING.includes(name))
  return { ...remembered(options), ...Object.fromEntries(placed) }
}

/**
 * Whether the request has to be made anew, which is impossible once a CA has it.
 * @throws UsageError ERR_USAGE with both values of each option
 */
export function assertSameOptions(found: Enrolment, options: EnrollOptions): boolean {
  const { step, place, slot, started, newKey } = found
  const others = differences(found, options)
  const early = step === 'reserved' || step === 'requested'
  const decided = place !== slot ? PLACING : newKey === undefined ? [] : MAKING
  const fixed = others.filter(({ name }) => !early || decided.includes(name))
  if (fixed.length === 0) return others.length > 0
  const shown = fixed.map(({ name, begun, now }) => `${name} ${begun === undefined ? 'not given' : begun}, now ${now}`)
  throw new UsageError(
    'ERR_USAGE',
    `The enrolment into slot ${slot} of ${clock(new Date(started))} was begun with other options: ${shown.join('; ')}. Leave these out to continue it. Or give it up and begin anew: tessera enroll ${slot} --abandon.`,
  )
}
