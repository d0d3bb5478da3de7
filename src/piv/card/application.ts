/**
 * The PIV card application: bytes in, bytes out, over any vault. SP 800-73-5 part 2.
 */
import { isPromise } from 'node:util/types'
import { wipe } from '../../bytes.ts'
import { CardError } from '../../errors.ts'
import { CommandChain, PendingResponse } from '../../iso7816/chaining.ts'
import { type CommandApdu, parseCommand } from '../../iso7816/command.ts'
import { encodeResponse, type ResponseApdu } from '../../iso7816/response.ts'
import { StatusError, SW } from '../../iso7816/status.ts'
import type { Reply } from '../../transactions.ts'
import { CHAINED, type PivCommand, parsePivCommand } from './command.ts'
import type { CardContext, Counters } from './context.ts'
import { admin } from './handlers/admin.ts'
import { attest, deleteAttestation, generateAttestation, importAttestation } from './handlers/attestation.ts'
import { metadata, serial, version } from './handlers/facts.ts'
import { generate, useKey } from './handlers/keys.ts'
import { deleteKey, importKey, moveKey, setAdminKey } from './handlers/manage.ts'
import { getData, putData, select } from './handlers/objects.ts'
import { change, clearPin, pinStatus, unblock, verify } from './handlers/pins.ts'
import { resetCard } from './handlers/reset.ts'
import { Security } from './security.ts'
import type { Posting } from './vault.ts'

const INS = { getResponse: 0xc0, generalAuthenticate: 0x87, putData: 0xdb } as const
const CLA = { plain: 0x00, chained: 0x10 } as const
const CLASSES: readonly number[] = Object.values(CLA)
const NOTHING = new Uint8Array(0)
const DONE: ResponseApdu = { data: NOTHING, sw: SW.OK }

/** Returns response data, or nothing. Only uses of keys are posted. */
type Handler<Kind extends PivCommand['kind']> = (
  context: CardContext,
  command: Extract<PivCommand, { kind: Kind }>,
  posting: Posting,
) => Promise<Uint8Array> | Promise<void> | Uint8Array

/** One handler for each command; the compiler checks that none is missing. */
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

/** For a command outside any transaction, which is never posted. */
const ALONE: Reply = { posted: false, post: () => undefined, refused: () => undefined }

export class CardApplication {
  readonly #context: CardContext
  readonly #chain = new CommandChain()
  readonly #pending = new PendingResponse()
  /** Commands that are not answered yet: more than one where uses of keys were posted. */
  #unanswered = 0
  #whenAnswered: (() => void)[] = []

  constructor(context: Omit<CardContext, 'security' | 'counters'>) {
    this.#context = { ...context, security: new Security(), counters: {} }
  }

  get security(): Security {
    return this.#context.security
  }

  /** The tries left, as last reported. */
  get counters(): Counters {
    return this.#context.counters
  }

  /** Reset or power-off: whatever was verified on this connection is forgotten. */
  async reset(): Promise<void> {
    await this.settled()
    this.#chain.reset()
    this.#pending.clear()
    this.#context.security.clear()
    await this.#context.vault.pins.lock()
  }

  /** Waits until every command is answered. */
  async settled(): Promise<void> {
    if (this.#unanswered > 0) await new Promise<void>((resolve) => this.#whenAnswered.push(resolve))
  }

  #answered(): void {
    this.#unanswered -= 1
    if (this.#unanswered > 0) return
    for (const resolve of this.#whenAnswered.splice(0)) resolve()
  }

  /**
   * One command. Every refusal of the card is a status word. What is not a card's answer at all (the TPM is gone, the
   * disk is full) rejects with its typed error.
   */
  async transmit(octets: Uint8Array, reply: Reply = ALONE): Promise<Uint8Array> {
    const apdu = parseCommand(octets)
    let assembled: Uint8Array | undefined
    let secret: Uint8Array | undefined
    this.#unanswered += 1
    try {
      const interrupted = this.#interrupt(apdu)
      if (interrupted !== undefined) await interrupted
      const whole = this.#whole(accepted(apdu))
      if (whole === undefined) return encodeResponse(this.#pending.next(apdu?.le))
      if (whole === 'more') return encodeResponse(DONE)
      if (whole !== apdu) assembled = whole.data
      const command = parsePivCommand(whole)
      const separated = this.#separate(command)
      if (separated !== undefined) await separated
      const answer = (HANDLERS[command.kind] as Handler<PivCommand['kind']>)(this.#context, command as never, reply)
      const data = (isPromise(answer) ? await answer : answer) ?? NOTHING
      if (command.kind === 'useKey') secret = data
      // A posted command gets its answer whole: the pending rest may by now belong to another command.
      return encodeResponse(reply.posted ? { data, sw: SW.OK } : this.#pending.take(data, whole.le))
    } catch (error) {
      const sw = statusOf(error)
      reply.refused(error instanceof StatusError ? error.cause : error)
      // A posted use had no other command beside it when it was posted; what is armed now belongs to later commands.
      if (!reply.posted) await this.#disarm()
      if (sw === undefined) throw error
      return encodeResponse({ data: NOTHING, sw })
    } finally {
      // Data assembled from a chain is ours, and may have been a private key. Data that came whole belongs to its sender.
      // What a key gave may be a secret: its recipient has the encoded copy.
      wipe(assembled, secret)
      this.#answered()
    }
  }

  /**
   * Ends what an intervening command ends, even one that is refused: the one use of an `always` key after VERIFY, a step
   * of authentication with the admin key, a chain. The parts of one GENERAL AUTHENTICATE are one command, and so is
   * fetching the rest of its answer.
   */
  #interrupt(apdu: CommandApdu | undefined): Promise<void> | undefined {
    const ins = apdu !== undefined && CLASSES.includes(apdu.cla) ? apdu.ins : undefined
    if (ins === INS.getResponse && this.#pending.active) return undefined
    this.#pending.clear()
    const aborted = this.#chain.active && (apdu === undefined || !this.#chain.continues(apdu))
    if (aborted) this.#chain.reset()
    return ins === INS.generalAuthenticate && !aborted ? undefined : this.#disarm()
  }

  /** The two uses of GENERAL AUTHENTICATE (key, admin key) count as different commands. */
  #separate({ kind }: PivCommand): Promise<void> | undefined {
    if (kind !== 'admin') this.#context.security.dropStep()
    return kind === 'useKey' ? undefined : this.#context.vault.pins.disarm()
  }

  /** Ends the one use of an `always` key, and the step that waits for an answer. */
  #disarm(): Promise<void> | undefined {
    this.#context.security.dropStep()
    return this.#context.vault.pins.disarm()
  }

  /**
   * The whole command; undefined for GET RESPONSE, `more` for a part of a chain. An object that is longer than any
   * command can be has no space on the card. Part 2, 3.3.2.
   */
  #whole(part: CommandApdu): CommandApdu | 'more' | undefined {
    if (part.ins === INS.getResponse) return undefined
    if (part.cla === CLA.chained && !CHAINED.has(part.ins)) throw new StatusError(SW.CHAINING_NOT_SUPPORTED)
    try {
      return this.#chain.add(part)
    } catch (error) {
      throw part.ins === INS.putData ? new StatusError(SW.NO_SPACE, { cause: error }) : error
    }
  }
}

function accepted(apdu: CommandApdu | undefined): CommandApdu {
  if (apdu === undefined) throw new StatusError(SW.WRONG_LENGTH)
  if (!CLASSES.includes(apdu.cla)) throw new StatusError(SW.UNKNOWN_CLA)
  return apdu
}

/** Errors of vaults say their status word themselves (src/errors.ts). */
function statusOf(error: unknown): number | undefined {
  if (error instanceof StatusError) return error.sw
  return error instanceof CardError ? error.sw : undefined
}
