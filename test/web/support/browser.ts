// Debian's Chromium, driven by playwright-core as a person's hands would; and axe-core, which finds what keeps people out.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as assert from 'uvu/assert'
import { root } from '../../runner/jobs.ts'
import type { Browser, BrowserContext, Page } from '../../strangers/packages/node_modules/playwright-core/index.d.ts'

export type { Browser, BrowserContext, Page }

const PACKAGES = join(root, 'test/strangers/packages/node_modules')
const CHROMIUM = '/usr/bin/chromium'
/** Ends what hangs, and nothing else. */
const LIMIT_MS = 15_000

export const noBrowser = (): string | undefined =>
  existsSync(CHROMIUM) ? undefined : 'chromium is not installed (Debian has a package of it)'

/** A name that is not of this machine, and leads here: DNS rebinding. */
export const REBOUND = 'rebound.example'

export async function launch(): Promise<Browser> {
  const { chromium } = (await import(pathToFileURL(join(PACKAGES, 'playwright-core/index.mjs')).href)) as {
    chromium: { launch(options: object): Promise<Browser> }
  }
  return chromium.launch({
    executablePath: CHROMIUM,
    timeout: LIMIT_MS,
    chromiumSandbox: process.getuid?.() !== 0,
    args: ['--disable-gpu', '--disable-dev-shm-usage', `--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`],
  })
}

export async function newContext(browser: Browser, locale: string, width = 800): Promise<BrowserContext> {
  const context = await browser.newContext({ locale, viewport: { width, height: 900 }, reducedMotion: 'reduce' })
  context.setDefaultTimeout(LIMIT_MS)
  return context
}

interface Violation {
  readonly id: string
  readonly nodes: ReadonlyArray<{ readonly html: string }>
}

/** A picture for docs/, which is made anew where TESSERA_TEST_PICTURES is 1. */
export async function picture(page: Page, name: string): Promise<void> {
  if (process.env.TESSERA_TEST_PICTURES !== '1') return
  await page.screenshot({ path: join(root, 'docs', `${name}.png`), fullPage: true })
}

const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
const AXE = join(PACKAGES, 'axe-core/axe.min.js')

/** WCAG 2.2 AA, as far as a program can tell; or these rules of it. */
export async function assertAccessible(page: Page, what: string, rules?: readonly string[]): Promise<void> {
  const only = rules === undefined ? { type: 'tag', values: WCAG } : { type: 'rule', values: rules }
  const run = `${readFileSync(AXE, 'utf8')}; axe.run({ runOnly: ${JSON.stringify(only)}, resultTypes: ['violations'] })`
  const { violations } = (await page.evaluate(run)) as { violations: readonly Violation[] }
  const found = violations.map(({ id, nodes }) => `${what}: ${id}: ${nodes.map(({ html }) => html).join(' ')}`)
  assert.equal(found, [])
  const overflow = await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth')
  assert.is(overflow, false, `${what}: wider than its window`)
}
