// A new pair of keys: CKA_ID names the slot, and a slot that has something is left as it is. PKCS #11 v3.1, 5.18.2.
import { equal } from '../../../bytes.ts'
import { ALGORITHMS, type Algorithm } from '../../../piv/algorithms.ts'
import { defaultPinPolicy, type PinPolicy, type Slot } from '../../../piv/slots.ts'
import { type Attribute, type AttributeValue, CKA } from '../attributes.ts'
import { CkrError } from '../codes.ts'
import { readMechanism } from '../mechanisms.ts'
import { slotOfId } from '../names.ts'
import { CURVES } from '../objects.ts'
import type { Handler } from './handler.ts'
import { demandChanges } from './objects.ts'

type Said = ReadonlyMap<number, AttributeValue | undefined>
const saidIn = (template: readonly Attribute[]): Said => new Map(template.map(({ type, value }) => [type, value]))

const generate: Handler = async (request, answer, program) => {
  const session = program.session(request.ulong())
  const mechanism = readMechanism(request, 'generateKeyPair')
  const [ofPublic, ofPrivate] = [saidIn(request.attributes()), saidIn(request.attributes())]
  const { token } = session
  demandChanges(session)
  if (mechanism === undefined || !(await token.facts()).isOwned) throw new CkrError('CKR_MECHANISM_INVALID')
  const algorithm = algorithmIn(ofPublic, mechanism.kind)
  const slot = slotIn(ofPrivate, ofPublic)
  const pinPolicy = policyIn(ofPrivate, slot)
  await token.using(async (card) => {
    if (await card.isOccupied(slot)) throw new CkrError('CKR_ACTION_PROHIBITED')
    await card.generateKey(slot, { algorithm, pinPolicy })
  })
  token.changed()
  await token.visible()
  for (const name of ['public key', 'private key']) answer.ulong(token.objects.handle(`${name} ${slot}`) ?? 0)
}

/** @throws CkrError */
function algorithmIn(said: Said, kind: 'ec' | 'rsa'): Algorithm {
  const bits = said.get(CKA.modulusBits)
  const curve = said.get(CKA.ecParams)
  const names = Object.keys(ALGORITHMS) as Algorithm[]
  if (kind === 'rsa') {
    if (bits === undefined) throw new CkrError('CKR_TEMPLATE_INCOMPLETE')
    const found = names.find((name) => ALGORITHMS[name].kind === 'rsa' && ALGORITHMS[name].octets * 8 === bits)
    if (found === undefined) throw new CkrError('CKR_ATTRIBUTE_VALUE_INVALID')
    return found
  }
  if (typeof curve !== 'object') throw new CkrError('CKR_TEMPLATE_INCOMPLETE')
  const [found] = Object.entries(CURVES).flatMap(([name, der]) => (equal(der, curve) ? [name as Algorithm] : []))
  if (found === undefined) throw new CkrError('CKR_CURVE_NOT_SUPPORTED')
  return found
}

/** @throws CkrError */
function slotIn(...templates: readonly Said[]): Slot {
  const id = templates.map((said) => said.get(CKA.id)).find((value) => typeof value === 'object' && value.length > 0)
  if (typeof id !== 'object') throw new CkrError('CKR_TEMPLATE_INCOMPLETE')
  const slot = slotOfId(id)
  if (slot === undefined) throw new CkrError('CKR_ATTRIBUTE_VALUE_INVALID')
  return slot
}

/** @throws CkrError CKR_TEMPLATE_INCONSISTENT for a key that would leave the card */
function policyIn(said: Said, slot: Slot): PinPolicy {
  if (said.get(CKA.extractable) === true || said.get(CKA.token) === false)
    throw new CkrError('CKR_TEMPLATE_INCONSISTENT')
  if (said.get(CKA.alwaysAuthenticate) === true) return 'always'
  return said.get(CKA.private) === false ? 'never' : defaultPinPolicy(slot)
}

export const GENERATE = { C_GenerateKeyPair: generate } as const satisfies Record<string, Handler>
