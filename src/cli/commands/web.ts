import { openBrowser } from '../../web/browser.ts'
import { startWeb } from '../../web/server.ts'
import { given, type Run } from '../context.ts'
import { TEXT } from '../messages.ts'

export const run: Run = async ({ options, out, signal }) => {
  const web = await startWeb(given({ tcti: options.tcti }))
  try {
    const opened = options.urlOnly !== true && (await openBrowser(web.url)) !== undefined
    const lines = [opened ? TEXT.web.opened : TEXT.web.address, web.url, TEXT.web.ends]
    await out.result({ url: web.url, opened }, lines.join('\n'))
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
    await Promise.race([web.idle, stopped])
    if (!signal.aborted) await out.note(TEXT.web.ended)
  } finally {
    await web.close()
  }
}
