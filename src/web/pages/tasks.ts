// What a person does to a card: one row a task, with the fields of its form.
import type { CardAct, ShownAccount, ShownCard } from '../shown.ts'
import type { TextKey } from '../texts/index.ts'

export type AccountAct = 'sign-in' | 'sign-out' | 'forget'
export type TaskName = CardAct | AccountAct | 'create'

/** The card of a task, which after `create` is known by its name alone. */
export type TaskCard = Pick<ShownCard, 'id' | 'name' | 'state' | 'format' | 'pin' | 'puk' | 'neverKeys'> & {
  /** What a task about signing in is about. */
  readonly account?: Pick<ShownAccount, 'address' | 'service'>
}

export interface Field {
  readonly name: string
  readonly label: TextKey
  readonly hint?: TextKey
  /** `new-pin` and `new-puk` are typed twice. */
  readonly kind: 'name' | 'pin' | 'puk' | 'new-pin' | 'new-puk' | 'typed' | 'address' | 'service' | 'file'
}

export interface Task {
  readonly title: TextKey
  readonly intro: readonly TextKey[]
  readonly fields: readonly Field[]
  /** Sent beside what is typed. */
  readonly known: Readonly<Record<string, string>>
}

/** PIN and PUK of every new card. */
const FIRST = '12345678'
const hint = (card: TaskCard, ours: TextKey, anyOther: TextKey): TextKey => (card.format === 'digits' ? ours : anyOther)
const newPin = (card: TaskCard): Field => ({
  name: 'newPin',
  label: 'field.newPin',
  hint: hint(card, 'field.newPin.hint', 'field.newPin.hint-any'),
  kind: 'new-pin',
})

const WHERE: readonly Field[] = [
  { name: 'address', label: 'field.address', hint: 'field.address.hint', kind: 'address' },
  { name: 'service', label: 'field.service', hint: 'field.service.hint', kind: 'service' },
  { name: 'ca', label: 'field.ca', hint: 'field.ca.hint', kind: 'file' },
]

const ROWS: Readonly<Record<TaskName, (card: TaskCard) => Task>> = {
  create: () => ({
    title: 'task.create',
    intro: ['task.create.intro'],
    fields: [{ name: 'name', label: 'field.name', hint: 'field.name.hint', kind: 'name' }],
    known: {},
  }),
  'change-pin': (card) => {
    const isFirst = card.state === 'must-change-pin'
    const isKnown = card.pin?.isDefault === true
    const label = isFirst ? 'field.givenPin' : 'field.pin'
    return {
      title: isFirst ? 'task.change-pin.first' : 'task.change-pin',
      intro: [isFirst ? 'task.change-pin.first-intro' : 'task.change-pin.intro'],
      fields: [...(isKnown ? [] : [{ name: 'pin', label, kind: 'pin' } as const]), newPin(card)],
      known: { card: card.id, ...(isKnown && { pin: FIRST }) },
    }
  },
  'change-puk': (card) => {
    const isKnown = card.puk?.isDefault === true
    return {
      title: isKnown ? 'task.change-puk.first' : 'task.change-puk',
      intro: [isKnown ? 'task.change-puk.first-intro' : 'task.change-puk.intro'],
      fields: [
        ...(isKnown ? [] : [{ name: 'puk', label: 'field.oldPuk', kind: 'puk' } as const]),
        {
          name: 'newPuk',
          label: 'field.newPuk',
          hint: hint(card, 'field.newPuk.hint', 'field.newPuk.hint-any'),
          kind: 'new-puk',
        },
      ],
      known: { card: card.id, ...(isKnown && { puk: FIRST }) },
    }
  },
  unblock: (card) => ({
    title: 'task.unblock',
    intro: ['task.unblock.intro'],
    fields: [{ name: 'puk', label: 'field.puk', kind: 'puk' }, newPin(card)],
    known: { card: card.id },
  }),
  rename: (card) => ({
    title: 'task.rename',
    intro: ['task.rename.intro'],
    fields: [{ name: 'newName', label: 'field.newName', hint: 'field.name.hint', kind: 'name' }],
    known: { card: card.id },
  }),
  remove: (card) => ({
    title: 'task.remove',
    intro: [
      ['other-tpm', 'dead', 'unreadable'].includes(card.state) ? 'task.remove.dead' : 'task.remove.intro',
      ...(card.neverKeys.length > 0 ? (['task.remove.never'] as const) : []),
    ],
    fields: [{ name: 'typed', label: 'field.typed', kind: 'typed' }],
    known: { card: card.id },
  }),
  'sign-in': (card) => {
    const isKnown = card.account !== undefined
    return {
      title: isKnown ? 'task.sign-in.again' : 'task.sign-in',
      intro: ['task.sign-in.intro'],
      fields: [...(isKnown ? [] : WHERE), { name: 'pin', label: 'field.cardPin', kind: 'pin' }],
      known: isKnown ? { ...about(card), service: '', ca: '' } : {},
    }
  },
  'sign-out': (card) => ({ title: 'task.sign-out', intro: ['task.sign-out.intro'], fields: [], known: about(card) }),
  forget: (card) => ({ title: 'task.forget', intro: ['task.forget.intro'], fields: [], known: about(card) }),
}

/** Which account, for a task that asks for nothing else. */
const about = ({ account }: TaskCard): Task['known'] => ({ address: account?.address ?? '' })

export const taskOf = (name: TaskName, card: TaskCard): Task => ROWS[name](card)

/** A card that was made just now. */
export const freshCard = (name: string): TaskCard => ({
  id: name,
  name,
  state: 'must-change-pin',
  format: 'digits',
  pin: { isDefault: true },
  puk: { isDefault: true },
  neverKeys: [],
})

/** Signing in finds its card by itself, whatever maker's it is. */
export const forAccount = (account: ShownAccount | undefined): TaskCard => ({
  ...freshCard(''),
  state: 'ready',
  format: 'any',
  ...(account && { account }),
})

/** The tasks that one press begins: what a new card needs is asked for in one go. */
export function flowOf(name: TaskName, card: TaskCard): readonly TaskName[] {
  if (name === 'create') return ['create', 'change-pin', 'change-puk']
  const isFirst = name === 'change-pin' && card.state === 'must-change-pin'
  return isFirst && card.puk?.isDefault === true ? ['change-pin', 'change-puk'] : [name]
}
