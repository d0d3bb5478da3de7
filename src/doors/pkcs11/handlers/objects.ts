// Finding objects, and what they say. PKCS #11 v3.1, 5.7.
import { X509Certificate } from 'node:crypto'
import { copyOf, equal } from '../../../bytes.ts'
import { isUsable } from '../../../piv/host/key-info.ts'
import type { Slot } from '../../../piv/slots.ts'
import { type Attribute, type AttributeValue, CKA, SECRET } from '../attributes.ts'
import { CKC, CKO, CKR, CkrError } from '../codes.ts'
import { slotOfId } from '../names.ts'
import type { TokenObject } from '../objects.ts'
import type { Session } from '../program.ts'
import { roomFor } from '../rooms.ts'
import type { Token } from '../token.ts'
import type { Handler } from './handler.ts'

const attributeValue: Handler = async (request, answer, program) => {
  const { token } = program.session(request.ulong())
  const object = await token.object(request.ulong())
  const wanted = request.wanted()
  let rv = 0
  answer.uint32(wanted.length)
  for (const { type, room } of wanted) {
    const value = await valueIn(token, object, type)
    answer.attribute(type, value, room)
    if (value === undefined) rv = isSecret(object, type) ? CKR.CKR_ATTRIBUTE_SENSITIVE : CKR.CKR_ATTRIBUTE_TYPE_INVALID
    else if (typeof value === 'object' && room > 0 && room < value.length && rv === 0) rv = CKR.CKR_BUFFER_TOO_SMALL
  }
  answer.ulong(rv)
}

const isSecret = ({ key }: TokenObject, type: number): boolean => key !== undefined && SECRET.includes(type)

/** The value of a data object is read when it is asked for. */
async function valueIn(
  token: Token,
  { attributes, tag }: TokenObject,
  type: number,
): Promise<AttributeValue | undefined> {
  if (tag === undefined || type !== CKA.value) return attributes.get(type)
  return (await (await token.card()).getObject(tag)) ?? new Uint8Array(0)
}

const find: Handler = async (request, _answer, program) => {
  const session = program.session(request.ulong())
  const template = request.attributes()
  if (session.found !== undefined) throw new CkrError('CKR_OPERATION_ACTIVE')
  const objects = await session.token.visible()
  session.found = [...objects].flatMap(([handle, { attributes }]) =>
    template.every(({ type, value }) => isSame(attributes.get(type), value)) ? [handle] : [],
  )
}

function isSame(has: AttributeValue | undefined, wanted: AttributeValue | undefined): boolean {
  return typeof has === 'object' && typeof wanted === 'object'
    ? equal(has, wanted)
    : has !== undefined && has === wanted
}

const next: Handler = (request, answer, program) => {
  const { found } = program.session(request.ulong())
  const room = roomFor(request.uint32())
  if (found === undefined) throw new CkrError('CKR_OPERATION_NOT_INITIALIZED')
  answer.ulongs(found.splice(0, room), room)
}

const findFinal: Handler = (request, _answer, program) => {
  const session = program.session(request.ulong())
  if (session.found === undefined) throw new CkrError('CKR_OPERATION_NOT_INITIALIZED')
  session.found = undefined
}

/** @throws CkrError CKR_SESSION_READ_ONLY, CKR_USER_NOT_LOGGED_IN */
export function demandChanges(session: Session): void {
  session.demandWritable()
  if (session.token.login !== 'user') throw new CkrError('CKR_USER_NOT_LOGGED_IN')
}

/** Certificates, each beside the key that it belongs to. */
const create: Handler = async (request, answer, program) => {
  const session = program.session(request.ulong())
  const template = request.attributes()
  const { token } = session
  demandChanges(session)
  const said = new Map(template.map(({ type, value }: Attribute) => [type, value]))
  const der = said.get(CKA.value)
  const isCertificate =
    said.get(CKA.class) === CKO.certificate && (said.get(CKA.certificateType) ?? CKC.x509) === CKC.x509
  if (!isCertificate || said.get(CKA.token) === false) throw new CkrError('CKR_TEMPLATE_INCONSISTENT')
  if (typeof der !== 'object' || der.length === 0) throw new CkrError('CKR_TEMPLATE_INCOMPLETE')
  const certificate = copyOf(der)
  const slot = await slotFor(token, certificate, said.get(CKA.id))
  await token.using((card) => card.putCertificate(slot, { certificate }))
  token.changed()
  await token.visible()
  answer.ulong(token.objects.handle(`certificate ${slot}`) ?? 0)
}

/** The slot that the CKA_ID names; without one, that of the key in the certificate. @throws CkrError */
async function slotFor(token: Token, certificate: Uint8Array, id: AttributeValue | undefined): Promise<Slot> {
  const x509 = parsed(certificate)
  if (typeof id === 'object' && id.length > 0) {
    const slot = slotOfId(id)
    if (slot === undefined) throw new CkrError('CKR_ATTRIBUTE_VALUE_INVALID')
    return slot
  }
  const keys = (await (await token.card()).slotContents()).filter(isUsable)
  const found = keys.find(({ publicKey }) => publicKey.equals(x509.publicKey))
  if (found === undefined) throw new CkrError('CKR_TEMPLATE_INCOMPLETE')
  return found.slot
}

function parsed(certificate: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(certificate)
  } catch {
    throw new CkrError('CKR_ATTRIBUTE_VALUE_INVALID')
  }
}

/** Certificates and secrets of sessions. Nobody should lose a key by a slip. */
const destroy: Handler = async (request, _answer, program) => {
  const session = program.session(request.ulong())
  const handle = request.ulong()
  const { token } = session
  const { attributes, slot } = await token.object(handle)
  if (token.objects.removeSecret(handle)) return
  demandChanges(session)
  if (attributes.get(CKA.class) !== CKO.certificate || slot === undefined) throw new CkrError('CKR_ACTION_PROHIBITED')
  await token.using((card) => card.deleteCertificate(slot))
  token.changed()
}

export const OBJECTS = {
  C_GetAttributeValue: attributeValue,
  C_FindObjectsInit: find,
  C_FindObjects: next,
  C_FindObjectsFinal: findFinal,
  C_CreateObject: create,
  C_DestroyObject: destroy,
} as const satisfies Record<string, Handler>
