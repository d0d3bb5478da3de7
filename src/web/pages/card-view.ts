// One card: picture, state, tries, certificates, and what can be done with it.
import type { CardAct, ShownCard, ShownCertificate, ShownSecret } from '../shown.ts'
import type { TextKey } from '../texts/index.ts'
import { open, type Tell } from './dialog.ts'
import { h, newId } from './dom.ts'
import { day, t } from './language.ts'

export function cardView(card: ShownCard, tell: Tell): HTMLElement {
  const titleId = newId()
  return h('li', {}, [
    h('article', { class: 'card', 'aria-labelledby': titleId, 'data-state': card.state }, [
      h('div', { class: `picture ${card.place}`, 'aria-hidden': 'true' }, [h('span', { class: 'chip' })]),
      h('div', { class: 'facts' }, [
        h('h2', { id: titleId }, card.name),
        h('p', { class: 'place' }, t(`place.${card.place}`, { reader: card.reader ?? '' })),
        h('p', { class: 'state' }, [h('strong', {}, t(`state.${card.state}`)), ' ', explanation(card)]),
        card.pin === undefined ? undefined : h('dl', {}, [...tries('pin', card.pin), ...tries('puk', card.puk)]),
        card.pin === undefined ? undefined : certificates(card.certificates),
        buttons(card, tell),
      ]),
    ]),
  ])
}

function explanation({ state, acts, error }: ShownCard): string {
  const isForGood = state === 'pin-blocked' && !acts.includes('unblock')
  const key: TextKey = isForGood ? 'explain.pin-blocked-for-good' : `explain.${state}`
  return t(key, { message: error?.message ?? '' })
}

function tries(which: 'pin' | 'puk', secret: ShownSecret | undefined): HTMLElement[] {
  if (secret === undefined) return []
  const { left, tries: all } = secret
  const words = left === undefined || all === undefined ? t('triesUnknown') : t('tries', { left, all })
  const dots = Array.from({ length: all ?? 0 }, (_, at) => h('span', { class: at < (left ?? 0) ? 'dot' : 'dot spent' }))
  return [
    h('dt', {}, t(which)),
    h('dd', {}, [h('span', { class: 'dots', role: 'img', 'aria-label': words }, left === undefined ? '?' : dots)]),
  ]
}

function certificates(all: readonly ShownCertificate[]): HTMLElement {
  const list = all.map((one) =>
    h('li', {}, [h('span', {}, certificate(one)), ' ', h('small', {}, t('slot', { slot: one.slot }))]),
  )
  return h('div', { class: 'certificates' }, [
    h('h3', {}, t('certificates')),
    all.length === 0 ? h('p', {}, t('noCertificates')) : h('ul', {}, list),
  ])
}

function certificate({ slot, subject, notAfter }: ShownCertificate): string {
  if (subject === undefined || notAfter === undefined) return t('certificateUnreadable', { slot })
  const key = Date.parse(notAfter) < Date.now() ? 'certificateExpired' : 'certificateUntil'
  return t(key, { subject, date: day(notAfter) })
}

function buttons(card: ShownCard, tell: Tell): HTMLElement {
  const [main] = card.acts
  const button = (act: CardAct) => {
    const isFirst = act === 'change-pin' && card.state === 'must-change-pin'
    const text = t(isFirst ? 'act.first-pin' : `act.${act}`)
    const isMain = act === main && ['must-change-pin', 'pin-blocked'].includes(card.state)
    const attributes = {
      type: 'button',
      class: isMain ? 'primary' : undefined,
      'data-act': act,
      'data-card': card.id,
      'aria-label': t('act.named', { act: text, card: card.name }),
    }
    return h('button', attributes, text, { onclick: () => open(act, card, tell) })
  }
  return h('div', { class: 'buttons' }, card.acts.map(button))
}
