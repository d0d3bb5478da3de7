// takes: 8 s
// Signing in, out, and being forgotten, in a browser by the gestures of a person, at the sample service.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { accounts, forget } from '../../src/signin/index.ts'
import { startWeb, type Web } from '../../src/web/server.ts'
import { ALICE, PIN, startWorld, WRONG_PIN } from '../signin/support.ts'
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

process.env.TESSERA_TCTI = 'embedded:'
const { home, service } = await startWorld()
process.env.TESSERA_HOME = home

let web: Web
let browser: Browser
let context: BrowserContext
let page: Page
const missing = noBrowser()
if (missing !== undefined) console.log(`# skipped: signing in, in a browser: ${missing}`)

test.before(async () => {
  if (missing !== undefined) return
  web = await startWeb()
  browser = await launch()
  context = await newContext(browser, 'en-US')
  page = await context.newPage()
  await page.goto(web.url)
})
test.after(async () => {
  await browser?.close()
  await web?.close()
  await forget(ALICE).catch(() => undefined)
})
const inBrowser = (name: string, work: () => Promise<void>) =>
  test(name, async () => {
    if (missing === undefined) await work()
  })

const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
const type = (label: string, text: string) => page.getByLabel(label, { exact: true }).fill(text)
const sees = (text: string) => page.getByText(text).first().waitFor()
const dialogGone = () => page.getByRole('dialog').waitFor({ state: 'detached' })
const signedIn = async (): Promise<boolean> => {
  const [account] = await accounts()
  return account !== undefined && 'address' in account && account.signedIn !== undefined
}

inBrowser('the first time: address, service and its CA; a wrong PIN, then the right one', async () => {
  await page.getByRole('link', { name: 'Sign in' }).click()
  await sees('You have not signed in anywhere yet.')
  await assertAccessible(page, 'no account')
  await press('Sign in to a service')
  await type('Your address', 'alice')
  await press('Sign in')
  await sees('Type the whole address, with @.')
  await type('Your address', ALICE)
  await type('Service', 'http://service.example')
  await press('Sign in')
  await sees('It begins with https://.')
  await type('Service', service.url)
  await type('PIN of your card', PIN)
  await assertAccessible(page, 'signing in')
  await press('Sign in')
  await sees('The service could not prove that it is the right one.')
  await page.getByLabel('Certificate of the CA of the service', { exact: true }).setInputFiles(service.caFile)
  await type('PIN of your card', WRONG_PIN)
  await press('Sign in')
  await sees('The PIN is wrong. 4 more tries.')
  await type('PIN of your card', PIN)
  await press('Sign in')
  await dialogGone()
  await sees(`You are signed in as ${ALICE}.`)
  await sees('Closing this page leaves you signed in.')
  await assertAccessible(page, 'signed in')
  await picture(page, 'signed-in-web')
  assert.is(await signedIn(), true)
})

inBrowser(
  'closing the page leaves the session; signing out ends it, and the second time the PIN is enough',
  async () => {
    await page.close()
    page = await context.newPage()
    await page.goto(new URL('/sign-in', web.url).href)
    await sees('Closing this page leaves you signed in.')
    await press(`Sign out: ${ALICE}`)
    await sees('Programs that use this session lose it.')
    await press('Sign out')
    await sees(`${ALICE} is signed out.`)
    await sees('You signed out on')
    assert.is(await signedIn(), false)
    await press(`Sign in: ${ALICE}`)
    await type('PIN of your card', PIN)
    await press('Sign in')
    await sees('Closing this page leaves you signed in.')
    assert.is(await signedIn(), true)
  },
)

inBrowser(
  'deleting the sign-in information signs out and leaves nothing; the card and its certificate stay',
  async () => {
    await press(`Delete my sign-in information: ${ALICE}`)
    await sees('The card and its certificate stay.')
    await assertAccessible(page, 'deleting')
    await press('Delete')
    await sees(`This computer remembers nothing of ${ALICE} any more.`)
    assert.equal(await accounts(), [])
    await page.getByRole('link', { name: 'My cards' }).click()
    await sees('The card can be used.')
    await sees(`– until`)
  },
)

inBrowser('a service that is down is said, and nothing is remembered', async () => {
  await service.stop()
  await page.getByRole('link', { name: 'Sign in' }).click()
  await press('Sign in to a service')
  await type('Your address', ALICE)
  await type('Service', service.url)
  await type('PIN of your card', PIN)
  await press('Sign in')
  await sees('The service does not answer.')
  assert.equal(await accounts(), [])
  const stored = await page.evaluate<string>(
    'document.body.outerHTML + location.href + JSON.stringify({ ...localStorage })',
  )
  assert.not(stored.includes(PIN))
})

test.run()
