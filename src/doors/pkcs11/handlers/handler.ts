// One call: reads its request, does it, and writes the answer.
import type { FieldReader } from '../field-reader.ts'
import type { FieldWriter } from '../field-writer.ts'
import type { Program } from '../program.ts'

export type Handler = (request: FieldReader, answer: FieldWriter, program: Program) => void | Promise<void>
