// A storage key whose private half the attacker has: planted at 0x81000001, or shown on the wire for the TPM's own.
// TPM 2.0 Library, Part 1: 11.4.10.3 (KDFe), 19.6.8 (session key), C.6.1 (secret sharing).
import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { privateJwk } from '../../support/private-jwk.ts'
import type { TpmProxy } from '../../support/proxy.ts'
import { ALG, create, eccStorage, OBJECT, RH } from '../../support/templates.ts'
import { answerCode, ascii, concat, EMPTY, Reader, tpm2b, u8, u16, u32 } from '../../support/wire.ts'
import { password } from '../../support/witness.ts'
import { type Attacker, digestOf, SRK } from './attacker.ts'
import { kdfa, type Use } from './recorder.ts'

const FIXED = OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin
const STORAGE = OBJECT.userWithAuth | OBJECT.noDa | OBJECT.restricted | OBJECT.decrypt

export class ForeignSrk {
  readonly #key: KeyObject
  readonly x: Uint8Array
  readonly y: Uint8Array

  constructor() {
    this.#key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const jwk = privateJwk(this.#key)
    this.x = octets(jwk.x)
    this.y = octets(jwk.y)
  }

  /** TPMT_PUBLIC. `lying`: with the attributes of a key that was made in the TPM, which no TPM takes. */
  area(lying = false): Uint8Array {
    const details = [ALG.aes, 128, ALG.cfb, ALG.null, 3, ALG.null].map(u16)
    const attributes = STORAGE | (lying ? FIXED : 0)
    return concat(u16(ALG.ecc), u16(ALG.sha256), u32(attributes), EMPTY, ...details, tpm2b(this.x), tpm2b(this.y))
  }

  /** Imports it and makes it persistent at 0x81000001. */
  async plant(attacker: Attacker): Promise<void> {
    const { witness } = attacker
    const owner = { handles: [RH.owner], auths: [password()] }
    const parent = (await witness.must('CreatePrimary', { ...owner, params: create(eccStorage()) })).u32()
    const secret = octets(privateJwk(this.#key).d)
    const sensitive = tpm2b(u16(ALG.ecc), EMPTY, tpm2b(new Uint8Array(32).fill(5)), tpm2b(secret))
    const area = tpm2b(this.area())
    const wrapped = await witness.must('Import', {
      handles: [parent],
      params: [EMPTY, area, tpm2b(sensitive), EMPTY, u16(ALG.null)],
      auths: [password()],
    })
    const loaded = await witness.must('Load', {
      handles: [parent],
      params: [wrapped.tpm2bWhole(), area],
      auths: [password()],
    })
    await persist(attacker, loaded.u32())
    await witness.flush(parent)
  }

  /** The key of a session that was salted to this one. */
  sessionKey({ salt, nonceTpm, nonceCaller }: Use['start']): Uint8Array {
    return kdfa(this.#salt(salt), 'ATH', nonceTpm, nonceCaller)
  }

  #salt(secret: Uint8Array): Uint8Array {
    const point = new Reader(secret)
    const [x, y] = [point.tpm2b(), point.tpm2b()]
    const shared = diffieHellman({ privateKey: this.#key, publicKey: publicKey(x, y) })
    return digestOf(u32(1), shared, ascii('SECRET'), u8(0), x, this.x)
  }

  /** Shows this key on the wire for the TPM's own. */
  intercept(proxy: TpmProxy): void {
    proxy.hooks.onAnswer = ({ name }, answer) => {
      if (name !== 'ReadPublic' || answerCode(answer) !== 0) return undefined
      const area = this.area(true)
      const shown = concat(tpm2b(area), tpm2b(u16(ALG.sha256), digestOf(area)), tpm2b(u16(ALG.sha256), digestOf(area)))
      return concat(u16(0x8001), u32(10 + shown.length), u32(0), shown)
    }
  }
}

/** Makes an object persistent at 0x81000001 and flushes it. */
export async function persist({ witness }: Attacker, handle: number): Promise<void> {
  await witness.must('EvictControl', { handles: [RH.owner, handle], params: u32(SRK), auths: [password()] })
  await witness.flush(handle)
}

/** Removes what is at 0x81000001. */
export async function evict({ witness }: Attacker): Promise<void> {
  await witness.must('EvictControl', { handles: [RH.owner, SRK], params: u32(SRK), auths: [password()] })
}

function octets(text = ''): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'base64url'))
}

function publicKey(x: Uint8Array, y: Uint8Array): KeyObject {
  const text = (part: Uint8Array) => Buffer.from(part).toString('base64url')
  return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: text(x), y: text(y) }, format: 'jwk' })
}
