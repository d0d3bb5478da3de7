// takes: 6 s
// Cards in readers, in a browser: they come and go by themselves, also in the middle of a change of PIN. Real pcscd and vpcd.
import { test } from 'uvu'
import { createCard } from '../../src/index.ts'
import { startWeb, type Web } from '../../src/web/server.ts'
import { endServes, startServe } from '../serve/support/process.ts'
import { type Pcscd, startPcscd } from '../support/pcscd.ts'
import { type Browser, launch, newContext, noBrowser, type Page } from './support/browser.ts'

const PIN = '27182818'
const NEW_PIN = '31415926'
process.env.TESSERA_TCTI = 'embedded:'

let pcscd: Pcscd
let web: Web
let browser: Browser
let page: Page
const missing = noBrowser()

test.before(async () => {
  pcscd = await startPcscd()
  const card = await createCard({ name: 'work', pin: PIN, puk: '86753098' })
  await card.close()
  if (missing !== undefined) return
  web = await startWeb()
  browser = await launch()
  page = await (await newContext(browser, 'en-US')).newPage()
  await page.goto(web.url)
})
test.after.each(endServes)
test.after(async () => {
  await browser?.close()
  await web?.close()
  await pcscd.stop()
})

const serve = async () => {
  const served = await startServe(['serve', 'work', '--vpcd', `127.0.0.1:${pcscd.ports[0]}`])
  await served.line()
  return served
}
const inReader = () => page.getByText(`Card in the reader ${pcscd.readers[0]}`)

test('a card that is put into a reader is there, once, and is gone when it is pulled out', async () => {
  if (missing !== undefined) {
    console.log(`# skipped: cards in readers in a browser: ${missing}`)
    return
  }
  await page.getByRole('button', { name: 'Rename: work', exact: true }).waitFor()
  const served = await serve()
  await inReader().waitFor()
  await page.getByRole('article').nth(1).waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Change PIN: work', exact: true }).click()
  await page.getByLabel('Present PIN', { exact: true }).fill(PIN)
  await page.getByLabel('New PIN', { exact: true }).fill(NEW_PIN)
  await page.getByLabel('New PIN again', { exact: true }).fill(NEW_PIN)
  await page.keyboard.press('Enter')
  await page.getByText('The PIN of work was changed.').waitFor()
  // Pulled out while the form is open: nothing is lost but what was typed, and it is said what to do.
  await page.getByRole('button', { name: 'Change PIN: work', exact: true }).click()
  await served.stop('SIGTERM')
  await inReader().waitFor({ state: 'detached' })
  await page.getByLabel('Present PIN', { exact: true }).fill(NEW_PIN)
  await page.getByLabel('New PIN', { exact: true }).fill(PIN)
  await page.getByLabel('New PIN again', { exact: true }).fill(PIN)
  await page.keyboard.press('Enter')
  await page.getByText('The card was taken out. Put it into the reader and try again.').waitFor()
  const again = await serve()
  await inReader().waitFor({ state: 'attached' })
  await page.getByLabel('Present PIN', { exact: true }).fill(NEW_PIN)
  await page.getByLabel('New PIN', { exact: true }).fill(PIN)
  await page.getByLabel('New PIN again', { exact: true }).fill(PIN)
  await page.keyboard.press('Enter')
  await page.getByText('The PIN of work was changed.').waitFor()
  await again.stop('SIGTERM')
})

test.run()
