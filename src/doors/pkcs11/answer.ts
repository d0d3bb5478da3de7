// Answers one message of a program: the call that it names, or a return value.
import { utf8 } from '../../bytes.ts'
import { CALLS, type CallName, callByNumber, ERROR_CALL, ERROR_FIELDS } from './calls.ts'
import { CkrError } from './codes.ts'
import { faultOf } from './faults.ts'
import { FieldReader, MessageError } from './field-reader.ts'
import { FieldWriter } from './field-writer.ts'
import { GENERAL } from './handlers/general.ts'
import { GENERATE } from './handlers/generate.ts'
import type { Handler } from './handlers/handler.ts'
import { KEYS } from './handlers/keys.ts'
import { OBJECTS } from './handlers/objects.ts'
import { SESSIONS } from './handlers/sessions.ts'
import type { Program } from './program.ts'

const HANDLERS: Readonly<Record<CallName, Handler>> = { ...GENERAL, ...SESSIONS, ...OBJECTS, ...KEYS, ...GENERATE }

/** Never throws. The caller overwrites both the message and the answer. `trouble` hears what the program is not told. */
export async function answerTo(
  message: Uint8Array,
  program: Program,
  trouble: (error: unknown) => void,
): Promise<FieldWriter> {
  const answer = new FieldWriter()
  try {
    const fields = new FieldReader(message)
    const name = callIn(fields)
    if (!program.isInitialized && name !== 'C_Initialize') throw new CkrError('CKR_CRYPTOKI_NOT_INITIALIZED')
    const [number, , form] = CALLS[name]
    answer.uint32(number).octets(utf8(form))
    await HANDLERS[name](fields, answer, program)
    return answer
  } catch (error) {
    answer.clear()
    const { rv, isTrouble } = faultOf(error)
    if (isTrouble) trouble(error)
    return answer.uint32(ERROR_CALL).octets(utf8(ERROR_FIELDS)).ulong(rv)
  }
}

/** @throws CkrError CKR_FUNCTION_NOT_SUPPORTED; MessageError where the call has other fields than here */
function callIn(fields: FieldReader): CallName {
  const name = callByNumber(fields.uint32())
  if (name === undefined) throw new CkrError('CKR_FUNCTION_NOT_SUPPORTED')
  const form = fields.octets()
  if (form !== undefined && Buffer.from(form).toString('latin1') === CALLS[name][1]) return name
  throw new MessageError('A call has other fields than this one knows.')
}
