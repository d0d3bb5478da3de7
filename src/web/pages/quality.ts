// How good a new PIN or PUK is, while it is typed.
import { pinWeakness } from '../../piv/pin-weakness.ts'
import type { ShownCard } from '../shown.ts'
import type { TextKey } from '../texts/index.ts'

export interface Quality {
  /** 0: the card does not take it; 1: easy to guess; 2: good. */
  readonly level: 0 | 1 | 2
  readonly key: TextKey
}

const BAD = (key: TextKey): Quality => ({ level: 0, key })
const GOOD: Quality = { level: 2, key: 'strength.good' }
const KNOWN_PUK = '12345678'

export function pinQuality(pin: string, format: ShownCard['format']): Quality {
  const [least, all] = format === 'digits' ? [6, /^\d*$/] : [4, /^[\x20-\x7e]*$/]
  if (!all.test(pin)) return BAD('strength.format')
  if (pin.length < least) return BAD('strength.short')
  const weakness = pinWeakness(new TextEncoder().encode(pin))
  if (weakness === undefined) return GOOD
  // The default PIN is no choice of one's own.
  return { level: weakness === 'known' ? 0 : 1, key: `strength.${weakness}` }
}

export function pukQuality(puk: string, format: ShownCard['format']): Quality {
  if (puk.length < (format === 'digits' ? 8 : 4)) return BAD('strength.short')
  return puk === KNOWN_PUK ? BAD('strength.known-puk') : GOOD
}
