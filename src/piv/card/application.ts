/**
 * The PIV card application: bytes in, bytes out, over any vault. SP 800-73-5 part 2.
 */
import { wipe } from '../../bytes.ts'
import { CardError } from '../../errors.ts'
import { CommandChain, PendingResponse } from '../../iso7816/chaining.ts'
import { type CommandApdu, parseCommand } from '../../iso7816/command.ts'
import { encodeResponse, type ResponseApdu } from '../../iso7816/response.ts'
import { StatusError, SW } from '../../iso7816/status.ts'
import { CHAINED, type PivCommand, parsePivCommand } from './command.ts'
import type { CardContext } from './context.ts'
import { admin } from './handlers/admin.ts'
import { attest, deleteAttestation, generateAttestation, importAttestation } from './handlers/attestation.ts'
import { metadata, serial, version } from './handlers/facts.ts'
import { generate, useKey } from './handlers/keys.ts'
import { deleteKey, importKey, moveKey, setAdminKey } from './handlers/manage.ts'
import { getData, putData, select } from './handlers/objects.ts'
import { change, clearPin, pinStatus, unblock, verify } from './handlers/pins.ts'
import { resetCard } from './handlers/reset.ts'
import { Security } from './security.ts'

const INS = { getResponse: 0xc0, generalAuthenticate: 0x87, putData: 0xdb } as const
const CLA = { plain: 0x00, chained: 0x10 } as const
const CLASSES: readonly number[] = Object.values(CLA)
const NOTHING = new Uint8Array(0)

/** Answers data, or nothing. */
type Handler<Kind extends PivCommand['kind']> = (
  context: CardContext,
  command: Extract<PivCommand, { kind: Kind }>,
) => Promise<Uint8Array> | Promise<void> | Uint8Array

/** One handler a command; the compiler sees to it that none is missing. */
const HANDLERS: { readonly [Kind in PivCommand['kind']]: Handler<Kind> } = {
  select,
  getData,
  putData,
  pinStatus,
  clearPin,
  verify,
  change,
  unblock,
  useKey,
  admin,
  generate,
  version,
  serial,
  metadata,
  importKey,
  setAdminKey,
  moveKey,
  deleteKey,
  attest,
  generateAttestation,
  importAttestation,
  deleteAttestation,
  resetCard,
}

export class CardApplication {
  readonly #context: CardContext
  readonly #chain = new CommandChain()
  readonly #pending = new PendingResponse()

  constructor(context: Omit<CardContext, 'security'>) {
    this.#context = { ...context, security: new Security() }
  }

  get security(): Security {
    return this.#context.security
  }

  /** Reset or power-off: whatever was verified on this connection is forgotten. */
  async reset(): Promise<void> {
    this.#forgetExchange()
    this.#context.security.clear()
    await this.#context.vault.pins.lock()
  }

  /**
   * One command. Every refusal of the card is a status word; what is no answer of a card at all (the TPM is gone, the
   * disk is full) rejects with its typed error.
   */
  async transmit(octets: Uint8Array): Promise<Uint8Array> {
    return encodeResponse(await this.#answer(octets))
  }

  async #answer(octets: Uint8Array): Promise<ResponseApdu> {
    const apdu = parseCommand(octets)
    try {
      await this.#interrupt(apdu)
      if (apdu === undefined) throw new StatusError(SW.WRONG_LENGTH)
      if (!CLASSES.includes(apdu.cla)) throw new StatusError(SW.UNKNOWN_CLA)
      if (apdu.ins === INS.getResponse) return this.#pending.next(apdu.le)
      if (apdu.cla === CLA.chained && !CHAINED.has(apdu.ins)) throw new StatusError(SW.CHAINING_NOT_SUPPORTED)
      return await this.#execute(apdu)
    } catch (error) {
      // One use of an `always` key, one answer to a step: and one that failed was it.
      this.#context.security.dropStep()
      await this.#context.vault.pins.disarm()
      const sw = statusOf(error)
      if (sw === undefined) throw error
      return { data: NOTHING, sw }
    }
  }

  /**
   * What a command ends by coming in between, also one that is refused: the one use of an `always` key after VERIFY, a
   * step of authentication with the admin key, a chain. The parts of one GENERAL AUTHENTICATE are one command, and so
   * is fetching the rest of its answer.
   */
  async #interrupt(apdu: CommandApdu | undefined): Promise<void> {
    const { vault, security } = this.#context
    const ins = apdu !== undefined && CLASSES.includes(apdu.cla) ? apdu.ins : undefined
    if (ins === INS.getResponse && this.#pending.active) return
    this.#pending.clear()
    const aborted = this.#chain.active && (apdu === undefined || !this.#chain.continues(apdu))
    if (aborted) this.#chain.reset()
    if (ins === INS.generalAuthenticate && !aborted) return
    security.dropStep()
    await vault.pins.disarm()
  }

  async #execute(part: CommandApdu): Promise<ResponseApdu> {
    const apdu = this.#whole(part)
    if (apdu === 'more') return { data: NOTHING, sw: SW.OK }
    try {
      const data = await this.#dispatch(parsePivCommand(apdu))
      return this.#pending.take(data ?? NOTHING, apdu.le)
    } finally {
      // What was put together is ours, and may have been a private key. One that came whole is its sender's.
      if (apdu !== part) wipe(apdu.data)
    }
  }

  /** An object that is longer than any command can be has no space on the card. Part 2, 3.3.2. */
  #whole(part: CommandApdu): CommandApdu | 'more' {
    try {
      return this.#chain.add(part)
    } catch (error) {
      throw part.ins === INS.putData ? new StatusError(SW.NO_SPACE, { cause: error }) : error
    }
  }

  async #dispatch(command: PivCommand): Promise<Uint8Array | undefined> {
    const { vault, security } = this.#context
    // Of the two uses of GENERAL AUTHENTICATE each is another command to the other.
    if (command.kind !== 'useKey') await vault.pins.disarm()
    if (command.kind !== 'admin') security.dropStep()
    const handler = HANDLERS[command.kind] as Handler<PivCommand['kind']>
    return (await handler(this.#context, command as never)) ?? undefined
  }

  #forgetExchange(): void {
    this.#chain.reset()
    this.#pending.clear()
  }
}

/** Errors of vaults say their status word themselves (src/errors.ts). */
function statusOf(error: unknown): number | undefined {
  if (error instanceof StatusError) return error.sw
  return error instanceof CardError ? error.sw : undefined
}
