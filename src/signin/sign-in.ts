/** Signing in with an address, a card and a PIN; the choices are remembered for the next time. */
import { X509Certificate } from 'node:crypto'
import { sha256, utf8 } from '../bytes.ts'
import type { CardPlace } from '../cards/index.ts'
import { isFor as isKeyOf } from '../enroll/chain.ts'
import { readCertificates } from '../enroll/read.ts'
import { CardError, SignInError } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import type { AskPin } from '../piv/host/pin-request.ts'
import type { Secret } from '../piv/pin.ts'
import { parseSlot } from '../piv/slots.ts'
import type { Account, Accounts } from './account.ts'
import { checkAddress, sameAddress } from './address.ts'
import { signInBy } from './authenticate.ts'
import { type Removal, untilInserted, watchRemoval } from './card-presence.ts'
import { isFor } from './certificate.ts'
import { type Choice, choose, type Wanted } from './choose-certificate.ts'
import type { EndReason, Method } from './methods.ts'
import { OpenSession } from './open-session.ts'
import { serviceOrigin } from './origin.ts'
import { pinOnce } from './pin-once.ts'
import { Service } from './service.ts'
import type { Session } from './session.ts'
import type { AddressLock, SessionMark } from './signed-in.ts'
import { signInState } from './state.ts'

export interface SignInOptions extends CardPlace {
  /** Address to sign in as: `maria@lab.example`. */
  readonly address: string
  /** Origin of the service: `https://service.example`. Remembered afterwards, as are the next four. */
  readonly service?: string
  /**
   * A card's name, `reader:TEXT`, or an open card, which stays open and is locked at the end. Else the remembered card, or
   * one with a certificate for the address.
   */
  readonly card?: string | Card
  readonly slot?: string
  /** `certificate` (in TLS) unless given, or `challenge` (signed). */
  readonly method?: Method
  /** Trusted CA certificates of the service (PEM or DER); Node's own unless given. */
  readonly ca?: string | Uint8Array
  /** Tried at most once. A function is called at most once, and only if the card needs the PIN. */
  readonly pin: Secret | AskPin
  /** Refuses to try the PIN when fewer tries are left: 2 keeps the last one. */
  readonly minTriesLeft?: number
  /** Waits for the card to be inserted; called when waiting begins. */
  readonly onWait?: (why: CardError) => void
  /** Milliseconds for each answer of the service; 30 000 unless given. */
  readonly timeout?: number
  readonly signal?: AbortSignal
}

/**
 * Signs in with a certificate on a card. If it succeeds, card, slot and service are remembered for the next time, never the
 * PIN. The session ends by `signOut`, when it expires, when the card is removed, or when the service ends it: `session.on('ended', ({ reason }) => ...)`.
 * @throws SignInError; PinError; CardError ERR_CERTIFICATE_ABSENT, ERR_CERTIFICATE_UNFIT; UsageError ERR_CARD_AMBIGUOUS,
 * ERR_USAGE; PcscError ERR_CARD_REMOVED; as `openCard`; the reason of the signal
 * @example
 * const session = await signIn({ address: 'maria@lab.example', service: 'https://service.example', pin: askPin })
 * const page = await session.fetch('/')
 * await session.signOut()
 */
export async function signIn(options: SignInOptions): Promise<Session> {
  return (await signInHere(options)).session
}

/** The same with the lock of the address, which the session releases at its end. */
export async function signInHere(
  options: SignInOptions,
): Promise<{ readonly session: OpenSession; readonly lock: AddressLock }> {
  const address = checkAddress(options.address)
  const { signal = new AbortController().signal, onWait } = options
  signal.throwIfAborted()
  const { accounts, marks } = signInState(options.home)
  const lock = await marks.begin(address)
  /** An error while closing must not hide why the sign-in failed. */
  const end = async () => {
    const known = await accounts.isKnown(address).catch(() => true)
    await lock.end({ forget: !known }).catch(() => undefined)
  }
  try {
    const plan = planOf(options, await accounts.read(address))
    const choice = await untilInserted(() => choose(plan.wanted, options), { onWait, signal })
    const account = accountOf(plan, choice)
    const session = await enter(options, plan, choice, {
      signal,
      succeeded: () => accounts.write({ ...account, lastSignIn: new Date().toISOString() }),
      async over(reason) {
        await remember(accounts, address, reason).catch(() => undefined)
        await end()
      },
    })
    await lock.write(markOf(session)).catch(async (error: unknown) => {
      await session.signOut()
      throw error
    })
    return { session, lock }
  } catch (error) {
    await end()
    throw error
  }
}

export const markOf = ({ user, since, expires }: Session): SessionMark => ({
  ...{ pid: process.pid, user, since: since.toISOString(), expires: expires.toISOString() },
  ...{ background: false, socket: false },
})

interface Plan {
  readonly address: string
  readonly service: string
  readonly method: Method
  readonly ca: readonly Uint8Array[] | undefined
  readonly wanted: Wanted
}

/** The given options, completed by the remembered ones. @throws SignInError ERR_ACCOUNT_UNKNOWN; UsageError ERR_USAGE, ERR_SLOT */
function planOf({ address, service, method, card, slot, ca }: SignInOptions, remembered: Account | undefined): Plan {
  const origin = service === undefined ? remembered?.service : serviceOrigin(service)
  if (origin === undefined) {
    const message = `Nothing is remembered about ${address}. Say where to sign in the first time: --service https://...`
    throw new SignInError('ERR_ACCOUNT_UNKNOWN', message)
  }
  // Choices for one service do not apply to another.
  const there = remembered?.service === origin ? remembered : undefined
  const given = ca === undefined ? undefined : readCertificates(typeof ca === 'string' ? utf8(ca) : ca)
  return {
    address,
    service: origin,
    method: method ?? there?.method ?? 'certificate',
    ca: given ?? there?.ca,
    wanted: { address, card, slot: slot === undefined ? undefined : parseSlot(slot), remembered },
  }
}

interface Life {
  readonly signal: AbortSignal
  /** The service has accepted the address. */
  succeeded(): Promise<void>
  over(reason: EndReason): Promise<void>
}

async function enter(options: SignInOptions, plan: Plan, choice: Choice, life: Life): Promise<OpenSession> {
  const { address, method, ca } = plan
  const { card: chosen, slot, certificate, description } = choice
  const { minTriesLeft = 0, timeout } = options
  const service = new Service(plan.service, ca, timeout)
  const card = await chosen.open()
  const removal = watchRemoval(card)
  const signal = AbortSignal.any([life.signal, removal.signal])
  const pin = pinOnce(options.pin, minTriesLeft, signal)
  const onPin: AskPin = (request) => service.whileAsking(() => pin.ask(request))
  const leave = async () => {
    removal.close()
    await chosen.release(card)
  }
  let session: OpenSession | undefined
  try {
    const { chain = [] } = (await card.getCertificate(slot)) ?? {}
    await assertKey(card, slot, certificate)
    await service.probe(signal)
    const key = { card, slot, certificate: { certificate, chain }, onPin, minTriesLeft }
    const entered = await signInBy(method, { service, address, ...key, signal })
    // Its work is done, and no other program should find it unlocked.
    if (method === 'challenge') await card.lock().catch(() => undefined)
    session = new OpenSession({ ...entered, how: method, slot, since: new Date() }, { card, service, way: entered.way })
    session.atEnd(leave)
    const isBoth = [entered.address, address].every((one) => isFor(description, one))
    if (!sameAddress(entered.address, address) && !isBoth) throw other(service, entered.address, address, slot)
    signal.throwIfAborted()
    await life.succeeded()
    endWithCard(session, removal, life)
    return session
  } catch (error) {
    await session?.signOut()
    await leave().catch(() => undefined)
    const refusal = pin.refusal() ?? { error }
    throw removal.signal.aborted ? removal.signal.reason : refusal.error
  } finally {
    pin.end()
  }
}

/** Ends the session when its card is removed; calls `over` at its end, after everything else. */
function endWithCard(session: OpenSession, { signal }: Removal, { over }: Life): void {
  session.atLast(over)
  const onRemoval = () => void session.end('card-removed')
  if (signal.aborted) onRemoval()
  else signal.addEventListener('abort', onRemoval, { once: true })
}

/** Checked before the PIN is requested: a certificate of another key cannot sign in. @throws CardError ERR_CERTIFICATE_KEY, ERR_KEY_ABSENT */
async function assertKey(card: Card, slot: string, certificate: Uint8Array): Promise<void> {
  const { publicKey } = await card.keyInfo(slot)
  if (isKeyOf(new X509Certificate(certificate), publicKey)) return
  const message = `The certificate in slot ${slot} does not belong to the key there. Import the right one: tessera cert import ${slot} FILE.`
  throw new CardError('ERR_CERTIFICATE_KEY', message)
}

function other(service: Service, taken: string, address: string, slot: string): SignInError {
  const message = `The service at ${service.host} takes the certificate in slot ${slot} for ${taken}, and not for ${address}. You are signed out again, and nothing is remembered. Sign in as ${taken}, or name another card or slot.`
  return new SignInError('ERR_SIGN_IN_REFUSED', message, { reason: 'other-address' })
}

const accountOf = (
  { address, service, method, ca }: Plan,
  { card, slot, certificate }: Choice,
): Omit<Account, 'lastSignIn'> => ({
  ...{ address, service, method, slot, card: { kind: card.kind, id: card.id, name: card.name } },
  fingerprint: sha256(certificate),
  ...(ca !== undefined && { ca: [...ca] }),
})

/** Remembers how it ended, unless the account was forgotten meanwhile. */
async function remember(accounts: Accounts, address: string, reason: EndReason): Promise<void> {
  const account = await accounts.read(address)
  if (account !== undefined) await accounts.write({ ...account, ended: { at: new Date().toISOString(), reason } })
}
