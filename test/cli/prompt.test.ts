// Questions on a real terminal: nothing secret is ever shown, and the terminal is given back as it was.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { program } from '../support/program.ts'
import { tempDir } from '../support/temp.ts'
import { converse, type Step } from './terminal.ts'

const ask = [process.execPath, ...program('test/cli/ask.ts')].map((word) => `'${word}'`).join(' ')

const SETTINGS = `printf 'modes: '; stty -a | tr ' ;' '\\n\\n' | grep -x -e '-*echo' -e '-*icanon' | sort | tr '\\n' ' '`

/** Asks; `modes: echo icanon` follows on the screen when the terminal is as it was. */
async function screenOf(kind: string, ...steps: Step[]): Promise<string> {
  const { screen } = await converse(`${ask} ${kind}; ${SETTINGS}`, steps)
  assert.match(screen, 'modes: echo icanon', 'the terminal is as it was')
  return screen
}

const see = (text: string, type: string): Step => ({ see: text, type })

/** Sum of the octets of a text, as ask.ts tells it. */
const sum = (text: string) => Buffer.from(text).reduce((total, octet) => total + octet, 0)

test('what was typed before the question answers nothing', async () => {
  const seen = join(tempDir('late'), 'seen')
  const steps = [see('at work', '888888\r97'), see('PIN: ', '135790\r')]
  // The terminal shows it itself: then it is there, before anybody asks.
  const { screen } = await converse(`${ask} late '${seen}'`, steps, process.env, (text) => {
    if (/888888\s+97/.test(text)) writeFileSync(seen, '')
  })
  assert.match(screen, `6 octets, sum ${sum('135790')}`)
})

test('what was typed before the question is not shown either', async () => {
  const screen = await screenOf('early', see('at work', 'zqzqzq\r'), see('PIN: ', '135790\r'))
  assert.match(screen, `6 octets, sum ${sum('135790')}`)
  assert.not.match(screen, /[zq]/)
})

test('a PIN is taken and not shown', async () => {
  const screen = await screenOf('once', see('PIN: ', '135790\r'))
  assert.match(screen, `6 octets, sum ${sum('135790')}`)
  assert.not.match(screen, '135790')
})

test('also when it is typed in pieces and corrected', async () => {
  const screen = await screenOf('once', see('PIN: ', '1357x\x7f9\x1b[D0\r'))
  assert.match(screen, `6 octets, sum ${sum('135790')}`)
  assert.not.match(screen, /1357|x/)
})

test('a malformed PIN is asked for again, three times', async () => {
  const again = 'A PIN has 6 to 8 digits'
  const screen = await screenOf(
    'once',
    see('PIN: ', '12\r'),
    see(again, ''),
    see('PIN: ', '\r'),
    see('PIN: ', 'abcdef\r'),
  )
  assert.is(screen.split(again).length - 1, 3)
  assert.not.match(screen, 'abcdef')
})

test('a new PIN is typed twice', async () => {
  const screen = await screenOf('twice', see('PIN: ', '135790\r'), see('again: ', '135790\r'))
  assert.match(screen, `6 octets, sum ${sum('135790')}`)
  assert.not.match(screen, '135790')
})

test('two that differ are asked for again', async () => {
  const steps = [see('PIN: ', '135790\r'), see('again: ', '135791\r'), see('differ', '')]
  const screen = await screenOf('twice', ...steps, see('PIN: ', '246802\r'), see('again: ', '246802\r'))
  assert.match(screen, `6 octets, sum ${sum('246802')}`)
  assert.not.match(screen, /13579|246802/)
})

test('lines that are pasted at once answer one question each', async () => {
  const screen = await screenOf('both', see('PIN: ', '135790\r246802\r246802\r'))
  assert.match(screen, `6 octets, sum ${sum('135790')}; 6 octets, sum ${sum('246802')}`)
  assert.not.match(screen, /135790|246802/)
})

test('what is too long is said and asked for again', async () => {
  const screen = await screenOf(
    'once',
    see('PIN: ', `${'1'.repeat(600)}\r`),
    see('More than', ''),
    see('PIN: ', '135790\r'),
  )
  assert.match(screen, `6 octets, sum ${sum('135790')}`)
  assert.not.match(screen, '111')
})

test('Ctrl-C and Ctrl-D', async () => {
  assert.match(await screenOf('once', see('PIN: ', '135\x03')), 'interrupted')
  assert.match(await screenOf('twice', see('PIN: ', '135790\r'), see('again: ', '\x03')), 'interrupted')
  assert.match(await screenOf('once', see('PIN: ', '\x04')), 'No PIN was entered')
})

test('Ctrl-\\ before the question, while nothing is echoed', async () => {
  // The shell, which gets it too, goes on.
  const { screen } = await converse(`ulimit -c 0; trap : QUIT; ${ask} hidden; echo "ended $?"; ${SETTINGS}`, [
    see('at work', '\x1c'),
  ])
  assert.match(screen, `ended ${128 + constants.signals.SIGQUIT}`)
  assert.match(screen, 'modes: echo icanon', 'the terminal is as it was')
})

for (const signal of ['SIGQUIT', 'SIGHUP'] as const) {
  test(`${signal} from elsewhere at the question`, async () => {
    let sent = false
    const { screen } = await converse(
      `ulimit -c 0; ${ask} signalled; echo "ended $?"; ${SETTINGS}`,
      [see('PIN: ', '')],
      process.env,
      (text) => {
        const [, pid] = /process (\d+)\s+PIN: /.exec(text) ?? []
        if (pid === undefined || sent) return
        sent = true
        process.kill(Number(pid), signal)
      },
    )
    assert.match(screen, `ended ${128 + constants.signals[signal]}`)
    assert.match(screen, 'modes: echo icanon', 'the terminal is as it was')
  })
}

test('nothing is left to handle signals once typing is shown again', async () => {
  assert.match(await screenOf('shown'), 'handlers: 0')
})

test('a line that is no secret is shown as it is typed', async () => {
  const screen = await screenOf('line', see('Line: ', 'worlk\x7f\x7fk \r'))
  assert.match(screen, 'line <work>')
  assert.match(screen, 'worlk\b \b\b \bk')
})

test('without a terminal nothing is asked', () => {
  const [shell, ...words] = ['setsid', 'sh', '-c', `${ask} once </dev/null`]
  const { stdout, status } = spawnSync(shell, words, { encoding: 'utf8', timeout: 120_000 })
  assert.match(stdout, 'there is no terminal to ask on')
  assert.is(status, 1)
})

test.run()
