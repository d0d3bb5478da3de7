// takes: 4 s
// Who is kept away from the page, each by a real browser or a real program: other origins, other ports, other names,
// frames, other users, and whoever has a token that was used.
import { execFile } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mock } from 'node:test'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Live } from '../../src/web/live.ts'
import { startWeb, type Web } from '../../src/web/server.ts'
import { FORM_TYPE } from '../../src/web/shown.ts'
import {
  type Browser,
  type BrowserContext,
  launch,
  newContext,
  noBrowser,
  type Page,
  REBOUND,
} from './support/browser.ts'

process.env.TESSERA_TCTI = 'embedded:'
let web: Web
let port: number
let browser: Browser
let context: BrowserContext
let page: Page
let foreign: Server
let foreignPort: number
const missing = noBrowser()
if (missing !== undefined) console.log(`# skipped: a browser kept away: ${missing}`)

test.before(async () => {
  web = await startWeb()
  port = Number(new URL(web.url).port)
  foreign = createServer((_, response) => response.end('<!doctype html><title>foreign</title>'))
  await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve))
  foreignPort = (foreign.address() as AddressInfo).port
  if (missing !== undefined) return
  browser = await launch()
  context = await newContext(browser, 'en-US')
  page = await context.newPage()
  await page.goto(web.url)
  await page.getByRole('button', { name: 'Make a virtual card' }).waitFor()
})
test.after(async () => {
  await browser?.close()
  await web.close()
  foreign.close()
})
const inBrowser = (name: string, work: () => Promise<void>) =>
  test(name, async () => {
    if (missing === undefined) await work()
  })

const own = (): Record<string, string> => ({
  Host: `127.0.0.1:${port}`,
  Origin: `http://127.0.0.1:${port}`,
  'Sec-Fetch-Site': 'same-origin',
  'Content-Type': FORM_TYPE,
})

/** Not in step with this process, which has the server. */
const curl = (words: readonly string[], uid?: number): Promise<string> =>
  new Promise((resolve) => {
    execFile('curl', words, uid === undefined ? {} : { uid, env: { PATH: process.env.PATH } }, (_, stdout) =>
      resolve(stdout),
    )
  })

/** As a program sends it, which may claim what it likes. */
async function request(method: string, path: string, headers: Record<string, string>, body = ''): Promise<string> {
  const words = ['--silent', '--max-time', '60', '--request', method, '--write-out', ' %{http_code}']
  const lines = Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`])
  const data = method === 'POST' ? ['--data-binary', body] : []
  return curl([...words, ...lines, ...data, `http://127.0.0.1:${port}${path}`])
}

inBrowser('the cookie is for this page alone, and no script reads it; the token is gone from the address', async () => {
  const [cookie, ...others] = await context.cookies()
  assert.equal(others, [])
  assert.is(cookie?.name, `tessera-${port}`)
  assert.is(cookie?.httpOnly, true)
  assert.is(cookie?.sameSite, 'Strict')
  assert.is(cookie?.expires, -1)
  assert.is(await page.evaluate('document.cookie'), '')
  assert.is(page.url(), `http://127.0.0.1:${port}/`)
})

inBrowser('a token that was used gives no session to the next browser', async () => {
  const other = await newContext(browser, 'en-US')
  const late = await other.newPage()
  await late.goto(web.url)
  await late.getByText('This page is not signed in to Tessera.').waitFor()
  assert.equal(await other.cookies(), [])
  await other.close()
})

/** What a hostile page can try, with the cookie of this page in its browser. `true`: it learnt or did something. */
const ATTEMPTS = `async (address) => {
  const tried = async (work) => { try { return await work() } catch { return false } }
  const post = (type) => tried(async () => {
    const mode = type === '${FORM_TYPE}' ? 'cors' : 'no-cors'
    await fetch(address + '/api/create', { method: 'POST', mode, credentials: 'include', headers: { 'Content-Type': type }, body: 'name=stolen' })
    return mode === 'cors'
  })
  const events = () => new Promise((resolve) => {
    const source = new EventSource(address + '/api/events', { withCredentials: true })
    source.onopen = () => { source.close(); resolve(true) }
    source.onerror = () => { source.close(); resolve(false) }
  })
  const framed = () => new Promise((resolve) => {
    const frame = document.createElement('iframe')
    frame.onload = () => resolve(tried(async () => frame.contentDocument?.title === 'My cards – Tessera'))
    frame.src = address + '/'
    document.body.append(frame)
  })
  const read = () => tried(async () => (await (await fetch(address + '/api/events', { credentials: 'include' })).text()) !== '')
  const script = () => new Promise((resolve) => {
    const element = document.createElement('script')
    element.onload = () => resolve(true)
    element.onerror = () => resolve(false)
    element.type = 'module'
    element.src = address + '/app.js'
    document.body.append(element)
  })
  return { typed: await post('${FORM_TYPE}'), plain: await post('text/plain'), events: await events(), framed: await framed(), read: await read(), script: await script() }
}`
const NOTHING = { typed: false, plain: false, events: false, framed: false, read: false, script: false }

inBrowser('pages of another port of this machine, and of another site, learn nothing and do nothing', async () => {
  const refused: string[] = []
  context.on('response', async (response) => {
    if (response.url().startsWith(`http://127.0.0.1:${port}/api/`)) refused.push(`${response.status()}`)
  })
  for (const host of ['127.0.0.1', REBOUND]) {
    const hostile = await context.newPage()
    await hostile.goto(`http://${host}:${foreignPort}/`)
    const learnt = await hostile.evaluate(`(${ATTEMPTS})('http://127.0.0.1:${port}')`)
    assert.equal(learnt, NOTHING, host)
    assert.is(
      hostile.frames().some((frame) => frame.url().startsWith(`http://127.0.0.1:${port}`)),
      false,
    )
    await hostile.close()
  }
  assert.equal(
    [...new Set(refused)].filter((status) => !['401', '403', '405'].includes(status)),
    [],
  )
  await page.getByText('There is no card yet.').waitFor()
})

inBrowser('another name that leads here (DNS rebinding) gets no page', async () => {
  const rebound = await context.newPage()
  const response = await rebound.goto(`http://${REBOUND}:${port}/`)
  assert.is(response?.status(), 421)
  assert.is(await rebound.evaluate('document.body.innerText'), '{"refused":"host"}')
  await rebound.close()
})

inBrowser('text in the page is no code: neither inline, nor by eval, nor as markup', async () => {
  const ran = await page.evaluate(`(async () => {
    const script = document.createElement('script')
    try { script.textContent = 'window.ran = 1' } catch {}
    document.head.append(script)
    const element = document.createElement('p')
    let isMarkup = true
    try { element.innerHTML = '<img>' } catch { isMarkup = false }
    const elsewhere = await fetch('http://127.0.0.1:${foreignPort}/', { mode: 'no-cors' }).then(() => true, () => false)
    return { inline: window.ran === 1, isMarkup, elsewhere }
  })()`)
  assert.equal(ran, { inline: false, isMarkup: false, elsewhere: false })
})

test('each check refuses, by itself, a request that is right in all else', async () => {
  const cookie: Record<string, string> = missing === undefined ? { Cookie: await cookieOf() } : {}
  const good = { ...own(), ...cookie }
  const without = (name: string) => Object.fromEntries(Object.entries(good).filter(([key]) => key !== name))
  const rows: ReadonlyArray<readonly [string, string, Record<string, string>, string]> = [
    ['POST', '/api/create', { ...good, Host: `rebound.example:${port}` }, 'host'],
    ['POST', '/api/create', { ...good, Host: '127.0.0.1' }, 'host'],
    ['PUT', '/api/create', good, 'method'],
    ['OPTIONS', '/api/create', good, 'method'],
    ['POST', '/api/create', { ...good, Origin: `http://127.0.0.1:${port + 1}` }, 'origin'],
    ['POST', '/api/create', { ...good, Origin: 'null' }, 'origin'],
    ['POST', '/api/create', without('Origin'), 'origin'],
    ['GET', '/', { ...good, Origin: 'http://rebound.example' }, 'origin'],
    ['POST', '/api/create', { ...good, 'Sec-Fetch-Site': 'same-site' }, 'fetch-site'],
    ['POST', '/api/create', without('Sec-Fetch-Site'), 'fetch-site'],
    ['GET', '/api/events', { ...good, 'Sec-Fetch-Site': 'cross-site' }, 'fetch-site'],
    ['POST', '/api/create', { ...good, 'Content-Type': 'text/plain' }, 'type'],
    ['POST', '/api/create', without('Cookie'), 'session'],
    ['POST', '/api/create', { ...good, Cookie: `tessera-${port}=x` }, 'session'],
    ['GET', '/api/events', { ...good, Cookie: '' }, 'session'],
    ['POST', '/api/session', good, 'token'],
    ['GET', '/..%2f..%2fpackage.json', good, 'path'],
    ...(missing === undefined ? ([['POST', '/api/toString', good, 'path']] as const) : []),
  ]
  for (const [method, path, headers, why] of rows) {
    const said = await request(method, path, headers, path === '/api/session' ? 'token=x' : 'name=stolen')
    assert.match(said, new RegExp(`^\\{"refused":"${why}"\\} 4`), `${method} ${path}: ${why}: ${said}`)
  }
  if (missing !== undefined) return
  const long = await request('POST', '/api/create', good, `name=${'x'.repeat(40_000)}`)
  assert.match(long, '"refused":"length"')
  assert.match(await request('POST', '/api/create', good, 'name=work\nmore=1'), 'ERR_USAGE')
})

const cookieOf = async (): Promise<string> => {
  const [{ name, value } = { name: '', value: '' }] = await context.cookies()
  return `${name}=${value}`
}

test('another user of this machine is refused, with the cookie too', async () => {
  if (process.getuid?.() !== 0) {
    console.log('# skipped: another user: only root can be another user')
    return
  }
  const stdout = await curl(['--silent', '--max-time', '60', `http://127.0.0.1:${port}/`], 65_534)
  assert.is(stdout, '{"refused":"user"}')
})

test('every answer says what the browser may do with it', async () => {
  const response = await fetch(`http://127.0.0.1:${port}/`)
  const policy = response.headers.get('content-security-policy') ?? ''
  assert.not(policy.includes('unsafe'))
  for (const part of ["default-src 'none'", "frame-ancestors 'none'", "form-action 'none'"]) assert.match(policy, part)
  assert.is(response.headers.get('access-control-allow-origin'), null)
  assert.is(response.headers.get('cache-control'), 'no-store')
  // Chromium keeps module scripts from other origins by CORS already, and images and styles by this alone.
  assert.is(response.headers.get('cross-origin-resource-policy'), 'same-origin')
  const text = await response.text()
  assert.not(/<script(?![^>]* src=)|\son\w+=|style=/.test(text))
})

test('it ends five minutes after the last page is closed, and not while one is open', async () => {
  let ended = 0
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const live = await Live.start({}, 300_000, () => {
      ended += 1
    })
    const open = () => live.add({ write: () => undefined, end: () => undefined })
    mock.timers.tick(299_999)
    const [closeFirst, closeSecond] = [open(), open()]
    mock.timers.tick(900_000)
    closeFirst()
    mock.timers.tick(900_000)
    assert.is(ended, 0)
    closeSecond()
    mock.timers.tick(299_999)
    // A reload: the page is away for a moment.
    open()()
    mock.timers.tick(299_999)
    assert.is(ended, 0)
    mock.timers.tick(1)
    assert.is(ended, 1)
    await live.close()
  } finally {
    mock.timers.reset()
  }
})

test.run()
