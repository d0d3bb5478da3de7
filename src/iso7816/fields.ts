// Data objects with known fields, read and written by a table with one row for each field. `readFields` is for what hosts
// send to our card: nothing twice, nothing unknown. `knownFields` is for the contents of other makers' cards.
import { space } from '../bytes.ts'
import { putTagAndLength, putTlv, type Tlv, TlvError, TlvReader, tlv, tlvSize } from './tlv.ts'

export interface Field {
  readonly tag: number
  /** The length of the value in octets: exact, or from a minimum to a maximum. Any length if not given. */
  readonly length?: number | readonly [least: number, most: number]
  readonly optional?: true
}

/** Rows in the order in which fields are written; they are read in any order. */
export type FieldTable = Readonly<Record<string, Field>>

type OptionalNames<Table extends FieldTable> = {
  [Name in keyof Table]: Table[Name] extends { readonly optional: true } ? Name : never
}[keyof Table]

/** Values by the names of a table. */
export type FieldsOf<Table extends FieldTable> = {
  readonly [Name in Exclude<keyof Table, OptionalNames<Table>>]: Uint8Array
} & { readonly [Name in OptionalNames<Table>]?: Uint8Array }

/** A row of a table with its bounds computed. */
interface Row {
  readonly name: string
  readonly tag: number
  readonly least: number
  readonly most: number
  readonly optional: boolean
}

/** Tables are constants, so this is computed once for each. */
const known = new WeakMap<FieldTable, readonly Row[]>()

function rowsOf(table: FieldTable): readonly Row[] {
  const worked = known.get(table)
  if (worked !== undefined) return worked
  const rows = Object.entries(table).map(([name, { tag, length, optional = false }]) => {
    const [least, most] = typeof length === 'object' ? length : [length ?? 0, length ?? Number.POSITIVE_INFINITY]
    return { name, tag, least, most, optional }
  })
  known.set(table, rows)
  return rows
}

/**
 * The fields in `octets`, as views.
 * @throws TlvError for a tag that is not in the table, a repeated tag, a missing one, a wrong length
 */
export function readFields<const Table extends FieldTable>(octets: Uint8Array, table: Table): FieldsOf<Table> {
  const rows = rowsOf(table)
  const found: Found = {}
  const reader = new TlvReader(octets, 'BER')
  while (reader.next()) place(found, rows, reader.tag, reader.value)
  return whole<Table>(found, rows)
}

/**
 * For each field the first value with a valid length, as a view. Unknown, repeated, missing or malformed parts are
 * skipped, as OpenSC and ykman do. Never throws.
 */
export function knownFields<const Table extends FieldTable>(
  octets: Uint8Array,
  table: Table,
): { readonly [Name in keyof Table]?: Uint8Array } {
  const rows = rowsOf(table)
  const found: { [Name in keyof Table]?: Uint8Array } = {}
  const reader = new TlvReader(octets, 'BER')
  while (reader.nextReadable()) {
    const row = rowOf(rows, reader.tag)
    const length = reader.end - reader.start
    if (row === undefined || found[row.name] !== undefined || length < row.least || length > row.most) continue
    found[row.name as keyof Table] = reader.value
  }
  return found
}

/** As `readFields`, for data objects that were read already. @throws TlvError */
export function pickFields<const Table extends FieldTable>(tlvs: readonly Tlv[], table: Table): FieldsOf<Table> {
  const rows = rowsOf(table)
  const found: Found = {}
  for (const { tag, value } of tlvs) place(found, rows, tag, value)
  return whole<Table>(found, rows)
}

/** Values by the names of their rows. */
type Found = Record<string, Uint8Array>

function place(found: Found, rows: readonly Row[], tag: number, value: Uint8Array): void {
  const row = rowOf(rows, tag)
  if (row === undefined) throw new TlvError(`tag ${tag.toString(16)} does not belong here`)
  if (found[row.name] !== undefined) throw new TlvError(`tag ${tag.toString(16)} is there twice`)
  found[row.name] = value
}

function whole<Table extends FieldTable>(found: Found, rows: readonly Row[]): FieldsOf<Table> {
  for (const row of rows) check(row, found[row.name])
  return found as FieldsOf<Table>
}

/** A loop without closures: each signature passes here four times. */
function rowOf(rows: readonly Row[], tag: number): Row | undefined {
  for (const row of rows) if (row.tag === tag) return row
  return undefined
}

/** The octets of `fields`, in the order of the table. @throws TlvError as `readFields` */
export function writeFields<const Table extends FieldTable>(fields: FieldsOf<Table>, table: Table): Uint8Array[] {
  const values: Readonly<Record<string, Uint8Array | undefined>> = fields
  const written: Uint8Array[] = []
  for (const row of rowsOf(table)) {
    const value = values[row.name]
    check(row, value)
    if (value !== undefined) written.push(tlv(row.tag, value))
  }
  return written
}

/** A data object that contains `fields`, written at once: no copy is left that nobody overwrites. @throws TlvError */
export function wrapFields<const Table extends FieldTable>(
  tag: number,
  fields: FieldsOf<Table>,
  table: Table,
): Uint8Array {
  const values: Readonly<Record<string, Uint8Array | undefined>> = fields
  const rows = rowsOf(table)
  let length = 0
  for (const row of rows) {
    const value = values[row.name]
    check(row, value)
    if (value !== undefined) length += tlvSize(row.tag, value.length)
  }
  const octets = space(tlvSize(tag, length))
  let at = putTagAndLength(octets, 0, tag, length)
  for (const row of rows) {
    const value = values[row.name]
    if (value !== undefined) at = putTlv(octets, at, row.tag, value)
  }
  return octets
}

function check({ name, tag, least, most, optional }: Row, value: Uint8Array | undefined): void {
  if (value === undefined) {
    if (!optional) throw new TlvError(`the ${name} (tag ${tag.toString(16)}) is missing`)
    return
  }
  if (value.length >= least && value.length <= most) return
  const wanted = least === most ? `${least}` : `${least} to ${most}`
  throw new TlvError(`the ${name} has ${value.length} octets and should have ${wanted}`)
}
