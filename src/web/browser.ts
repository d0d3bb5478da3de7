// Opening a page in the user's browser.
import { spawn } from 'node:child_process'

/** What desktops and distributions start a browser by. */
const STARTERS = ['xdg-open', 'sensible-browser', 'x-www-browser'] as const

/** The program that took the address; undefined where there is no desktop, or no browser. */
export async function openBrowser(url: string, environment = process.env): Promise<string | undefined> {
  const { BROWSER, DISPLAY, WAYLAND_DISPLAY } = environment
  if (!BROWSER && !DISPLAY && !WAYLAND_DISPLAY) return undefined
  for (const program of BROWSER ? [BROWSER] : STARTERS) if (await starts(program, url)) return program
  return undefined
}

function starts(program: string, url: string): Promise<boolean> {
  return new Promise((resolve) => {
    // It outlives this process, as a browser does.
    const child = spawn(program, [url], { stdio: 'ignore', detached: true })
    child.once('error', () => resolve(false))
    child.once('spawn', () => {
      child.unref()
      resolve(true)
    })
  })
}
