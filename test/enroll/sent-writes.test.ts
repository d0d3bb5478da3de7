// takes: 5 s
// The note that the CA may have a request is true once a call has ended, however late it was written.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { enrol } from '../../src/enroll/enroll.ts'
import { type CaProtocol, certsrvProtocol, pendingEnrollment } from '../../src/enroll/index.ts'
import { Enrolments } from '../../src/enroll/state.ts'
import { CaError, FileError } from '../../src/errors.ts'
import { type Files, files } from '../../src/files/files.ts'
import { Home } from '../../src/home/home.ts'
import { processLocks } from '../../src/home/locks.ts'
import { startLab } from '../lab-ca/support.ts'
import { refused } from '../library/refusal.ts'
import { address, scripted } from './protocols-support.ts'
import { ca, card, go, home, PIN } from './support/work.ts'

const lab = await startLab()
const server = await scripted(await lab.registration.authority.serverIdentity(['127.0.0.1']))
server.answer = (response) =>
  response.writeHead(200, { 'Content-Type': 'text/html' }).end('<P ID=locInfoReqID> 25 </P>')
test.after(async () => {
  await Promise.all([lab.close(), server.close()])
})
test.before.each(() => void server.seen.splice(0))

const certsrv = certsrvProtocol(address(lab, { url: server.url, timeout: 30_000 }))
const options = { template: 'SmartcardUser', home, pin: PIN }
const step = async () => (await pendingEnrollment(card, '9a', { home }))?.step
const noteOf = (octets: Uint8Array): string => /"step": "(\w+)"/.exec(Buffer.from(octets).toString())?.[1] ?? ''

/** An enrolment whose file is written as `write` says. */
const over = (write: (note: string, really: () => Promise<void>) => Promise<void>, protocol: CaProtocol, more = {}) => {
  const watched: Files = {
    ...files,
    writeAtomic: (path, octets) => write(noteOf(octets), () => files.writeAtomic(path, octets)),
  }
  const enrolments = new Enrolments(new Home(home).enrolments, watched, processLocks())
  return enrol(card, { ca: protocol, ...options, ...more }, enrolments)
}

/** Everything that is due now has run. */
const later = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Ends a call while `sent` is being written; `end` ends it. */
async function endedWhileWriting(protocol: CaProtocol, end: () => void, more = {}): Promise<unknown> {
  let written: Promise<void> = Promise.resolve()
  const write = (note: string, really: () => Promise<void>) => {
    if (note !== 'sent') return really()
    written = (async () => {
      end()
      for (let turns = 0; turns < 10; turns += 1) await later()
      await really()
    })()
    return written
  }
  const error = await over(write, protocol, more).catch((reason: unknown) => reason)
  await written
  return error
}

test('a call that is stopped while the note is written has handed in nothing', async () => {
  const stop = new AbortController()
  const error = await endedWhileWriting(certsrv, () => stop.abort(), { signal: stop.signal })
  assert.is((error as Error).name, 'AbortError')
  assert.is(server.seen.length, 0)
  assert.is(await step(), 'requested')
  assert.is((await go({ ...options, ca: certsrv })).state, 'pending')
  assert.is(server.seen.length, 1)
})

test('the same where it fails for another reason, as when its time is over', async () => {
  let end = () => {}
  let sent = 0
  const failing: CaProtocol = {
    ...ca,
    submit: (_, { sending } = {}) =>
      new Promise((_resolve, reject) => {
        end = () => reject(new CaError('ERR_CA_UNAVAILABLE', 'The CA does not answer.'))
        void sending?.().then(
          () => {
            sent += 1
          },
          () => undefined,
        )
      }),
  }
  const error = await endedWhileWriting(failing, () => end())
  assert.is((error as CaError).code, 'ERR_CA_UNAVAILABLE')
  assert.equal([await step(), sent], ['requested', 0])
})

test('a number is written once', async () => {
  const notes: string[] = []
  const noting = (note: string, really: () => Promise<void>) => {
    notes.push(note)
    return really()
  }
  assert.is((await over(noting, certsrv)).state, 'pending')
  assert.equal(notes, ['reserved', 'requested', 'sent', 'pending'])
})

test('a note that cannot be taken back: the error says both', async () => {
  const full = new FileError('ERR_DISK_FULL', 'There is no space left for the file of the enrolment.')
  let sent = false
  const filling = (note: string, really: () => Promise<void>) => {
    if (sent && note === 'requested') return Promise.reject(full)
    sent ||= note === 'sent'
    return really()
  }
  const busy: CaProtocol = {
    ...ca,
    async submit(_, { sending } = {}) {
      await sending?.()
      throw new CaError('ERR_CA_UNAVAILABLE', 'The CA cannot do this now.', { status: 503 })
    },
  }
  const error = await refused('ERR_DISK_FULL', 1, () => over(filling, busy))
  assert.is((error.cause as CaError).code, 'ERR_CA_UNAVAILABLE')
})

test('a stopped call that finds such a note is ended by the reason of its signal', async () => {
  const { recover: _, ...once } = ca
  const lost: CaProtocol = {
    ...once,
    async submit(__, { sending } = {}) {
      await sending?.()
      throw new CaError('ERR_CA_UNAVAILABLE', 'The connection broke off.')
    },
  }
  await refused('ERR_CA_ANSWER_LOST', 10, () => go({ ca: lost }))
  const reason = new Error('stopped')
  const stop = new AbortController()
  const onEvent = () => stop.abort(reason)
  assert.is(await go({ ca: lost, signal: stop.signal, onEvent }).catch((error: unknown) => error), reason)
})

test.run()
