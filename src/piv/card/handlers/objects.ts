// SELECT, GET DATA, PUT DATA. SP 800-73-5 part 2, 3.1.1, 3.1.2, 3.3.2.
import { StatusError, SW } from '../../../iso7816/status.ts'
import { ALGORITHMS } from '../../algorithms.ts'
import { OUR_LABEL, PIV_AID, PIV_RID, selectsPiv, writeApplicationProperties } from '../../application.ts'
import { writeKeyHistory } from '../../contents.ts'
import { certificateTag, objectByTag, tagOf, writeObject } from '../../objects.ts'
import { SLOTS, type Slot } from '../../slots.ts'
import { ATTESTATION_CERTIFICATE } from '../../yubico.ts'
import type { PivCommand } from '../command.ts'
import type { CardContext } from '../context.ts'
import { initialObject } from '../identity.ts'
import { attestsFromTheBeginning } from './attestation.ts'

type Command<Kind extends PivCommand['kind']> = Extract<PivCommand, { kind: Kind }>

/** Largest object, octets: the largest container of the reference (facial image, 12710) fits. */
const LARGEST_OBJECT = 16_384
const KEY_HISTORY = tagOf('key-history')
const RETIRED = new Set(
  [...SLOTS].filter(([, name]) => name.startsWith('retired-')).map(([slot]) => certificateTag(slot as Slot)),
)

const PROPERTIES = writeApplicationProperties({
  identifier: PIV_AID.subarray(PIV_RID.length),
  authority: PIV_RID,
  label: OUR_LABEL,
  algorithms: Object.values(ALGORITHMS).map(({ id }) => id),
})

/** Every right truncation of the AID down to the RID selects this application: there is no other on the card. */
export function select(_context: CardContext, { aid }: Command<'select'>): Uint8Array {
  if (!selectsPiv(aid)) throw new StatusError(SW.NOT_FOUND)
  return PROPERTIES
}

export function getData(context: CardContext, command: Command<'getData'>): Uint8Array | Promise<Uint8Array> {
  if (command.tag !== ATTESTATION_CERTIFICATE) return read(context, command)
  return attestsFromTheBeginning(context).then(() => read(context, command))
}

function read(context: CardContext, { tag }: Command<'getData'>): Uint8Array {
  const { vault, identity } = context
  if (objectByTag(tag)?.read === 'pin' && !vault.pins.unlocked) throw new StatusError(SW.SECURITY_STATUS)
  const written =
    tag === KEY_HISTORY ? writeKeyHistory({ onCard: retiredCertificates(context), offCard: 0 }) : vault.objects.get(tag)
  const content = written ?? initialObject(tag, identity())
  if (content === undefined) throw new StatusError(SW.NOT_FOUND)
  return writeObject(tag, content)
}

const retiredCertificates = ({ vault }: CardContext) => vault.objects.tags().filter((tag) => RETIRED.has(tag)).length

/** Writing an empty object deletes it. */
export async function putData(context: CardContext, { tag, content }: Command<'putData'>): Promise<void> {
  if (!context.security.admin) throw new StatusError(SW.SECURITY_STATUS)
  // The key history is derived from the keys on the card, and tags other than 5Fxxxx are not supported.
  if (tag === KEY_HISTORY || !/^5f[0-9a-f]{4}$/.test(tag)) throw new StatusError(SW.NOT_SUPPORTED)
  if (content.length > LARGEST_OBJECT) throw new StatusError(SW.NO_SPACE)
  if (content.length === 0) await context.vault.objects.delete(tag)
  // A copy: the sender overwrites the command.
  else await context.vault.objects.put(tag, content.slice())
}
