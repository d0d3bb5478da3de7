// Evidence in which one certificate is wrong, and the name of its refusal.
import { type KeyObject, X509Certificate } from 'node:crypto'
import { DER } from '../../../src/iso7816/der.ts'
import { tlv } from '../../../src/iso7816/tlv.ts'
import { extension } from '../../../src/x509/extensions.ts'
import { pemOf } from '../../../src/x509/pem.ts'
import { file, openssl, write } from '../../enroll/support/openssl.ts'
import {
  AK_PURPOSE,
  AT,
  authority,
  DAY,
  EK_PURPOSE,
  NO_CA,
  purpose,
  revocationList,
  STRANGE,
  tpmNames,
} from './authorities.ts'
import { ca, card, chained, changed, endorsed, evidence, made, maker, other, stranger } from './world.ts'
import type { Row } from './wrong-structures.ts'

const CA = extension('basicConstraints', tlv(DER.sequence, tlv(DER.boolean, Uint8Array.of(0xff))), true)
const serialNumber = Uint8Array.of(0x41, 7)
const numbered = await chained({ serialNumber })
const list = async (...given: Parameters<typeof revocationList>) => ({ revocations: [await revocationList(...given)] })
const otherTpm = { '2.23.133.2.1': 'id:494E5443', '2.23.133.2.2': 'other', '2.23.133.2.3': 'id:1' }

const lasting = await authority('CA for a century', undefined, { days: 27_000 })

/** By openssl: nothing of ours signs by way of SHA-1. */
function bySha1(): Uint8Array {
  const pem = (key: KeyObject) => key.export({ type: key.type === 'public' ? 'spki' : 'pkcs8', format: 'pem' })
  write('ak.pub', `${pem(card.ak.publicKey)}`)
  write('ca.key', `${pem(lasting.key.privateKey)}`)
  write('ca.pem', pemOf(lasting.certificate))
  const names = ['a.2.23.133.2.1=id:49424D00', 'a.2.23.133.2.2=swtpm', 'a.2.23.133.2.3=id:20191023']
  const extensions = [
    'basicConstraints=CA:FALSE',
    'extendedKeyUsage=2.23.133.8.3',
    'subjectAltName=critical,dirName:tpm',
  ]
  write('ak.cnf', ['[ext]', ...extensions, '[tpm]', ...names, ''].join('\n'))
  const issuer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-sha1', '-days', '36500']
  const subject = ['-new', '-subj', '/', '-force_pubkey', 'ak.pub']
  openssl(
    'x509',
    ...subject,
    ...issuer,
    '-extfile',
    'ak.cnf',
    '-extensions',
    'ext',
    '-outform',
    'der',
    '-out',
    'ak.der',
  )
  return file('ak.der')
}
const weak = bySha1()
/** openssl makes certificates that are valid from now on. */
const then = { at: new Date(new X509Certificate(weak).validFrom), roots: [lasting.certificate] }

const ATTESTATION: readonly Row[] = [
  ['of another key', changed({ ak: { certificates: other.ak.certificates } }), 'ak-certificate'],
  [
    'for something else',
    await chained({ extensions: [NO_CA, purpose('client-authentication'), tpmNames()] }),
    'ak-purpose',
  ],
  ['for nothing', await chained({ extensions: [NO_CA, tpmNames()] }), 'ak-purpose'],
  ['without a TPM', await chained({ extensions: [NO_CA, AK_PURPOSE] }), 'ak-names'],
  ['of a CA', await chained({ extensions: [CA, AK_PURPOSE, tpmNames()] }), 'ak-authority'],
  ['none', made({ akCertificates: [] }), 'tier'],
  ['no word of the maker, which is asked for', { ...evidence, ek: [] }, 'tier', { tier: 'maker' }],
  ['without its CA', changed({ ak: { certificates: evidence.ak.certificates.slice(0, 1) } }), 'untrusted'],
  ['of a CA that is not trusted', evidence, 'untrusted', { roots: [stranger.certificate, maker.certificate] }],
  ['no CA is trusted', evidence, 'untrusted', { roots: [] }],
  [
    'of a CA that is none',
    changed({ ak: { certificates: [evidence.ak.certificates[0], (await authority('attestation CA')).certificate] } }),
    'untrusted',
  ],
  ['expired', await chained({ days: 20 }), 'expired'],
  ['not valid yet', await chained({ from: 40 }), 'not-yet-valid'],
  ['of a CA that expired', await chained({ days: 3000 }), 'expired', { at: new Date(AT.getTime() + 400 * DAY) }],
  [
    'with a critical extension',
    await chained({ extensions: [NO_CA, AK_PURPOSE, tpmNames(), STRANGE] }),
    'critical-extension',
  ],
  ['signed by way of SHA-1', { ...changed({ ak: { certificates: [weak] } }), ek: [] }, 'weak-signature', then],
  ['no certificate', changed({ ak: { certificates: [Uint8Array.of(0x30, 0x00)] } }), 'malformed'],
]

const REVOCATION: readonly Row[] = [
  ['revoked', numbered, 'revoked', await list(ca, [Uint8Array.of(0x41, 6), serialNumber])],
  ['a list by somebody else', numbered, 'revocation-list', await list(ca, [], 60, stranger.key)],
  ['a list with a critical extension', numbered, 'revocation-list', await list(ca, [], 60, ca.key, [STRANGE])],
  ['an old list', numbered, 'revocation-list-expired', await list(ca, [], 10)],
]

const ENDORSEMENT: readonly Row[] = [
  ['by another maker', await endorsed(stranger, { extensions: [NO_CA, EK_PURPOSE, tpmNames()] }), 'untrusted'],
  ['for something else', await endorsed(maker, { extensions: [NO_CA, AK_PURPOSE, tpmNames()] }), 'ek-purpose'],
  ['without a TPM', await endorsed(maker, { extensions: [NO_CA, EK_PURPOSE] }), 'ek-names'],
  ['of another TPM', await endorsed(maker, { extensions: [NO_CA, EK_PURPOSE, tpmNames(otherTpm)] }), 'ek-mismatch'],
  ['expired', await endorsed(maker, { extensions: [NO_CA, EK_PURPOSE, tpmNames()], days: 20 }), 'expired'],
]

export const WRONG_CHAINS: Readonly<Record<string, readonly Row[]>> = {
  'certificate of the attestation key': ATTESTATION,
  revocation: REVOCATION,
  'certificate of the endorsement key': ENDORSEMENT,
}
