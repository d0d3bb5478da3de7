// The timer and the service of systemd that renew a certificate by themselves, as units of this user (systemd.unit(5)).
import { mkdir, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { UsageError } from '../errors.ts'
import { writeOutput } from './files.ts'
import { TEXT } from './messages.ts'

export interface RenewalTimer {
  readonly card: string
  readonly slot: string
  /** Options of `enroll`: each a word, values too. */
  readonly options: readonly string[]
}

type Place = Pick<RenewalTimer, 'card' | 'slot'>

export const unitOf = ({ card, slot }: Place): string => `tessera-renewal-${card}-${slot}`

interface Paths {
  readonly service: string
  readonly timer: string
  /** What `systemctl --user enable` makes: systemd starts the timer when the user logs in. */
  readonly link: string
}

function pathsOf(place: Place, environment: NodeJS.ProcessEnv = process.env): Paths {
  const { XDG_CONFIG_HOME: config = '', HOME } = environment
  const folder = join(isAbsolute(config) ? config : join(HOME || homedir(), '.config'), 'systemd', 'user')
  const unit = unitOf(place)
  return {
    service: join(folder, `${unit}.service`),
    timer: join(folder, `${unit}.timer`),
    link: join(folder, 'timers.target.wants', `${unit}.timer`),
  }
}

/** A word of a command line in a unit file: systemd.service(5), "Command lines", and systemd.unit(5), "Specifiers". */
function quoted(word: string): string {
  if (/\p{Cc}/u.test(word)) throw new UsageError('ERR_USAGE', TEXT.timer.controlCharacter)
  return `"${word.replaceAll(/["\\]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`
}

/** The same in an assignment, in which $ means nothing. */
const assigned = (name: string, value: string): string =>
  `Environment=${quoted(`${name}=${value}`).replaceAll('$$', '$')}`

function serviceText({ card, slot, options }: RenewalTimer, environment: NodeJS.ProcessEnv): string {
  const program = join(dirname(createRequire(import.meta.url).resolve('tessera-card/package.json')), 'bin', 'tessera')
  const words = ['--card', card, 'enroll', slot, '--renew', '--if-due', ...options]
  const home = environment.TESSERA_HOME
  return `# ${TEXT.timer.header}
[Unit]
Description=Renewal of the certificate in slot ${slot} of the Tessera card ${card}

[Service]
Type=oneshot
${home ? `${assigned('TESSERA_HOME', resolve(home))}\n` : ''}ExecStart=${[process.execPath, program, ...words].map(quoted).join(' ')}
# The CA has not decided yet: the next start asks again.
SuccessExitStatus=11
`
}

const timerText = ({ card, slot }: RenewalTimer): string => `# ${TEXT.timer.header}
[Unit]
Description=Daily look at the certificate in slot ${slot} of the Tessera card ${card}

[Timer]
OnCalendar=daily
Persistent=true
RandomizedDelaySec=1h

[Install]
WantedBy=timers.target
`

/** Writes both units and enables the timer. Returns the paths. @throws FileError ERR_IO; UsageError ERR_USAGE */
export async function installTimer(timer: RenewalTimer, environment: NodeJS.ProcessEnv = process.env): Promise<Paths> {
  const paths = pathsOf(timer, environment)
  const service = serviceText(timer, environment)
  await mkdir(dirname(paths.link), { recursive: true })
  await writeOutput(paths.service, service)
  await writeOutput(paths.timer, timerText(timer))
  await rm(paths.link, { force: true })
  await symlink(paths.timer, paths.link)
  return paths
}

/** Returns the paths of what was removed; none if there was no timer. */
export async function removeTimer(place: Place, environment: NodeJS.ProcessEnv = process.env): Promise<string[]> {
  const removed: string[] = []
  const { link, timer, service } = pathsOf(place, environment)
  for (const path of [link, timer, service]) {
    const gone = await rm(path).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return false
        throw error
      },
    )
    if (gone) removed.push(path)
  }
  return removed
}
