// takes: 8 s
// My cards in a browser, by the gestures of a person, on the embedded TPM.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createCard, listCards, openCard } from '../../src/index.ts'
import { startWeb, type Web } from '../../src/web/server.ts'
import { root } from '../runner/jobs.ts'
import {
  assertAccessible,
  type Browser,
  type BrowserContext,
  launch,
  newContext,
  noBrowser,
  type Page,
  picture,
} from './support/browser.ts'

const PIN = '27182818'
const OTHER_PIN = '31415926'
const WRONG = '99887766'
const PUK = 'Pu7-k%=x'
process.env.TESSERA_TCTI = 'embedded:'

let web: Web
let browser: Browser
let context: BrowserContext
let page: Page
/** What the page asked for, and what it logged. */
const addresses: string[] = []
const logged: string[] = []
const missing = noBrowser()
if (missing !== undefined) console.log(`# skipped: my cards in a browser: ${missing}`)

test.before(async () => {
  if (missing !== undefined) return
  web = await startWeb()
  browser = await launch()
  context = await newContext(browser, 'en-US')
  page = await context.newPage()
  context.on('request', (request) => addresses.push(request.url()))
  context.on('console', (message) => logged.push(message.text()))
  await page.goto(web.url)
})
test.after(async () => {
  await browser?.close()
  await web?.close()
})
const inBrowser = (name: string, work: () => Promise<void>) =>
  test(name, async () => {
    if (missing === undefined) await work()
  })

const button = (name: string | RegExp, on: Page = page) => on.getByRole('button', { name, exact: true })
const type = (label: string, text: string, on: Page = page) => on.getByLabel(label, { exact: true }).fill(text)
const sees = (text: string | RegExp, on: Page = page) => on.getByText(text).first().waitFor()
const dots = (words: string, on: Page = page) => on.getByRole('img', { name: words }).first().waitFor()

inBrowser('a card is made, and its first PIN and PUK are chosen, step by step', async () => {
  await sees('There is no card yet.')
  assert.is(page.url().includes('#'), false)
  await assertAccessible(page, 'no card')
  await button('Make a virtual card').click()
  await assertAccessible(page, 'first step')
  await type('Name of the card', 'no/name')
  await button('Make the card').click()
  await sees('with no dot or hyphen first')
  await type('Name of the card', 'work')
  await page.keyboard.press('Enter')
  await sees('Step 2 of 3')
  for (const [pin, words] of [
    ['123', 'Too short'],
    ['12345678', 'Everybody tries this one first'],
    ['345678', 'Easy to guess: the digits follow each other'],
    ['12341234', 'Easy to guess: a few digits are repeated'],
    [PIN, 'Good'],
  ] as const) {
    await type('New PIN', pin)
    await sees(words)
  }
  await type('New PIN again', OTHER_PIN)
  await sees('Not the same')
  await button('Set the PIN').click()
  await sees('The two are not the same. Type it again.')
  await type('New PIN again', PIN)
  await sees('Both are the same')
  await assertAccessible(page, 'second step')
  await picture(page, 'my-cards-pin')
  await button('Set the PIN').click()
  await sees('Step 3 of 3')
  await type('New PUK', PUK)
  await type('New PUK again', PUK)
  await button('Set the PUK').click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await sees('The PUK of work was changed.')
  await sees('The card can be used.')
  const [card] = await listCards()
  assert.is(card?.state, 'ready')
  await assertAccessible(page, 'a card')
  await picture(page, 'my-cards')
})

inBrowser('a wrong PIN costs a dot in every tab, until the card is blocked; the PUK unblocks it', async () => {
  const second = await context.newPage()
  await second.goto(new URL('/', web.url).href)
  await dots('5 of 5 tries left', second)
  await page.bringToFront()
  await button('Change PIN: work').click()
  for (let left = 4; left >= 0; left -= 1) {
    await type('Present PIN', WRONG)
    await type('New PIN', OTHER_PIN)
    await type('New PIN again', OTHER_PIN)
    await button('Set the PIN').click()
    await sees(
      left > 0 ? `The PIN is wrong. ${left} more tries.` : 'The PIN is blocked. Unblock the card with the PUK.',
    )
    if (left === 4 || left === 0) await dots(`${left} of 5 tries left`, second)
  }
  await page.keyboard.press('Escape')
  await button('Unblock with the PUK: work').click()
  await type('PUK', 'Wrong-pk')
  await type('New PIN', OTHER_PIN)
  await type('New PIN again', OTHER_PIN)
  await button('Unblock').click()
  await sees('The PUK is wrong. 4 more tries.')
  await type('PUK', PUK)
  await type('New PIN', OTHER_PIN)
  await type('New PIN again', OTHER_PIN)
  await button('Unblock').click()
  await sees('work is unblocked, and has its new PIN.')
  await dots('5 of 5 tries left', second)
  await second.close()
  const card = await openCard('work')
  await card.verifyPin(OTHER_PIN)
  await card.close()
})

inBrowser(
  'a card that another program makes appears by itself; reload and the address alone keep the session',
  async () => {
    const other = await createCard({ name: 'other', pin: PIN, puk: '86753098' })
    await other.close()
    await button('Rename: other').waitFor()
    await page.reload()
    await button('Rename: other').click()
    await type('New name', 'work')
    await button('Rename').click()
    await sees('There is a card of this name already.')
    await type('New name', 'spare')
    await button('Rename').click()
    await button('Remove: spare').click()
    await sees('stop working for everybody and for ever')
    await assertAccessible(page, 'removing')
    await type('Type the name of the card, spare, to confirm', 'work')
    await button('Remove for ever').click()
    await sees('Nothing was removed.')
    await type('Type the name of the card, spare, to confirm', 'spare')
    await button('Remove for ever').click()
    await button('Remove: spare').waitFor({ state: 'detached' })
    assert.equal(
      (await listCards()).map(({ name }) => name),
      ['work'],
    )
  },
)

inBrowser('Korean by Accept-Language and by the switch; dark, narrow, and by the keyboard alone', async () => {
  const korean = await newContext(browser, 'ko-KR', 320)
  await korean.addCookies(await context.cookies())
  const narrow = await korean.newPage()
  await narrow.goto(new URL('/', web.url).href)
  await sees('카드를 사용할 수 있습니다.', narrow)
  assert.is(await narrow.title(), '내 카드 – Tessera')
  await assertAccessible(narrow, '320 pixels')
  for (const colours of [{ colorScheme: 'dark' }, { contrast: 'more' }, { colorScheme: 'light' }] as const) {
    await narrow.emulateMedia(colours)
    await assertAccessible(narrow, JSON.stringify(colours), ['color-contrast'])
  }
  await narrow.getByLabel('언어').selectOption('en')
  await sees('The card can be used.', narrow)
  await narrow.reload()
  await sees('The card can be used.', narrow)
  // To the first button of the card by the key alone, into the dialog, and out again: the focus is where it was.
  const focused = () => narrow.evaluate<string | null>('document.activeElement.getAttribute("data-act")')
  while ((await focused()) !== 'change-puk') await narrow.keyboard.press('Tab')
  await narrow.keyboard.press('Enter')
  await assertAccessible(narrow, 'dialog at 320 pixels')
  await narrow.keyboard.press('Escape')
  assert.is(await focused(), 'change-puk')
  await korean.close()
})

inBrowser(
  'PINs and PUKs are in no address, log, storage or card file; the page is small and asks nobody else',
  async () => {
    const stored = await page.evaluate<string>(
      'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, history.state, document.body.outerHTML])',
    )
    const file = readFileSync(join(process.env.TESSERA_HOME ?? '', 'cards/work.card'), 'latin1')
    const everything = [stored, file, ...addresses, ...logged].join('\n')
    for (const secret of [PIN, OTHER_PIN, WRONG, PUK, encodeURIComponent(PUK)]) assert.not(everything.includes(secret))
    assert.not(stored.includes(new URL(web.url).hash.slice(1)))
    assert.equal(
      logged.filter((line) => !/409 \(Conflict\)/.test(line)),
      [],
    )
    const { origin } = new URL(web.url)
    assert.equal(
      addresses.filter((address) => !address.startsWith(`${origin}/`)),
      [],
    )
    const octets = ['index.html', 'app.js', 'style.css', 'icon.svg'].map(
      (name) => readFileSync(join(root, 'dist/web/pages', name)).length,
    )
    const size = octets.reduce((sum, one) => sum + one, 0)
    console.log(`the whole page: ${size} octets`)
    assert.ok(size < 120_000)
  },
)

test.run()
