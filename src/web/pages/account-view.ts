// One remembered way to sign in: where, for how long, and what can be done with it.
import type { ShownAccount } from '../shown.ts'
import { open, type Tell } from './dialog.ts'
import { h, newId } from './dom.ts'
import { minute, t } from './language.ts'
import { type AccountAct, forAccount } from './tasks.ts'

export function accountView(account: ShownAccount, tell: Tell): HTMLElement {
  const titleId = newId()
  const { address, service, card, signedIn, isCardHere } = account
  const attributes = { class: 'card', 'aria-labelledby': titleId, 'data-state': signedIn ? 'ready' : 'busy' }
  return h('li', {}, [
    h('article', attributes, [
      h('div', { class: 'facts' }, [
        h('h2', { id: titleId }, address),
        h('p', { class: 'place' }, t('account.at', { service, card })),
        h('p', { class: 'state' }, [
          h('strong', {}, t(signedIn ? 'account.signedIn' : 'account.notSignedIn')),
          ' ',
          explanation(account),
        ]),
        isCardHere || signedIn ? undefined : h('p', {}, t('account.cardAbsent', { card })),
        h(
          'div',
          { class: 'buttons' },
          actsOf(account).map((act) => button(act, account, tell)),
        ),
      ]),
    ]),
  ])
}

function explanation({ signedIn, ended }: ShownAccount): string {
  if (signedIn !== undefined) {
    const times = { since: minute(signedIn.since), until: minute(signedIn.expires) }
    return t(signedIn.background ? 'account.until' : 'account.program', times)
  }
  return ended === undefined ? t('account.never') : t(`account.ended.${ended.reason}`, { at: minute(ended.at) })
}

function actsOf({ signedIn, isCardHere }: ShownAccount): readonly AccountAct[] {
  if (signedIn === undefined) return isCardHere ? ['sign-in', 'forget'] : ['forget']
  return signedIn.background ? ['sign-out', 'forget'] : []
}

function button(act: AccountAct, account: ShownAccount, tell: Tell): HTMLElement {
  const text = t(`act.${act}`)
  const attributes = {
    ...{ type: 'button', 'data-act': act, 'data-card': account.address },
    class: act === 'forget' ? undefined : 'primary',
    'aria-label': t('act.named', { act: text, card: account.address }),
  }
  return h('button', attributes, text, { onclick: () => open(act, forAccount(account), tell) })
}
