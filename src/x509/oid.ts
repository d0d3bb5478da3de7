// Object identifiers: dotted digits and the value of their DER. X.690, 8.19.

/** undefined for what is no object identifier. */
export function oidOctets(text: string): Uint8Array | undefined {
  if (!/^[0-2](\.(0|[1-9][0-9]{0,9}))+$/.test(text)) return undefined
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const fits = (first === 2 || second < 40) && [second, ...rest].every((arc) => arc < 2 ** 31 - 80)
  return fits ? Uint8Array.from([40 * first + second, ...rest].flatMap(base128)) : undefined
}

function base128(arc: number): number[] {
  const digits = [arc % 128]
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift(0x80 | (rest % 128))
  return digits
}

/** An object identifier (its value in DER) in dotted digits. */
export function dotted(octets: Uint8Array): string {
  const arcs: number[] = []
  let arc = 0
  for (const octet of octets) {
    arc = arc * 128 + (octet & 0x7f)
    if (octet < 0x80) {
      arcs.push(arc)
      arc = 0
    }
  }
  const [head = 0, ...rest] = arcs
  const first = Math.min(2, Math.floor(head / 40))
  return [first, head - 40 * first, ...rest].join('.')
}
