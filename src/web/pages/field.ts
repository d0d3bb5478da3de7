// One field of a form: label, hint, what is wrong with it, and for a new PIN or PUK how good it is and whether both match.
import type { TextKey } from '../texts/index.ts'
import { h, newId } from './dom.ts'
import { t } from './language.ts'
import { pinQuality, pukQuality, type Quality } from './quality.ts'
import type { Field, TaskCard } from './tasks.ts'

export interface Control {
  readonly name: string
  readonly element: HTMLElement
  /** What was typed; undefined where something is wrong, which is said at the field, and the field has the focus. */
  read(): string | undefined
  fail(message: string): void
  clear(): void
  focus(): void
}

const CARD_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/
/** Browsers offer to keep passwords and names, and never these. */
const NOT_KEPT = 'one-time-code'

interface Box {
  readonly element: HTMLElement
  readonly input: HTMLInputElement
  readonly fail: (message: string) => void
}

function box(label: string, hintText: string | undefined, isSecret: boolean, isNumber: boolean): Box {
  const [id, hintId, faultId] = [newId(), newId(), newId()]
  const fault = h('p', { id: faultId, class: 'fault', role: 'alert' })
  const input = h('input', {
    ...{ id, autocapitalize: 'off', spellcheck: 'false', required: true },
    type: isSecret ? 'password' : 'text',
    autocomplete: isSecret ? NOT_KEPT : 'off',
    inputmode: isNumber ? 'numeric' : undefined,
    maxlength: isSecret ? 8 : 254,
    'aria-describedby': `${hintText === undefined ? '' : `${hintId} `}${faultId}`,
  })
  const fail = (message: string) => {
    fault.textContent = message
    input.setAttribute('aria-invalid', String(message !== ''))
  }
  input.addEventListener('input', () => fail(''))
  const element = h('div', { class: 'field' }, [
    h('label', { for: id }, label),
    hintText === undefined ? undefined : h('p', { id: hintId, class: 'hint' }, hintText),
    input,
    fault,
  ])
  return { element, input, fail }
}

const AGAIN: Readonly<Record<'new-pin' | 'new-puk', TextKey>> = {
  'new-pin': 'field.newPinAgain',
  'new-puk': 'field.newPukAgain',
}

export function control(field: Field, card: TaskCard): Control {
  const { kind } = field
  const isDigits = card.format === 'digits'
  const isSecret = kind.endsWith('pin') || kind.endsWith('puk')
  const first = box(
    t(field.label, { card: card.name }),
    field.hint && t(field.hint),
    isSecret,
    isDigits && kind.endsWith('pin'),
  )
  const base = {
    name: field.name,
    fail: (message: string) => {
      first.fail(message)
      first.input.focus()
    },
    focus: () => first.input.focus(),
  }
  if (kind === 'file') return fileControl(field)
  if (kind === 'new-pin' || kind === 'new-puk') return { ...base, ...twice(kind, first, card) }
  const faultOf = (value: string): TextKey | undefined => {
    if (value === '') return 'fault.empty'
    if (kind === 'name' && !CARD_NAME.test(value)) return 'fault.name'
    if (kind === 'address' && !/^[^@\s]+@[^@\s]+$/.test(value)) return 'fault.address'
    if (kind === 'service' && !/^https:\/\/\S+$/.test(value)) return 'fault.service'
    return kind === 'typed' && value !== card.name ? 'fault.typed' : undefined
  }
  return {
    ...base,
    element: first.element,
    read() {
      const fault = faultOf(first.input.value)
      if (fault === undefined) return first.input.value
      base.fail(t(fault))
      return undefined
    },
    clear() {
      first.input.value = ''
    },
  }
}

/** More than the certificates of a CA have. */
const LONGEST_FILE = 20_000

/** A file that may be left out: its octets in base64. */
function fileControl({ name, label, hint }: Field): Control {
  const [id, hintId, faultId] = [newId(), newId(), newId()]
  const fault = h('p', { id: faultId, class: 'fault', role: 'alert' })
  const input = h('input', { id, type: 'file', 'aria-describedby': `${hintId} ${faultId}` })
  let content = ''
  const fail = (message: string) => {
    fault.textContent = message
    input.setAttribute('aria-invalid', String(message !== ''))
  }
  input.addEventListener('change', async () => {
    const file = input.files?.[0]
    const isLong = (file?.size ?? 0) > LONGEST_FILE
    fail(isLong ? t('fault.file') : '')
    const octets = file === undefined || isLong ? [] : new Uint8Array(await file.arrayBuffer())
    content = btoa(String.fromCharCode(...octets))
  })
  return {
    name,
    element: h('div', { class: 'field' }, [
      h('label', { for: id }, t(label)),
      h('p', { id: hintId, class: 'hint' }, hint && t(hint)),
      input,
      fault,
    ]),
    read: () => (fault.textContent === '' ? content : undefined),
    fail,
    clear: () => undefined,
    focus: () => input.focus(),
  }
}

function twice(kind: 'new-pin' | 'new-puk', first: Box, card: TaskCard): Pick<Control, 'element' | 'read' | 'clear'> {
  const quality = (value: string): Quality => (kind === 'new-pin' ? pinQuality : pukQuality)(value, card.format)
  const second = box(t(AGAIN[kind]), undefined, true, kind === 'new-pin' && card.format === 'digits')
  const strength = h('p', { class: 'strength', role: 'status' })
  const match = h('p', { class: 'match', role: 'status' })
  const show = () => {
    const [value, again] = [first.input.value, second.input.value]
    const { level, key } = quality(value)
    strength.dataset.level = value === '' ? '' : String(level)
    strength.textContent = value === '' ? '' : t(key)
    match.dataset.level = again === '' ? '' : again === value ? '2' : '0'
    match.textContent = again === '' ? '' : t(again === value ? 'match.yes' : 'match.no')
  }
  first.input.addEventListener('input', show)
  second.input.addEventListener('input', show)
  return {
    element: h('div', {}, [first.element, strength, second.element, match]),
    read() {
      const { level, key } = quality(first.input.value)
      const isSame = first.input.value === second.input.value
      if (level > 0 && isSame) return first.input.value
      const [wrong, message] = level > 0 ? [second, t('fault.match')] : [first, t('fault.secret', { why: t(key) })]
      wrong.fail(first.input.value === '' ? t('fault.empty') : message)
      wrong.input.focus()
      return undefined
    },
    clear() {
      first.input.value = ''
      second.input.value = ''
      show()
    },
  }
}
