// A task in a dialog, step by step.
import { act, type Outcome } from './api.ts'
import { h, newId } from './dom.ts'
import { type Control, control } from './field.ts'
import { hasText, t } from './language.ts'
import { flowOf, freshCard, type TaskCard, type TaskName, taskOf } from './tasks.ts'

/** Where it is said that something is done. */
export type Tell = (message: string) => void

export function open(name: TaskName, card: TaskCard, tell: Tell): void {
  const titleId = newId()
  const dialog = h('dialog', { 'aria-labelledby': titleId })
  const names = flowOf(name, card)
  dialog.addEventListener('close', () => dialog.remove())
  document.body.append(dialog)
  const step = (at: number, about: TaskCard): void => {
    const next = names[at]
    if (next === undefined) {
      dialog.close()
      return
    }
    const where = names.length > 1 ? t('step', { at: at + 1, all: names.length }) : undefined
    show(dialog, titleId, next, about, where, at > 0, (done) => {
      tell(t(`task.${next}.done`, wordsAbout(done)))
      step(at + 1, done)
    })
  }
  step(0, card)
}

function show(
  dialog: HTMLDialogElement,
  titleId: string,
  name: TaskName,
  card: TaskCard,
  where: string | undefined,
  isLater: boolean,
  done: (card: TaskCard) => void,
): void {
  const task = taskOf(name, card)
  const values = wordsAbout(card)
  const controls = task.fields.map((field) => control(field, card))
  const failure = h('p', { class: 'failure', role: 'alert' })
  const submit = h(
    'button',
    { type: 'submit', class: name === 'remove' || name === 'forget' ? 'danger' : 'primary' },
    t(`task.${name}.submit`),
  )
  const cancel = h('button', { type: 'button' }, t(isLater ? 'later' : 'cancel'), { onclick: () => dialog.close() })
  const form = h(
    'form',
    { novalidate: true },
    [
      where === undefined ? undefined : h('p', { class: 'step' }, where),
      h('h2', { id: titleId }, t(task.title, values)),
      ...task.intro.map((key) => h('p', {}, t(key, values))),
      ...warnings(task.fields, card),
      ...controls.map(({ element }) => element),
      failure,
      h('div', { class: 'buttons' }, [submit, cancel]),
    ],
    {
      onsubmit: (event) => {
        event.preventDefault()
        const typed = readAll(controls)
        if (typed === undefined || submit.disabled) return
        submit.disabled = true
        failure.textContent = t('working')
        void act(name, { ...task.known, ...typed }).then((outcome) => {
          submit.disabled = false
          failure.textContent = outcome === undefined ? '' : wordsOf(outcome)
          for (const one of controls) if (isSecret(one)) one.clear()
          if (outcome === undefined) done(after(name, card, typed))
          else controls[0]?.focus()
        })
      },
    },
  )
  dialog.replaceChildren(form)
  if (!dialog.open) dialog.showModal()
  if (controls[0] === undefined) submit.focus()
  else controls[0].focus()
}

const wordsAbout = ({ name, neverKeys, account }: TaskCard) => ({
  card: name,
  slots: neverKeys.join(', '),
  address: account?.address ?? '',
})

const SECRETS = ['pin', 'puk', 'newPin', 'newPuk']
const isSecret = ({ name }: Control): boolean => SECRETS.includes(name)

/** The last try of the secret that is asked for. */
function warnings(fields: readonly { readonly kind: string }[], card: TaskCard): HTMLElement[] {
  return (['pin', 'puk'] as const)
    .filter((which) => fields.some(({ kind }) => kind === which) && card[which]?.left === 1)
    .map((which) => h('p', { class: 'warning' }, t('lastTry', { which: t(which) })))
}

/** All that was typed; undefined where something is wrong. */
function readAll(controls: readonly Control[]): Record<string, string> | undefined {
  const typed: Record<string, string> = {}
  for (const one of controls) {
    const value = one.read()
    if (value === undefined) return undefined
    typed[one.name] = value
  }
  return typed
}

function after(name: TaskName, card: TaskCard, typed: Readonly<Record<string, string>>): TaskCard {
  if (name === 'create') return freshCard(typed.name ?? '')
  const { address, service = '' } = typed
  return address === undefined ? card : { ...card, account: { address, service } }
}

function wordsOf(outcome: NonNullable<Outcome>): string {
  if ('refused' in outcome) return t(outcome.refused === 'session' ? 'gone.session' : 'gone.network')
  const { code, message, triesLeft } = outcome
  // The last try was wrong.
  const key = `error.${triesLeft === 0 ? code.replace('_WRONG', '_BLOCKED') : code}`
  return hasText(key) ? t(key, { left: triesLeft ?? 0, message }) : t('error.other', { code, message })
}
