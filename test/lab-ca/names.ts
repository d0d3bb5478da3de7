// Names in requests as openssl's configuration writes them.

/** A user principal name follows. */
export const UPN = 'otherName:1.3.6.1.4.1.311.20.2.3;UTF8:'
/** The principal alice@LAB.EXAMPLE, RFC 4556, 3.2.2. */
export const PRINCIPAL = [
  'subjectAltName = otherName:1.3.6.1.5.2.2;SEQUENCE:kerberos',
  '[kerberos]',
  'realm = EXPLICIT:0,GeneralString:LAB.EXAMPLE',
  'name = EXPLICIT:1,SEQUENCE:principal',
  '[principal]',
  'type = EXPLICIT:0,INTEGER:1',
  'names = EXPLICIT:1,SEQUENCE:names',
  '[names]',
  'name = GeneralString:alice',
]
