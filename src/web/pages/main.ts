// The pages of `tessera web`: my cards, and signing in.
import type { Shown } from '../shown.ts'
import { LANGUAGES, type Language, type TextKey } from '../texts/index.ts'
import { accountView } from './account-view.ts'
import { beginSession, follow, type Gone } from './api.ts'
import { cardView } from './card-view.ts'
import { open } from './dialog.ts'
import { h, newId } from './dom.ts'
import { choose, language, t } from './language.ts'
import { forAccount, freshCard } from './tasks.ts'

let shown: Shown | undefined
let gone: Gone | undefined
/** Outlives what is drawn anew, so that a screen reader says what was done. */
const told = h('p', { id: 'told', role: 'status' })

const tell = (message: string): void => {
  told.textContent = message
}

function draw(): void {
  const focus = focusNow()
  document.documentElement.lang = language()
  document.title = t(here().title)
  const header = h('header', {}, [h('span', { class: 'brand' }, 'Tessera'), navigation(), languages()])
  const main = h('main', {}, [
    h('h1', {}, t(here().heading)),
    gone === undefined ? undefined : h('p', { class: 'failure', role: 'alert' }, t(`gone.${gone}`)),
    told,
    ...(gone === 'session' ? [] : shown === undefined ? [h('p', {}, t('loading'))] : here().list(shown)),
  ])
  const [oldHeader, oldMain] = [document.querySelector('header'), document.querySelector('main')]
  if (oldHeader === null || oldMain === null) document.body.prepend(header, main)
  else {
    oldHeader.replaceWith(header)
    oldMain.replaceWith(main)
  }
  restore(focus)
}

interface Section {
  readonly path: string
  readonly nav: TextKey
  readonly title: TextKey
  readonly heading: TextKey
  readonly list: (shown: Shown) => HTMLElement[]
}

const SECTIONS: readonly [Section, ...Section[]] = [
  {
    ...{ path: '/', nav: 'nav.cards', title: 'title', heading: 'heading' },
    list: ({ cards }) => [
      listOf(
        cards.map((card) => cardView(card, tell)),
        'none',
        'noneHint',
      ),
      add('make', cards.length === 0, () => open('create', freshCard(''), tell)),
      h('details', {}, [h('summary', {}, t('backup')), h('p', {}, t('backupText'))]),
    ],
  },
  {
    ...{ path: '/sign-in', nav: 'nav.sign-in', title: 'title.sign-in', heading: 'heading.sign-in' },
    list: ({ accounts }) => [
      listOf(
        accounts.map((account) => accountView(account, tell)),
        'accounts.none',
        'accounts.noneHint',
      ),
      add('accounts.add', accounts.length === 0, () => open('sign-in', forAccount(undefined), tell)),
      h('p', {}, t('accounts.about')),
    ],
  },
]

const here = (): Section => SECTIONS.find(({ path }) => path === location.pathname) ?? SECTIONS[0]

function listOf(items: readonly HTMLElement[], none: TextKey, hint: TextKey): HTMLElement {
  if (items.length > 0) return h('ul', { class: 'cards' }, items)
  return h('div', { class: 'empty' }, [h('p', {}, [h('strong', {}, t(none))]), h('p', {}, t(hint))])
}

const add = (text: TextKey, isFirst: boolean, onclick: () => void): HTMLElement =>
  h('button', { type: 'button', id: 'add', class: isFirst ? 'primary' : undefined }, t(text), { onclick })

const navigation = (): HTMLElement =>
  h(
    'nav',
    {},
    SECTIONS.map(({ path, nav }) => h('a', { href: path, 'aria-current': here().path === path && 'page' }, t(nav))),
  )

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
  if (activeElement.id === 'add') return '#add'
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
  (now) => {
    shown = now
    draw()
  },
  (why) => {
    if (gone === why) return
    gone = why
    draw()
  },
)
