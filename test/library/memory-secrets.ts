/** Secrets for memory.test.ts, each character 0x40 above what it stands for: a source of these has no secret in it. */
export const SECRETS = {
  pin: String.fromCharCode(...[9, 3, 7, 1, 0, 4, 8, 2].map((digit) => 0x70 + digit)),
  newPin: String.fromCharCode(...[6, 5, 0, 7, 9, 1, 3, 8].map((digit) => 0x70 + digit)),
  puk: String.fromCharCode(...[0x71, 0x4a, 0x7e, 0x33, 0x21, 0x56, 0x6b, 0x2f].map((octet) => 0x40 + octet)),
  newPuk: String.fromCharCode(...[0x2b, 0x67, 0x4d, 0x24, 0x75, 0x39, 0x58, 0x3f].map((octet) => 0x40 + octet)),
}
