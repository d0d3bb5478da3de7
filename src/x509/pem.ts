// PEM, RFC 7468: base64 between lines with a label. Files may come from any program, even in UTF-16.

export interface PemBlock {
  readonly label: string
  /** Undefined for malformed base64. */
  readonly der: Uint8Array | undefined
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----/g
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/** With lines of 64 characters. */
export function writePem(label: string, der: Uint8Array, lineEnd = '\n'): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join(lineEnd)
}

/** The PEM of one certificate. */
export const pemOf = (der: Uint8Array): string => writePem('CERTIFICATE', der)

/** The blocks in a file, in their order; text around them is skipped. */
export function* readPem(octets: Uint8Array): Iterable<PemBlock> {
  const text = Buffer.from(asciiOf(octets)).toString('latin1')
  for (const [, label = '', body = ''] of text.matchAll(BLOCK)) {
    const digits = body.replace(/\s/g, '')
    const whole = BASE64.test(digits) && digits.length % 4 === 0
    yield { label, der: whole ? Uint8Array.from(Buffer.from(digits, 'base64')) : undefined }
  }
}

/**
 * Turns UTF-16, as PowerShell and Notepad write it, into one octet per character, and returns anything else unchanged.
 * PEM is ASCII, so every other octet of its lines is zero. No string is made, since the text may be a key: the caller
 * wipes the new octets.
 */
export function asciiOf(octets: Uint8Array): Uint8Array {
  const [first, second] = octets
  const [low, high] = [first === 0xff && second === 0xfe, first === 0xfe && second === 0xff]
  const marked = low || high
  const at = low || (!high && octets.length > 1 && first !== 0 && second === 0) ? 0 : 1
  if (!marked && !(first === 0 && second !== 0) && at !== 0) return octets
  const start = marked ? 2 : 0
  const ascii = new Uint8Array(new ArrayBuffer((octets.length - start) >> 1))
  for (let index = 0; index < ascii.length; index += 1) {
    const [one = 0, other = 0] = octets.subarray(start + 2 * index, start + 2 * index + 2)
    const [character, zero] = at === 0 ? [one, other] : [other, one]
    // A character beyond ASCII can only be outside of PEM.
    ascii[index] = zero === 0 ? character : 0x3f
  }
  return ascii
}
