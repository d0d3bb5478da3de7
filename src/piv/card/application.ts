/**
 * The PIV card application: bytes in, bytes out, over any vault. SP 800-73-5 part 2.
 */
import { CardError } from '../../errors.ts'
import { CommandChain, PendingResponse } from '../../iso7816/chaining.ts'
import { type CommandApdu, parseCommand } from '../../iso7816/command.ts'
import { encodeResponse, type ResponseApdu } from '../../iso7816/response.ts'
import { StatusError, SW } from '../../iso7816/status.ts'
import { CHAINED, type PivCommand, parsePivCommand } from './command.ts'
import type { CardContext } from './context.ts'
import { admin } from './handlers/admin.ts'
import { generate, useKey } from './handlers/keys.ts'
import { getData, putData, select } from './handlers/objects.ts'
import { change, clearPin, pinStatus, unblock, verify } from './handlers/pins.ts'
import { Security } from './security.ts'

const INS = { getResponse: 0xc0, generalAuthenticate: 0x87 } as const
const CLA = { plain: 0x00, chained: 0x10 } as const
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
    try {
      const apdu = parseCommand(octets)
      await this.#interrupt(apdu)
      if (apdu === undefined) throw new StatusError(SW.WRONG_LENGTH)
      if (apdu.cla !== CLA.plain && apdu.cla !== CLA.chained) throw new StatusError(SW.UNKNOWN_CLA)
      if (apdu.ins === INS.getResponse) return this.#pending.next(apdu.le)
      this.#pending.clear()
      if (apdu.cla === CLA.chained && !CHAINED.has(apdu.ins)) throw new StatusError(SW.CHAINING_NOT_SUPPORTED)
      const whole = this.#chain.add(apdu)
      if (whole === 'more') return { data: NOTHING, sw: SW.OK }
      const data = await this.#dispatch(parsePivCommand(whole))
      return this.#pending.take(data ?? NOTHING, whole.le)
    } catch (error) {
      const sw = statusOf(error)
      if (sw === undefined) throw error
      return { data: NOTHING, sw }
    }
  }

  /**
   * Whatever is no part of a chain ends the one under way, also when it is refused. And PIN always: nothing may come
   * between VERIFY and the use of the key, however many parts that use is sent in.
   */
  async #interrupt(apdu: CommandApdu | undefined): Promise<void> {
    const known = apdu !== undefined && (apdu.cla === CLA.plain || apdu.cla === CLA.chained)
    if (!known || !CHAINED.has(apdu.ins)) this.#chain.reset()
    if (known && apdu.ins === INS.generalAuthenticate) return
    this.#context.security.dropStep()
    await this.#context.vault.pins.disarm()
  }

  async #dispatch(command: PivCommand): Promise<Uint8Array | undefined> {
    if (command.kind !== 'useKey') await this.#context.vault.pins.disarm()
    if (command.kind !== 'admin') this.#context.security.dropStep()
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
