// What kinds of PIV cards do otherwise than ours: one row a kind, after what is known of cards in the field.

export interface Profile {
  /** Status word for an object that is not there: 9000 comes without data. Some say it otherwise of tags they never heard of. */
  readonly absent: number
  readonly unknownTag: number
  /** How lengths are written: shortest, or always after 81 or 82, as writers that reserve space do. */
  readonly lengths: 'shortest' | '81' | '82'
  /** Key references of retired keys that it has, from 82 on, and what it says of others. */
  readonly retired: number
  readonly noSlot: number
  /** For an instruction that it does not have. */
  readonly noInstruction: number
  /** Key reference of the PIN, and what it takes for one. */
  readonly pinReference: 0x00 | 0x80
  readonly isPin: (pin: Uint8Array) => boolean
  /** For the wrong PIN or PUK that uses up the last try. */
  readonly lastTry: 0x63c0 | 0x6983
  /** JavaCard applets and old cards forget the PIN when they are selected, also when they were. */
  readonly selectClears: boolean
  /** Content of the discovery object, in hex; undefined: there is none. */
  readonly discovery: string | undefined
  readonly chuid: boolean
}

const anyOctets = (pin: Uint8Array): boolean => pin.length >= 4
const digits = (pin: Uint8Array): boolean => pin.length >= 6 && pin.every((octet) => octet >= 0x30 && octet <= 0x39)

const PLAIN: Profile = {
  absent: 0x6a82,
  unknownTag: 0x6a82,
  lengths: 'shortest',
  retired: 20,
  noSlot: 0x6a86,
  noInstruction: 0x6d00,
  pinReference: 0x80,
  isPin: anyOctets,
  lastTry: 0x63c0,
  selectClears: false,
  discovery: '4f0ba0000003080000100001005f2f024000',
  chuid: true,
}

export const PROFILES = {
  /** PivApplet writes 81 where a P-256 key is to come, has 11 retired keys, knows no tags but NIST's, and is selected anew by SELECT. */
  PivApplet: {
    ...PLAIN,
    ...{ unknownTag: 0x6a81, lengths: '81', retired: 11, selectClears: true, isPin: digits, discovery: undefined },
  },
  /** Whatever of the others is least like ours, at once: for the contract of `Card`. */
  other: { ...PLAIN, unknownTag: 0x6a81, lengths: '81', retired: 11, selectClears: true, discovery: undefined },
  /** OpenFIPS201 reserves three octets for every length, and has the keys that it was personalised with. */
  OpenFIPS201: { ...PLAIN, lengths: '82', retired: 0, noSlot: 0x6a80 },
  /** Cards of SP 800-73-1: neither discovery nor key history nor retired keys; 6A80 for what they do not know. */
  'SP 800-73-1': {
    ...PLAIN,
    ...{ absent: 0x6a80, unknownTag: 0x6a80, retired: 0, discovery: undefined, chuid: false, selectClears: true },
    lastTry: 0x6983,
  },
  /** The Global PIN is the primary one, and there is no other. SP 800-73-5 part 1, 3.3.2. */
  'global PIN': { ...PLAIN, pinReference: 0x00, discovery: '4f0ba0000003080000100001005f2f026820' },
  /** An empty success for everything that is not there; a discovery object that says more than NIST's. */
  'empty answers': {
    ...PLAIN,
    ...{ absent: 0x9000, unknownTag: 0x9000, selectClears: true },
    discovery: '4f09a000000308000010005f2f0240005f500100',
  },
} as const satisfies Readonly<Record<string, Profile>>

export type ProfileName = keyof typeof PROFILES
