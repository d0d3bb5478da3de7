// The timer and the service of systemd that renew a certificate by themselves, as units of this user (systemd.unit(5)).
import { access, mkdir, readdir, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { UsageError } from '../errors.ts'
import { defaultHome } from '../home/home.ts'
import { unwritable, writeOutput } from './files.ts'
import { TEXT } from './messages.ts'

export interface RenewalTimer {
  readonly card: string
  readonly slot: string
  /** Options of `enroll`: each a word, values too. */
  readonly options: readonly string[]
}

type Place = Pick<RenewalTimer, 'card' | 'slot'>

/** Names of readers hold characters that unit names do not: systemd.unit(5), "String Escaping". */
const inUnitName = (card: string): string =>
  isOfReader(card)
    ? Buffer.from(card)
        .toString('latin1')
        .replaceAll(/[^A-Za-z0-9.:-]/g, (character) => `_${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
    : card

const isOfReader = (card: string): boolean => card.startsWith('reader:')

/** Longest name of a file, without the ending. */
const LONGEST_UNIT = 240

export function unitOf({ card, slot }: Place): string {
  const unit = `tessera-renewal-${inUnitName(card)}-${slot}`
  if (unit.length <= LONGEST_UNIT) return unit
  throw new UsageError('ERR_USAGE', TEXT.timer.longName)
}

/** Its text in a setting of a unit. */
const described = (card: string): string => quoted(card).slice(1, -1)

interface Surroundings {
  readonly environment: NodeJS.ProcessEnv
  /** Path of Node.js. */
  readonly node: string
}
const HERE: Surroundings = { environment: process.env, node: process.execPath }

interface Paths {
  readonly service: string
  readonly timer: string
  /** What `systemctl --user enable` makes: systemd starts the timer when the user logs in. */
  readonly link: string
}

function folderOf({ XDG_CONFIG_HOME: config = '', HOME }: NodeJS.ProcessEnv): string {
  return join(isAbsolute(config) ? config : join(HOME || homedir(), '.config'), 'systemd', 'user')
}

function pathsOf(place: Place, environment: NodeJS.ProcessEnv): Paths {
  const folder = folderOf(environment)
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

/**
 * The first word, which is the program: systemd replaces no $$ in it, and refuses quotes and backslashes (systemd.service(5)).
 * @throws UsageError ERR_USAGE
 */
function quotedProgram(path: string): string {
  if (/["'\\$\p{Cc}]/u.test(path)) throw new UsageError('ERR_USAGE', TEXT.timer.program(path))
  return `"${path.replaceAll('%', '%%')}"`
}

/** The same in an assignment, in which $ means nothing. */
const assigned = (name: string, value: string): string =>
  `Environment=${quoted(`${name}=${value}`).replaceAll('$$', '$')}`

function serviceText({ card, slot, options }: RenewalTimer, { environment, node }: Surroundings): string {
  const program = join(dirname(createRequire(import.meta.url).resolve('tessera-card/package.json')), 'bin', 'tessera')
  const words = ['--card', card, 'enroll', slot, '--renew', '--if-due', ...options]
  return `# ${TEXT.timer.header}
[Unit]
Description=Renewal of the certificate in slot ${slot} of the Tessera card ${described(card)}

[Service]
Type=oneshot
${assigned('TESSERA_HOME', defaultHome(environment))}
ExecStart=${[quotedProgram(node), ...[program, ...words].map(quoted)].join(' ')}
# The CA has not decided yet: the next start asks again.
SuccessExitStatus=11
`
}

const DAILY = 'OnCalendar=daily\nPersistent=true\nRandomizedDelaySec=1h'
/** A card may be in its reader for an hour a day. */
const HOURLY = 'OnCalendar=hourly\nPersistent=true\nRandomizedDelaySec=10m'

const timerText = ({ card, slot }: RenewalTimer): string => `# ${TEXT.timer.header}
[Unit]
Description=Look at the certificate in slot ${slot} of the Tessera card ${described(card)}

[Timer]
${isOfReader(card) ? HOURLY : DAILY}

[Install]
WantedBy=timers.target
`

/** Writes both units and enables the timer. Returns the paths. @throws FileError ERR_IO; UsageError ERR_USAGE */
export async function installTimer(timer: RenewalTimer, surroundings: Partial<Surroundings> = {}): Promise<Paths> {
  const all = { ...HERE, ...surroundings }
  const paths = pathsOf(timer, all.environment)
  const service = serviceText(timer, all)
  await changing(dirname(paths.link), (folder) => mkdir(folder, { recursive: true }))
  await writeOutput(paths.service, service)
  await writeOutput(paths.timer, timerText(timer))
  await changing(paths.link, async (link) => {
    await rm(link, { force: true })
    await symlink(paths.timer, link)
  })
  return paths
}

/** Returns the paths of what was removed; none if there was no timer. @throws FileError ERR_IO */
export async function removeTimer(place: Place): Promise<string[]> {
  const removed: string[] = []
  const { link, timer, service } = pathsOf(place, process.env)
  for (const path of [link, timer, service]) {
    if (await changing(path, removeIfThere)) removed.push(path)
  }
  return removed
}

/** The slots that a timer is installed for. */
export async function slotsWithTimer(card: string): Promise<string[]> {
  const names = await readdir(folderOf(process.env)).catch(() => [])
  return names.flatMap((name) => {
    const slot = name.slice(-'9a.timer'.length, -'.timer'.length)
    return name === `${unitOf({ card, slot })}.timer` ? [slot] : []
  })
}

/** Whether systemd runs this machine: sd_booted(3). */
export const systemdRuns = (place = '/run/systemd/system'): Promise<boolean> =>
  access(place).then(
    () => true,
    () => false,
  )

async function removeIfThere(path: string): Promise<boolean> {
  try {
    await rm(path)
    return true
  } catch (error) {
    if (ABSENT.has((error as NodeJS.ErrnoException).code)) return false
    throw error
  }
}
const ABSENT: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR'])

async function changing<Result>(path: string, work: (path: string) => Promise<Result>): Promise<Result> {
  try {
    return await work(path)
  } catch (error) {
    throw unwritable(path, error)
  }
}
