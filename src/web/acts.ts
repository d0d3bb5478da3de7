// What the page can have done: one row an act, with the fields of its form.
import { createCard, destroyCard, openCard, removeDeadCard, renameCard, whyDead } from '../cards/index.ts'
import { readCertificates } from '../enroll/read.ts'
import { UsageError } from '../errors.ts'
import type { Card } from '../piv/host/card.ts'
import { forget, signOutElsewhere } from '../signin/accounts.ts'
import { signInInBackground } from '../signin/background.ts'
import { pemOf } from '../x509/pem.ts'
import type { Form } from './form.ts'

export interface ActPlace {
  readonly tcti?: string
}

interface Act {
  readonly fields: readonly string[]
  readonly run: (form: Form, place: ActPlace) => Promise<void>
}

const READER = 'reader:'

async function withCard(form: Form, place: ActPlace, work: (card: Card) => Promise<void>): Promise<void> {
  const id = form.text('card')
  const card = await openCard(id.startsWith(READER) ? { reader: id.slice(READER.length) } : { ...place, name: id })
  try {
    await work(card)
  } finally {
    await card.close()
  }
}

export const ACTS = {
  create: {
    fields: ['name'],
    run: async (form, place) => (await createCard({ ...place, name: form.text('name') })).close(),
  },
  'change-pin': {
    fields: ['card', 'pin', 'newPin'],
    run: (form, place) =>
      withCard(form, place, (card) => card.changePin({ pin: form.secret('pin'), newPin: form.secret('newPin') })),
  },
  'change-puk': {
    fields: ['card', 'puk', 'newPuk'],
    run: (form, place) =>
      withCard(form, place, (card) => card.changePuk({ puk: form.secret('puk'), newPuk: form.secret('newPuk') })),
  },
  unblock: {
    fields: ['card', 'puk', 'newPin'],
    run: (form, place) =>
      withCard(form, place, (card) => card.unblockPin({ puk: form.secret('puk'), newPin: form.secret('newPin') })),
  },
  rename: {
    fields: ['card', 'newName'],
    run: (form) => renameCard(form.text('card'), form.text('newName')),
  },
  remove: {
    fields: ['card', 'typed'],
    run: remove,
  },
  'sign-in': {
    fields: ['address', 'service', 'ca', 'pin'],
    run: signIn,
  },
  'sign-out': {
    fields: ['address'],
    run: async (form) => void (await signOutElsewhere(form.text('address'))),
  },
  forget: {
    fields: ['address'],
    run: async (form) => void (await forget(form.text('address'))),
  },
} as const satisfies Readonly<Record<string, Act>>

export type ActName = keyof typeof ACTS

/** In the background: closing the page leaves the session. What is empty is remembered, or found. */
async function signIn(form: Form, place: ActPlace): Promise<void> {
  const [service, file] = [form.text('service'), form.text('ca')]
  const ca = file === '' ? '' : readCertificates(Buffer.from(file, 'base64')).map(pemOf).join('')
  await signInInBackground({
    ...{ ...place, address: form.text('address'), ...(service !== '' && { service }), ...(ca !== '' && { ca }) },
    pin: form.secret('pin'),
    // The last try counts where the card is shown with its tries: at the change of the PIN.
    minTriesLeft: 2,
  })
}

/** The name is typed, as at the command line: a click alone removes nothing. */
async function remove(form: Form, place: ActPlace): Promise<void> {
  const name = form.text('card')
  if (form.text('typed') !== name) {
    throw new UsageError('ERR_USAGE', 'Nothing was removed: the name that was typed is another one.')
  }
  try {
    await destroyCard(name, place)
  } catch (error) {
    // The page said of a card that its TPM does not know any more that only its file is removed.
    if (whyDead(error) === undefined) throw error
    await removeDeadCard(name, place)
  }
}
