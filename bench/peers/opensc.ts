// OpenSC's module over a card that `serve` puts into PC/SC: what every program that is not ours has of it.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tempDir } from '../../test/support/temp.ts'
import { furnished } from '../cases/layers.ts'
import { inReader } from '../cases/reader.ts'
import { serveRequests } from '../cases/serve-requests.ts'
import { root } from '../product.ts'
import { pkcs11Signer } from './pkcs11.ts'
import { PIN, peerSetup } from './setup.ts'

const setup = peerSetup()
const home = tempDir('bench')
const { card } = await furnished({ root, layer: 'card', policy: 'once', ...setup }, home)
await card.close()
// OpenSC shows keys that have a certificate.
const pin = join(home, 'pin')
writeFileSync(pin, `${PIN}\n`, { mode: 0o600 })
const selfSign = [join(root, 'bin/tessera'), 'cert', 'self-sign', '9a', '--subject', 'CN=bench', '--pin-file', pin]
execFileSync(process.execPath, [...selfSign, '--yes'], {
  env: { ...process.env, TESSERA_HOME: home },
  stdio: ['ignore', 'ignore', 'inherit'],
})
const { stop } = await inReader({ root, home, tcti: setup.tcti })
const folder = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'
const signer = pkcs11Signer(join('/usr/lib', folder, 'opensc-pkcs11.so'), '', setup)
await serveRequests({ ...signer, close: () => signer.close().finally(stop) })
