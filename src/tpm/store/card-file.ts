// The card file, version 2. It contains public data and blobs wrapped by the TPM, never a secret in clear.
import * as v from 'valibot'
import { CardError } from '../../errors.ts'
import { decode, integer, moment, octets, text } from '../../files/schema.ts'
import { seal as checksummed, type Kind } from '../../files/sealed-text.ts'
import { ALGORITHMS, type Algorithm } from '../../piv/algorithms.ts'
import { PIN_POLICIES, SLOTS } from '../../piv/slots.ts'
import { storedTcti } from '../stored-tcti.ts'
import { cardName, nvHandle, persistentHandle, tpmName } from './schema.ts'

export const CARD_FILE: Kind = {
  magic: 'tessera-card',
  version: 2,
  noun: 'card file',
  advice: 'Put back a copy of the file; without one the keys of the card are lost, and a new card must be made.',
}

/** Cards of Tessera 0.1.0, whose files have no seal. Their lock says so too: lock/table.ts. */
const UNSEALED: Kind = { ...CARD_FILE, version: 1 }

/** The longest card file, in octets. */
export const CARD_FILE_LIMIT = 1024 * 1024

/** Each stored approval: what it allows, and on which index. */
export const APPROVALS = [
  'changePin',
  'changePuk',
  'unblockPin',
  'unblockCounter',
  'helpDeskPin',
  'helpDeskCounter',
] as const
export type ApprovalName = (typeof APPROVALS)[number]

/** Longest TPM2B_PUBLIC and TPM2B_PRIVATE that a TPM of today makes is about half of this. */
const blob = octets(1, 4096)

/** One of the two NV indices: its handle, its Name once written, and how many wrong tries it allows. */
const pin = { handle: nvHandle, name: tpmName, tries: integer(1, 10) }

/** `policy`: digest of the approved policy (SHA-256). `signature`: of K over it, r || s (P-256). */
const approval = v.strictObject({ policy: octets(32), signature: octets(64) })

/** TPM2B_CREATION_DATA, creation hash and TPMT_TK_CREATION. */
const creation = v.strictObject({ data: blob, hash: octets(1, 66), ticket: octets(1, 256) })

const key = v.strictObject({
  algorithm: v.picklist(Object.keys(ALGORITHMS) as Algorithm[]),
  pinPolicy: v.picklist(PIN_POLICIES),
  origin: v.picklist(['generated', 'imported']),
  /** Made without adminWithPolicy, so that TPM2_Certify attests it; keys of before, and imported ones, have that. */
  certifiable: v.optional(v.literal(true)),
  /** TPM2B_PUBLIC. */
  public: blob,
  /** TPM2B_PRIVATE, wrapped by the SRK. */
  private: blob,
  /** Keys made in the TPM have it. */
  creation: v.optional(creation),
})

const mac = octets(32)

/** Against whom each half stands: docs/lock.md, "The seal of the card file". */
const seal = v.strictObject({
  /** The key of `mac`, sealed under the SRK: TPM2B_PUBLIC and TPM2B_PRIVATE. */
  key: v.strictObject({ public: blob, private: blob }),
  mac,
  pin: v.strictObject({
    /** The key of this MAC, sealed under the SRK and the PIN. */
    key: v.strictObject({ public: blob, private: blob }),
    /** Of K over its Name, r || s. */
    approval: octets(64),
    /** Whether it covers the keys of the card, which then has no admin key. */
    coversKeys: v.boolean(),
    mac,
  }),
})

const members = {
  name: cardName,
  cardId: octets(16),
  created: moment,
  /** Whatever it says, it cannot open a TPM before ../stored-tcti.ts has checked it. */
  tcti: v.pipe(text(1, 1024), v.transform(storedTcti)),
  assurance: v.picklist(['hardware', 'software']),
  srk: v.strictObject({ handle: persistentHandle, name: tpmName }),
  tpm: v.strictObject({ manufacturer: text(0, 128), firmware: text(0, 128), vendor: v.optional(text(0, 128)) }),
  pin: v.strictObject(pin),
  /** `present` is false for a card without a PUK: its index has octets that nobody knows. */
  puk: v.strictObject({ ...pin, present: v.boolean() }),
  /** TPM2B_PUBLIC of K, which was destroyed at creation. */
  burnKey: blob,
  /** TPM2_CertifyCreation of K by the AK: TPMS_ATTEST, TPMT_SIGNATURE, TPMS_CREATION_DATA. Earlier cards do not have it. */
  burn: v.optional(v.strictObject({ attest: blob, signature: blob, creationData: blob })),
  approvals: v.strictObject(v.entriesFromList(APPROVALS, v.optional(approval))),
  /** TPM2B_PUBLIC of H; its private half is at the help desk. */
  helpDeskKey: v.optional(blob),
  /** Absent for a card whose first state is that of Tessera. */
  model: v.optional(v.literal('yubikey')),
  /** How long a verified PIN authorises `once` keys, in seconds. */
  unlockSeconds: integer(1, 3600),
  /** What a new PIN must be, beyond 6 to 8 digits. */
  pinRules: v.optional(v.strictObject({ minLength: integer(6, 8), refuseWeak: v.boolean() })),
  flags: v.strictObject({
    mustChangePin: v.boolean(),
    /** Which secrets still have their default value. */
    defaults: v.pipe(
      v.array(v.picklist(['pin', 'puk', 'adminKey'])),
      v.check((list) => new Set(list).size === list.length, 'named twice'),
    ),
  }),
  /** Tries left as far as this machine knows; used where the TPM does not show them. */
  advisory: v.optional(v.strictObject({ pinLeft: integer(0, 10), pukLeft: integer(0, 10) })),
  /** Admin key (PIV 9B), sealed to the TPM: TPM2B_PRIVATE and TPM2B_PUBLIC. */
  adminKey: v.optional(v.strictObject({ private: blob, public: blob })),
  /** The key that signs the TPM's statements about this card (AK), and its certificate with the chain. */
  ak: v.optional(
    v.strictObject({
      key: v.strictObject({ public: blob, private: blob, creation }),
      certificates: v.pipe(v.array(octets(1, 16_384)), v.maxLength(10)),
    }),
  ),
  /** PIV F9, which signs certificates about other keys. It needs no PIN, and no slot refers to it. */
  attestationKey: v.optional(v.omit(key, ['pinPolicy'])),
  /** By slot, as src/piv/slots.ts spells it. */
  keys: v.record(v.picklist([...SLOTS.keys()]), key),
  /** PIV data objects by tag in lower-case hex, one to four octets. */
  objects: v.record(v.pipe(v.string(), v.regex(/^(?:[0-9a-f]{2}){1,4}$/)), octets(0, 65_536)),
}
const unsealed = v.strictObject(members)
const sealed = v.strictObject({ ...members, seal })

/** A card without a seal was made by Tessera 0.1.0. */
export type CardFile = v.InferOutput<typeof unsealed> & { readonly seal?: Seal | undefined }
export type Seal = v.InferOutput<typeof seal>
export type SealedCard = CardFile & { readonly seal: Seal }
export type CardFileKey = v.InferOutput<typeof key>
export type UnguardedKey = Omit<CardFileKey, 'pinPolicy'>
export type Creation = v.InferOutput<typeof creation>
export type Approval = v.InferOutput<typeof approval>
export type DefaultSecret = CardFile['flags']['defaults'][number]

/**
 * The octets of a card file.
 * @throws CardError ERR_DATA when it would be longer than CARD_FILE_LIMIT; FileError ERR_CARD_FILE when `card` is not
 * a card that `decodeCardFile` would read again (a mistake of the caller; nothing is written)
 */
export function encodeCardFile(card: CardFile): Uint8Array {
  const file = checksummed(card.seal === undefined ? UNSEALED : CARD_FILE, card)
  if (file.length > CARD_FILE_LIMIT) {
    const message = `The card '${card.name}' has no room left: its file may have ${CARD_FILE_LIMIT} octets and would have ${file.length}. Delete keys or objects first.`
    throw new CardError('ERR_DATA', message)
  }
  decodeCardFile(file, `the new content of ${card.name}.card`)
  return file
}

/**
 * The card in the octets of a file; `path` is for messages only.
 * @throws FileError ERR_CARD_FILE, ERR_CARD_FILE_NEWER
 */
export function decodeCardFile(file: Uint8Array, path: string): CardFile {
  const head = `${UNSEALED.magic} ${UNSEALED.version} `
  const isUnsealed = Buffer.from(file.subarray(0, head.length)).toString('latin1') === head
  return isUnsealed ? decode(UNSEALED, unsealed, file, path) : decode(CARD_FILE, sealed, file, path)
}
