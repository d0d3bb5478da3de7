// Checks JSON against docs/cli.schema.json. Strict where a reader has to be lenient: a property that the schema does
// not name is a fault here, since it is not documented. Keywords that are not known here are refused, not passed over.

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly allOf?: readonly Schema[]
  readonly anyOf?: readonly Schema[]
  readonly description?: string
}

export interface SchemaFile extends Schema {
  readonly properties: Readonly<Record<string, Schema>>
  readonly $defs: Readonly<Record<string, Schema>>
}

const KNOWN = ['$ref', 'type', 'enum', 'pattern', 'items', 'properties', 'required', 'allOf', 'anyOf', 'description']
const REF = '#/$defs/'

const typeOf = (value: unknown): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

export class Checker {
  readonly #file: SchemaFile

  constructor(file: SchemaFile) {
    this.#file = file
  }

  /** What is wrong with the output of a command, or with one of `$defs` (`#error`); empty: nothing. */
  faults(name: string, value: unknown): string[] {
    const schema = name.startsWith('#') ? this.#file.$defs[name.slice(1)] : this.#file.properties[name]
    return schema === undefined ? [`${name}: there is no schema`] : this.#faults(schema, value, name)
  }

  #faults(given: Schema, value: unknown, at: string): string[] {
    const schema = this.#whole(given)
    if (schema.anyOf !== undefined) {
      const each = schema.anyOf.map((one) => this.#faults(one, value, at))
      return each.some((faults) => faults.length === 0) ? [] : each.flat()
    }
    const faults: string[] = []
    const type = typeOf(value)
    // JSON Schema, 6.1.1: a whole number is a number too.
    const types = type === 'integer' ? ['integer', 'number'] : [type]
    if (schema.type !== undefined && ![schema.type].flat().some((one) => types.includes(one))) {
      faults.push(`${at}: ${type}`)
    }
    if (schema.enum !== undefined && !schema.enum.includes(value)) faults.push(`${at}: ${JSON.stringify(value)}`)
    if (schema.pattern !== undefined && !(type === 'string' && new RegExp(schema.pattern).test(String(value)))) {
      faults.push(`${at}: ${JSON.stringify(value)} is not as ${schema.pattern}`)
    }
    if (Array.isArray(value)) {
      return [...faults, ...value.flatMap((item, index) => this.#faults(schema.items ?? {}, item, `${at}[${index}]`))]
    }
    return type === 'object' ? [...faults, ...this.#members(schema, value as Record<string, unknown>, at)] : faults
  }

  #members({ properties = {}, required = [] }: Schema, value: Record<string, unknown>, at: string): string[] {
    const missing = required.filter((name) => !(name in value)).map((name) => `${at}: no ${name}`)
    const faults = Object.entries(value).flatMap(([name, member]) => {
      const schema = properties[name]
      return schema === undefined ? [`${at}: ${name} is not documented`] : this.#faults(schema, member, `${at}.${name}`)
    })
    return [...missing, ...faults]
  }

  /** With references resolved, and all that `allOf` says put together. */
  #whole(schema: Schema): Schema {
    const strange = Object.keys(schema).filter((keyword) => !KNOWN.includes(keyword))
    if (strange.length > 0) throw new Error(`unknown keyword ${strange}`)
    if (schema.$ref !== undefined) {
      const found = schema.$ref.startsWith(REF) ? this.#file.$defs[schema.$ref.slice(REF.length)] : undefined
      if (found === undefined) throw new Error(`${schema.$ref} is not there`)
      return this.#whole(found)
    }
    const parts = [schema, ...(schema.allOf ?? []).map((part) => this.#whole(part))]
    const properties: Schema['properties'] = Object.assign({}, ...parts.map((part) => part.properties))
    return Object.assign({}, ...parts, { properties, required: parts.flatMap((part) => part.required ?? []) })
  }
}

/** Every name of a property in a schema. */
export function propertyNames(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const own = 'properties' in schema ? Object.keys(schema.properties as object) : []
  return [...own, ...Object.values(schema).flatMap(propertyNames)]
}
