// What a card answers to SELECT, read strictly: src needs the label alone. SP 800-73-5 part 2, section 3.1.1, tables 3 to 5.
import { equal } from '../../src/bytes.ts'
import { pickFields } from '../../src/iso7816/fields.ts'
import { readTlvs, TlvError, unwrap } from '../../src/iso7816/tlv.ts'
import { type ApplicationProperties, PROPERTIES } from '../../src/piv/application.ts'

const TEMPLATE = 0x61
const ALGORITHMS = 0xac

const text = (octets: Uint8Array): string => new TextDecoder().decode(octets)

/** AC: identifiers of algorithms (80), then an object identifier that is always 00. Part 2, table 5. */
function readAlgorithms(octets: Uint8Array): number[] {
  const tlvs = readTlvs(octets, 'BER')
  const last = tlvs.pop()
  const wellFormed = tlvs.length > 0 && tlvs.every(({ tag, value }) => tag === 0x80 && value.length === 1)
  if (!wellFormed || last?.tag !== 0x06 || !equal(last.value, Uint8Array.of(0x00))) {
    throw new TlvError('the list of algorithms is none')
  }
  return tlvs.map(({ value }) => value[0] ?? 0)
}

/** Reads the answer to SELECT: `61 L {…}`. Cards may have several lists of algorithms. @throws TlvError */
export function readApplicationProperties(octets: Uint8Array): ApplicationProperties {
  const inside = readTlvs(unwrap(octets, TEMPLATE, 'BER'), 'BER')
  const lists = inside.filter(({ tag }) => tag === ALGORITHMS)
  const others = inside.filter(({ tag }) => tag !== ALGORITHMS)
  const { identifier, authority, label, url } = pickFields(others, PROPERTIES)
  return {
    identifier,
    authority: unwrap(authority, PROPERTIES.identifier.tag, 'BER'),
    ...(label && { label: text(label) }),
    ...(url && { url: text(url) }),
    algorithms: lists.flatMap(({ value }) => readAlgorithms(value)),
  }
}
