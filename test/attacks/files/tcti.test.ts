// takes: 5 s
// A card file says where its TPM is. Somebody else may have written it: it must run no program, load no library, and
// lead to no other computer, whatever is done with it and whoever does it.
import { execFileSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cardInfo, createCard, destroyCard, listCards, openCard, resetCard } from '../../../src/cards/index.ts'
import { openableTcti, storedTcti } from '../../../src/tpm/stored-tcti.ts'
import { startSwtpm } from '../../support/swtpm.ts'
import { tempDir } from '../../support/temp.ts'
import { changeFile } from '../support/card-file.ts'

const folder = tempDir('tcti')
const canary = join(folder, 'canary')
const library = join(folder, 'evil.so')
writeFileSync(
  join(folder, 'evil.c'),
  `#include <fcntl.h>\n__attribute__((constructor)) static void run(void) { open("${canary}", O_CREAT | O_WRONLY, 0600); }\n`,
)
execFileSync('cc', ['-shared', '-fPIC', '-o', library, join(folder, 'evil.c')])
// tpm2-tss would write it where this process stands.
process.env.TCTI_PCAP_FILE = join(folder, 'log.pcap')
const program = `cmd:touch ${canary}`

const home = tempDir('home')
const swtpm = await startSwtpm()
const good = await createCard({ name: 'good', home, tcti: swtpm.tcti, pin: '246810' })
await good.close()
test.after(() => swtpm.stop())

/** What must not run, and does when a person says it. */
const RUNS = [program, library, `${library}:`, `pcap:${program}`, `pcap:${library}`]

for (const tcti of RUNS) {
  test(`a card file that says ${tcti.split(':')[0]?.split('/').at(-1)}: nothing of it runs`, async () => {
    changeFile(home, 'good', (card) => ({ ...card, name: 'evil', tcti: storedTcti(tcti) }))
    const acts: ReadonlyArray<() => Promise<unknown>> = [
      () => listCards({ home }),
      () => cardInfo('evil', { home }),
      () => openCard({ name: 'evil', home }),
      () => resetCard('evil', { home }),
      () => destroyCard('evil', { home }),
    ]
    for (const act of acts) await act().catch(() => undefined)
    assert.not(existsSync(canary))
    const [evil, other] = await listCards({ home })
    assert.equal([evil?.name, evil?.state], ['evil', 'unusable'])
    assert.is(evil && 'error' in evil && evil.error?.code, 'ERR_TCTI')
    assert.equal([other?.name, other?.state], ['good', 'ready'], 'and it is in the way of no other card')
    // Teeth: the same string, said by a person, does what it says.
    await openCard({ name: 'evil', home, tcti }).catch(() => undefined)
    assert.ok(existsSync(canary), 'the canary of this test is alive')
    rmSync(canary)
    rmSync(join(home, 'cards', 'evil.card'))
  })
}

test('only addresses of TPMs of this computer are opened for a file', () => {
  const open = (tcti: string) => openableTcti(storedTcti(tcti), 'work')
  const fit = [
    'embedded:',
    'device:/dev/tpm0',
    'device:/dev/tpmrm12',
    'swtpm:',
    'swtpm:port=2321',
    'swtpm:host=127.0.0.1,port=2321',
    'swtpm:port=65535,host=localhost',
    'swtpm:host=::1',
    'swtpm:path=/run/user/1000/swtpm.sock',
    'mssim:host=127.1.2.3,port=2321',
    'tabrmd:',
    'tabrmd:bus_name=com.intel.tss2.Tabrmd,bus_type=system',
  ]
  for (const tcti of fit) assert.is(open(tcti), tcti)
  const unfit = [
    ...RUNS,
    '',
    'embedded',
    'embedded:x',
    'device',
    'device:',
    'device:/dev/watchdog',
    'device:/dev/../dev/tpm0',
    'device:/dev/tpm0/../watchdog',
    'device:/srv/maria/tpm0',
    'device:tpm0',
    'device:/dev/tpm0\n',
    'swtpm:host=tpm.example',
    'swtpm:host=192.0.2.1',
    'swtpm:host=127.0.0.1.example',
    'swtpm:host=127.0.0.1,host=192.0.2.1',
    'swtpm:port=0',
    'swtpm:port=65536',
    'swtpm:path=relative.sock',
    'swtpm:path=/run/../etc/x',
    'swtpm:path=',
    'swtpm:what=ever',
    'swtpm:constructor=x',
    'swtpm:__proto__=x',
    'swtpm:,',
    'mssim:path=/run/x',
    'mssim:host=tpm.example',
    'tabrmd:bus_name=x',
    'tabrmd:bus_type=session,bus_name=org.example.StartedWhenAsked',
    'swtpm:host=127.999.1.1',
    'mssim:host=127.0.0.256',
    'tabrmd:bus_type=unixexec:path=/bin/sh',
    'libtss2-tcti-cmd.so.0:touch /tmp/x',
    'toString:',
    'SWTPM:',
    ' swtpm:',
  ]
  for (const tcti of unfit)
    assert.throws(
      () => open(tcti),
      (error: { code?: string }) => error.code === 'ERR_TCTI',
      tcti,
    )
})

test.run()
