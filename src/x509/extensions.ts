// Object identifiers of extensions. RFC 5280, 4.2; Microsoft's: [MS-WCCE], 2.2.2.7.7.
export const EXTENSIONS = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  alternativeNames: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  revocationLists: '2.5.29.31',
  authorityKeyIdentifier: '2.5.29.35',
  purposes: '2.5.29.37',
  /** Name of a certificate template, as a BMPString. */
  template: '1.3.6.1.4.1.311.20.2',
  securityIdentifier: '1.3.6.1.4.1.311.25.2',
} as const
