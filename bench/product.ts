// The product as it is shipped (dist/), of this checkout or of another one beside it.
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

interface Modules {
  readonly index: typeof import('../src/index.ts')
  readonly 'enroll/index': typeof import('../src/enroll/index.ts')
  readonly 'keys/index': typeof import('../src/keys/index.ts')
  readonly 'serve/index': typeof import('../src/serve/index.ts')
  readonly 'tls/index': typeof import('../src/tls/index.ts')
  readonly 'iso7816/chaining': typeof import('../src/iso7816/chaining.ts')
  readonly 'iso7816/command': typeof import('../src/iso7816/command.ts')
  readonly 'iso7816/tlv': typeof import('../src/iso7816/tlv.ts')
  readonly 'pcsc/channel': typeof import('../src/pcsc/channel.ts')
  readonly 'piv/card/application': typeof import('../src/piv/card/application.ts')
  readonly 'piv/host/signature': typeof import('../src/piv/host/signature.ts')
  readonly 'piv/slots': typeof import('../src/piv/slots.ts')
  readonly 'piv/templates': typeof import('../src/piv/templates.ts')
  readonly 'tpm/command': typeof import('../src/tpm/command.ts')
  readonly 'tpm/devices': typeof import('../src/tpm/devices.ts')
  readonly 'tpm/keys/create': typeof import('../src/tpm/keys/create.ts')
  readonly 'tpm/keys/operations': typeof import('../src/tpm/keys/operations.ts')
  readonly 'tpm/open': typeof import('../src/tpm/open.ts')
}

/** A module of dist/ below `checkout`. Benchmarks load no sources: what turns them into JavaScript slows closures down. */
export function load<Name extends keyof Modules>(checkout: string, name: Name): Promise<Modules[Name]> {
  return import(pathToFileURL(join(checkout, 'dist', `${name}.js`)).href) as Promise<Modules[Name]>
}
