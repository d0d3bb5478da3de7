// Data objects with known fields, read and written by a table: one row a field, nothing twice, nothing unknown.
import { readTlvs, type Tlv, TlvError, tlv } from './tlv.ts'

export interface Field {
  readonly tag: number
  /** Octets of the value: so many, or from so many to so many. Any number when not said. */
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

function checkLength(name: string, { length }: Field, value: Uint8Array): void {
  const [least, most] = typeof length === 'object' ? length : [length ?? 0, length ?? Number.POSITIVE_INFINITY]
  if (value.length >= least && value.length <= most) return
  const wanted = least === most ? `${least}` : `${least} to ${most}`
  throw new TlvError(`the ${name} has ${value.length} octets and should have ${wanted}`)
}

/**
 * The fields that `octets` hold, as views of them.
 * @throws TlvError for a tag that is not in the table, one that comes twice, one that is missing, a wrong length
 */
export function readFields<const Table extends FieldTable>(octets: Uint8Array, table: Table): FieldsOf<Table> {
  return pickFields(readTlvs(octets), table)
}

/** As `readFields`, for data objects that were read already. @throws TlvError */
export function pickFields<const Table extends FieldTable>(tlvs: readonly Tlv[], table: Table): FieldsOf<Table> {
  const names = new Map(Object.entries(table).map(([name, field]) => [field.tag, name]))
  const found: Record<string, Uint8Array> = {}
  for (const { tag, value } of tlvs) {
    const name = names.get(tag)
    if (name === undefined) throw new TlvError(`tag ${tag.toString(16)} does not belong here`)
    if (name in found) throw new TlvError(`tag ${tag.toString(16)} is there twice`)
    found[name] = value
  }
  check(found, table)
  return found as FieldsOf<Table>
}

/**
 * The octets of `fields`, in the order of the table.
 * @throws TlvError as `readFields`
 */
export function writeFields<const Table extends FieldTable>(fields: FieldsOf<Table>, table: Table): Uint8Array[] {
  const values: Readonly<Record<string, Uint8Array | undefined>> = fields
  check(values, table)
  return Object.entries(table).flatMap(([name, { tag }]) => {
    const value = values[name]
    return value === undefined ? [] : [tlv(tag, value)]
  })
}

function check(values: Readonly<Record<string, Uint8Array | undefined>>, table: FieldTable): void {
  for (const [name, field] of Object.entries(table)) {
    const value = values[name]
    if (value !== undefined) checkLength(name, field, value)
    else if (!field.optional) throw new TlvError(`the ${name} (tag ${field.tag.toString(16)}) is missing`)
  }
}
