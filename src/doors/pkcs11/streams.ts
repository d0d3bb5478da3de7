// One program on the two streams with which it has started this one: `remote: |tessera pkcs11` in a module file of p11-kit.
import { Socket } from 'node:net'
import { UsageError } from '../../errors.ts'
import { Connection } from './connection.ts'
import { Conversation } from './conversation.ts'
import { Program } from './program.ts'
import { DEFAULTS, type Pkcs11ServiceOptions } from './service.ts'
import type { CardSource } from './token.ts'

export interface StreamOptions extends Pick<Pkcs11ServiceOptions, 'minTriesLeft' | 'onTrouble'> {
  readonly signal: AbortSignal
}

/** Answers the program until it closes its end. @throws UsageError ERR_USAGE where nobody can be at the other end */
export async function converse(cards: readonly CardSource[], options: StreamOptions): Promise<void> {
  const { minTriesLeft = DEFAULTS.minTriesLeft, onTrouble, signal } = options
  const trouble = (error: unknown) => onTrouble?.(error)
  const output = stream(() => new Socket({ fd: 1, readable: false, writable: true }))
  const conversation = new Conversation(new Program(cards, minTriesLeft), trouble)
  const connection = new Connection(
    {
      input: (onread) => stream(() => new Socket({ fd: 0, readable: true, writable: false, onread } as object)),
      output,
    },
    conversation,
    { patience: DEFAULTS.patience, trouble },
  )
  const leave = () => connection.destroy()
  signal.addEventListener('abort', leave, { once: true })
  await connection.ended
  signal.removeEventListener('abort', leave)
}

/** Terminals and files are no streams for it. */
function stream(open: () => Socket): Socket {
  try {
    return open()
  } catch (cause) {
    throw new UsageError('ERR_USAGE', STARTED_BY_HAND, { cause })
  }
}

const STARTED_BY_HAND =
  'p11-kit starts this command, and speaks to it on its standard input and output. `tessera pkcs11 --module-file` prints the module file that tells p11-kit so. To start a program with a card: tessera run PROGRAM.'
