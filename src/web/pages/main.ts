// My cards: the page of `tessera web`.
import type { ShownCard } from '../shown.ts'
import { LANGUAGES, type Language } from '../texts/index.ts'
import { beginSession, follow, type Gone } from './api.ts'
import { cardView } from './card-view.ts'
import { open } from './dialog.ts'
import { h, newId } from './dom.ts'
import { choose, language, t } from './language.ts'
import { freshCard } from './tasks.ts'

let cards: readonly ShownCard[] | undefined
let gone: Gone | undefined
/** Outlives what is drawn anew, so that a screen reader says what was done. */
const told = h('p', { id: 'told', role: 'status' })

const tell = (message: string): void => {
  told.textContent = message
}

function draw(): void {
  const focus = focusNow()
  document.documentElement.lang = language()
  document.title = t('title')
  const header = h('header', {}, [h('span', { class: 'brand' }, 'Tessera'), languages()])
  const main = h('main', {}, [
    h('h1', {}, t('heading')),
    gone === undefined ? undefined : h('p', { class: 'failure', role: 'alert' }, t(`gone.${gone}`)),
    told,
    ...(gone === 'session' ? [] : list()),
  ])
  const [oldHeader, oldMain] = [document.querySelector('header'), document.querySelector('main')]
  if (oldHeader === null || oldMain === null) document.body.prepend(header, main)
  else {
    oldHeader.replaceWith(header)
    oldMain.replaceWith(main)
  }
  restore(focus)
}

function list(): HTMLElement[] {
  if (cards === undefined) return [h('p', {}, t('loading'))]
  const make = h(
    'button',
    { type: 'button', class: cards.length === 0 ? 'primary' : undefined, id: 'make' },
    t('make'),
    {
      onclick: () => open('create', freshCard(''), tell),
    },
  )
  const shown =
    cards.length === 0
      ? h('div', { class: 'empty' }, [h('p', {}, [h('strong', {}, t('none'))]), h('p', {}, t('noneHint'))])
      : h(
          'ul',
          { class: 'cards' },
          cards.map((card) => cardView(card, tell)),
        )
  return [shown, make, h('details', {}, [h('summary', {}, t('backup')), h('p', {}, t('backupText'))])]
}

function languages(): HTMLElement {
  const id = newId()
  const names = Object.entries(LANGUAGES) as [Language, string][]
  const options = names.map(([value, name]) =>
    h('option', { value, lang: value, selected: value === language() }, name),
  )
  const select = h('select', { id }, options, {
    onchange: (event) => {
      choose((event.target as HTMLSelectElement).value as Language)
      tell('')
      draw()
    },
  })
  return h('div', { class: 'languages' }, [h('label', { for: id }, t('language')), select])
}

/** What has the focus is drawn anew too: it gets the focus again. */
function focusNow(): string | undefined {
  const { activeElement } = document
  if (activeElement?.closest('dialog') !== null) return undefined
  if (activeElement.id === 'make') return '#make'
  if (activeElement instanceof HTMLSelectElement) return 'header select'
  const { act, card } = (activeElement as HTMLElement).dataset
  return act === undefined || card === undefined
    ? undefined
    : `[data-act="${CSS.escape(act)}"][data-card="${CSS.escape(card)}"]`
}

function restore(selector: string | undefined): void {
  if (selector !== undefined) document.querySelector<HTMLElement>(selector)?.focus()
}

draw()
await beginSession()
follow(
  (shown) => {
    cards = shown.cards
    draw()
  },
  (why) => {
    if (gone === why) return
    gone = why
    draw()
  },
)
