// Edits a line typed on a terminal in raw mode, octet by octet, in memory that can be wiped. No I/O here.

import { copyOf } from '../bytes.ts'
import { widthOf } from './width.ts'

/** Most octets of one entry: longer than any PIN, PUK, password or help-desk response. */
export const MOST = 512

const KEY = {
  interrupt: 0x03,
  end: 0x04,
  backspace: 0x08,
  lineFeed: 0x0a,
  enter: 0x0d,
  killLine: 0x15,
  escape: 0x1b,
  delete: 0x7f,
} as const

/** An octet to show, or how many columns to erase. */
export type Echo = (what: { readonly octet: number } | { readonly erased: number }) => void

/** State of an entry: incomplete, finished, or cancelled by Ctrl-C or Ctrl-D. */
export type Typed = 'more' | 'done' | 'interrupted' | 'ended'

export class LineEditor {
  #octets = new Uint8Array(MOST)
  #length = 0
  /** Inside an escape sequence (arrow keys and the like), which is ignored as a whole. ECMA-48, 5.4. */
  #escape: 'no' | 'begun' | 'csi' = 'no'
  /** More was typed than there is room for, so the entry is not what the user meant. */
  overflow = false

  /** Processes one octet. `echo` is called with each octet added to the line, and with how many columns were erased. */
  push(octet: number, echo?: Echo): Typed {
    if (this.#escape !== 'no') {
      this.#escape = this.#escape === 'begun' && octet === 0x5b ? 'csi' : this.#inSequence(octet)
      return 'more'
    }
    switch (octet) {
      case KEY.enter:
      case KEY.lineFeed:
        return 'done'
      case KEY.interrupt:
        return 'interrupted'
      case KEY.end:
        return this.#length === 0 ? 'ended' : 'more'
      case KEY.backspace:
      case KEY.delete:
        this.#erase(echo)
        return 'more'
      case KEY.killLine:
        while (this.#erase(echo));
        return 'more'
      case KEY.escape:
        this.#escape = 'begun'
        return 'more'
    }
    if (octet >= 0x20) this.#add(octet, echo)
    return 'more'
  }

  /** A copy of what was typed. The caller wipes it. */
  take(): Uint8Array {
    return copyOf(this.#octets.subarray(0, this.#length))
  }

  wipe(): void {
    this.#octets.fill(0)
    this.#length = 0
  }

  #inSequence(octet: number): 'no' | 'csi' {
    const ends = this.#escape === 'begun' || (octet >= 0x40 && octet <= 0x7e)
    return ends ? 'no' : 'csi'
  }

  #add(octet: number, echo: Echo | undefined): void {
    if (this.#length === MOST) {
      this.overflow = true
      return
    }
    this.#octets[this.#length++] = octet
    echo?.({ octet })
  }

  /** Removes the last character: in UTF-8 its continuation octets (10xxxxxx) and the octet before them. */
  #erase(echo: Echo | undefined): boolean {
    if (this.#length === 0) return false
    let start = this.#length - 1
    while (start > 0 && ((this.#octets[start] ?? 0) & 0xc0) === 0x80) start -= 1
    const erased = this.#octets.subarray(start, this.#length)
    // A secret is not echoed, and never becomes a string.
    if (echo) echo({ erased: widthOf(Buffer.from(erased).toString()) })
    erased.fill(0)
    this.#length = start
    return true
  }
}
