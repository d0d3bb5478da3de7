/**
 * Which programs would pass a certificate over, and why: what they check before they offer it, as one table of small
 * rules. What a program has to ask others (whether the issuer is trusted, whether the certificate was revoked) is not
 * here.
 *
 * OpenSC: src/libopensc/pkcs15-piv.c. NSS: `certutil -V`, usages C, S and R. Windows: "Certificate Requirements and
 * Enumeration", and KB5014754 for the security identifier. Kerberos: MIT, crypto_check_cert_eku in
 * src/plugins/preauth/pkinit. TLS: RFC 5280, 4.2.1.12, as OpenSSL checks it for `sslclient`. OpenVPN: its server, which asks
 * OpenSSL the same. pam_pkcs11: the policy `ca,signature`.
 */
import { ALGORITHMS } from '../piv/algorithms.ts'
import type { Slot } from '../piv/slots.ts'
import {
  early,
  expired,
  noPurpose,
  noUsage,
  type Placed,
  type Rule,
  reasons,
  selfSigned,
  weak,
} from './certificate-rules.ts'
import type { CertificateDescription } from './describe.ts'

/** Realms in Kerberos are case-sensitive, and a UPN is used as a principal just as it is written. */
const inCapitals = (upn: string): boolean =>
  upn.slice(upn.lastIndexOf('@')) === upn.slice(upn.lastIndexOf('@')).toUpperCase()
const isEc = ({ certificate }: Placed): boolean => certificate.algorithm.startsWith('P-')

const IN_TIME: readonly Rule[] = [
  { because: 'it has expired', when: expired },
  { because: 'it is not valid yet', when: early },
]
const WEAK: Rule = { because: 'it is signed with a broken hash (SHA-1 or MD5)', when: weak }
const SELF_SIGNED: Rule = { because: 'it is signed by itself and not by a CA', when: selfSigned }
const UNSIGNED: Rule = { because: 'its key usage has no digital signature', when: noUsage('digitalSignature') }
/** OpenSC then takes what the standard says of the slot. */
const ONLY_DECRYPTS: Rule = {
  because: 'it names no key usage, so that OpenSC lets its key, in 9d or a retired slot, decrypt and not sign',
  when: ({ certificate, slot }) => certificate.usages === undefined && !['9a', '9c', '9e'].includes(slot),
}
const UNABLE_TO_SIGN: Rule = {
  because: 'its key usage has no signature',
  when: noUsage('digitalSignature', 'nonRepudiation'),
}
const NO_CLIENT: Rule = {
  because: 'its purposes have no client authentication',
  when: noPurpose('client-authentication'),
}
const NO_EMAIL_PURPOSE: Rule = {
  because: 'its purposes have no e-mail protection',
  when: noPurpose('email-protection'),
}
const NO_ADDRESS: Rule = {
  because: 'it has no e-mail address',
  when: ({ certificate }) => certificate.email.length === 0 && !/(^|[,+])emailAddress=/.test(certificate.subject),
}

export const TLS_CLIENTS = 'TLS clients (OpenSSL, curl)'

/** `versions` were tested with the rules; none if no test of this project can run the program. */
export const PROGRAMS: ReadonlyArray<{
  readonly program: string
  readonly versions?: string
  readonly rules: readonly Rule[]
}> = [
  {
    program: 'OpenSC (PKCS#11)',
    versions: 'OpenSC 0.23',
    rules: [
      {
        because: 'its kind of key is not one that PIV has',
        when: ({ certificate }) => !(certificate.algorithm in ALGORITHMS),
      },
      {
        because: 'its key usage leaves nothing that this kind of key does',
        when: (placed) =>
          isEc(placed)
            ? noUsage('digitalSignature', 'nonRepudiation', 'keyAgreement', 'keyCertSign', 'cRLSign')(placed)
            : noUsage(
                'digitalSignature',
                'nonRepudiation',
                'keyEncipherment',
                'dataEncipherment',
                'keyCertSign',
                'cRLSign',
              )(placed),
      },
    ],
  },
  { program: 'ssh (through OpenSC)', versions: 'OpenSSH 9.2, OpenSC 0.23', rules: [UNSIGNED] },
  {
    program: TLS_CLIENTS,
    versions: 'OpenSSL 3.0, curl 7.88',
    rules: [
      ...IN_TIME,
      WEAK,
      { because: 'its key usage allows no TLS', when: noUsage('digitalSignature', 'keyAgreement') },
      NO_CLIENT,
    ],
  },
  {
    program: 'OpenVPN (through OpenSC)',
    versions: 'OpenVPN 2.6, OpenSC 0.23',
    rules: [...IN_TIME, WEAK, UNSIGNED, ONLY_DECRYPTS, NO_CLIENT],
  },
  {
    program: 'pam_pkcs11 (through OpenSC)',
    versions: 'pam_pkcs11 0.6.12, OpenSC 0.23',
    rules: [...IN_TIME, UNABLE_TO_SIGN, ONLY_DECRYPTS],
  },
  {
    program: 'Firefox (NSS)',
    versions: 'NSS 3.87',
    rules: [...IN_TIME, UNSIGNED, NO_CLIENT],
  },
  {
    program: 'Thunderbird (signing)',
    versions: 'NSS 3.87',
    rules: [...IN_TIME, UNABLE_TO_SIGN, NO_EMAIL_PURPOSE, NO_ADDRESS, SELF_SIGNED],
  },
  {
    program: 'Thunderbird (decrypting)',
    versions: 'NSS 3.87',
    rules: [
      ...IN_TIME,
      {
        because: 'its key usage has no encryption',
        when: (placed) =>
          isEc(placed) ? noUsage('keyAgreement', 'digitalSignature')(placed) : noUsage('keyEncipherment')(placed),
      },
      NO_EMAIL_PURPOSE,
      NO_ADDRESS,
      SELF_SIGNED,
    ],
  },
  {
    program: 'Windows smart-card logon',
    rules: [
      ...IN_TIME,
      WEAK,
      {
        because: 'it is beside a signature key (slot 9c), which the logon does not take',
        when: ({ slot }) => slot === '9c',
      },
      { because: 'it has no user principal name (UPN)', when: ({ certificate }) => certificate.upn.length === 0 },
      UNSIGNED,
      {
        because: 'its purposes have no smart-card logon',
        when: ({ certificate }) => !certificate.purposes?.includes('smart-card-logon'),
      },
      {
        because: 'elliptic-curve keys want the policy "Allow ECC certificates to be used for logon and authentication"',
        when: isEc,
      },
      {
        because:
          'it has no security identifier, which domain controllers want unless the account names the certificate',
        when: ({ certificate }) => certificate.sid === undefined,
      },
      SELF_SIGNED,
    ],
  },
  {
    program: 'Kerberos (PKINIT)',
    versions: 'MIT krb5 1.20',
    rules: [
      ...IN_TIME,
      WEAK,
      {
        because: 'its key usage has no digital signature',
        when: ({ certificate }) => !certificate.usages?.includes('digitalSignature'),
      },
      {
        because: 'its purposes have neither Kerberos client nor smart-card logon',
        when: ({ certificate: { purposes = [] } }) =>
          !purposes.includes('kerberos-client') && !purposes.includes('smart-card-logon'),
      },
      {
        because: 'it names no Kerberos principal and no UPN',
        when: ({ certificate }) => certificate.principal.length + certificate.upn.length === 0,
      },
      {
        because: 'it names no Kerberos principal, and the realm in its UPN is not in capitals as realms are',
        when: ({ certificate: { principal, upn } }) =>
          principal.length === 0 && upn.length > 0 && !upn.some(inCapitals),
      },
      { because: 'MIT Kerberos takes elliptic-curve keys only from version 1.22 on', when: isEc },
      SELF_SIGNED,
    ],
  },
]

export interface ProgramVerdict {
  readonly program: string
  /** Why the program would pass the certificate over; empty: it would not. */
  readonly because: readonly string[]
}

export function programVerdicts(certificate: CertificateDescription, slot: Slot, now = new Date()): ProgramVerdict[] {
  return PROGRAMS.map(({ program, rules }) => ({
    program,
    because: reasons(rules, { certificate, slot, now }),
  }))
}

/** Why one program would pass the certificate over. */
export const reasonsOf = (program: string, certificate: CertificateDescription, slot: Slot): readonly string[] =>
  programVerdicts(certificate, slot).find((one) => one.program === program)?.because ?? []
