import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { listCards } from '../../cards/index.ts'
import { converse } from '../../doors/pkcs11/streams.ts'
import { cardSource } from '../../serve/serve-pkcs11.ts'
import { type Context, given, type Run } from '../context.ts'
import { triesToKeep } from '../pin.ts'

export const run: Run = async (context) => {
  const { options, out, signal } = context
  if (options.moduleFile) {
    const line = moduleLine(context)
    await out.result({ remote: line }, `remote: ${line}`)
    return
  }
  const files = async () => (await listCards({ filesOnly: true })).map(({ name }) => name)
  const names = options.card === undefined ? await files() : [options.card]
  const cards = names.map((name) => cardSource(name, given({ tcti: options.tcti })))
  await converse(cards, { ...triesToKeep(context), onTrouble: (error) => void out.error(error), signal })
}

/** pkcs11.conf(5): p11-kit reads the words of a command as a shell does. */
function moduleLine({ options: { card, tcti, lastTry } }: Context): string {
  const program = join(dirname(createRequire(import.meta.url).resolve('tessera-card/package.json')), 'bin', 'tessera')
  const chosen = card === undefined ? [] : ['--card', card]
  const place = tcti === undefined ? [] : ['--tcti', tcti]
  const words = [process.execPath, program, ...chosen, ...place, 'pkcs11', ...(lastTry ? ['--last-try'] : [])]
  return `|${words.map(quoted).join(' ')}`
}

const quoted = (word: string): string =>
  /^[\w./:=@%+,-]+$/.test(word) ? word : `"${word.replaceAll(/["\\]/g, '\\$&')}"`
