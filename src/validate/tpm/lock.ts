// What the lock of a card needs of a TPM, one by one: docs/lock.md.
import { equal, wipe } from '../../bytes.ts'
import { writtenName } from '../../tpm/codec/nv.ts'
import { u16 } from '../../tpm/codec/wire.ts'
import { bySession, command, NO_PASSWORD, type Target } from '../../tpm/command.ts'
import { CC } from '../../tpm/constants.ts'
import { createKey } from '../../tpm/keys/create.ts'
import { keyCommand, signDigest } from '../../tpm/keys/operations.ts'
import { defineIndex, indexName } from '../../tpm/lock/nv.ts'
import { counterResetParams, policyDigest } from '../../tpm/policy/digest.ts'
import { policyTicket } from '../../tpm/policy/fulfil.ts'
import { expecting, type TpmCheck, type TpmOutcome } from './check.ts'
import { lockoutCounter } from './properties.ts'
import { answerOf, type PinIndex, type Scratch, scratchScalar } from './scratch.ts'

const RIGHT = scratchScalar('right PIN')
const WRONG = scratchScalar('wrong PIN')
const DIGEST = scratchScalar('digest')

/** A wrong and a blocked PIN: the card tells its user which, and must not guess. */
const IS_WRONG = 'BAD_AUTH'
const IS_BLOCKED = 'AUTH_UNAVAILABLE'

async function withIndex(
  scratch: Scratch,
  tries: number,
  work: (index: PinIndex) => Promise<TpmOutcome>,
): Promise<TpmOutcome> {
  const index = await scratch.pinIndex(RIGHT, tries)
  try {
    return await work(index)
  } finally {
    await index.remove()
  }
}

const row = (what: string, wanted: string | number, found: string | number) => ({
  what,
  wanted: `${wanted}`,
  found: `${found}`,
})

const counts = (scratch: Scratch) =>
  withIndex(scratch, 5, async (index) =>
    expecting('A wrong PIN is counted, and the right one sets the counter to 0.', [
      row('wrong PIN', IS_WRONG, await index.answer(WRONG)),
      row('counter', 1, await index.count()),
      row('wrong PIN again', IS_WRONG, await index.answer(WRONG)),
      row('counter then', 2, await index.count()),
      row('right PIN', 'OK', await index.answer(RIGHT)),
      row('counter at last', 0, await index.count()),
    ]),
  )

const blocks = (scratch: Scratch) =>
  withIndex(scratch, 3, async (index) =>
    expecting('Three wrong PINs block it, for the right PIN too, and the TPM tells blocked from wrong.', [
      row('wrong PIN 1', IS_WRONG, await index.answer(WRONG)),
      row('wrong PIN 2', IS_WRONG, await index.answer(WRONG)),
      row('wrong PIN 3', IS_WRONG, await index.answer(WRONG)),
      row('wrong PIN when blocked', IS_BLOCKED, await index.answer(WRONG)),
      row('right PIN when blocked', IS_BLOCKED, await index.answer(RIGHT)),
      row('counter', 3, await index.count()),
    ]),
  )

const STORM = 30

/** A TPM that limits how often it writes NV must not let tries go uncounted. */
const counted = (scratch: Scratch) =>
  withIndex(scratch, 2 * STORM, async (index) => {
    const answers: string[] = []
    for (let at = 0; at < STORM; at += 1) answers.push(await index.answer(WRONG))
    const wrong = answers.filter((answer) => answer === IS_WRONG).length
    const others = new Set(answers.filter((answer) => answer !== IS_WRONG && answer !== 'NV_RATE'))
    return expecting(`${wrong} of ${STORM} wrong PINs in a row were compared, and as many counted.`, [
      row('counter', wrong, await index.count()),
      row('other answers', 'none', [...others].join(' ') || 'none'),
    ])
  })

/** What the embedded TPM tells of its writes; a chip does not. */
async function writesOf(scratch: Scratch, work: () => Promise<unknown>): Promise<number | undefined> {
  const before = (await scratch.device.counters()).stateWrites ?? 0
  await work()
  const after = (await scratch.device.counters()).stateWrites ?? 0
  return before === 0 ? undefined : after - before
}

const writes = (scratch: Scratch) =>
  withIndex(scratch, 5, async (index) => {
    const right = await writesOf(scratch, () => index.answer(RIGHT))
    const wrong = await writesOf(scratch, () => index.answer(WRONG))
    const cleared = await writesOf(scratch, () => index.answer(RIGHT))
    if (right === undefined || wrong === undefined || cleared === undefined) {
      return { verdict: 'skipped', says: 'This TPM does not tell when it writes. Compare the times of time.pin.' }
    }
    return {
      verdict: right === 0 && wrong > 0 ? 'pass' : 'fail',
      says: `NV writes for the right PIN: ${right}; for a wrong one: ${wrong}; for the right one after it: ${cleared}.`,
      facts: { right, wrong, cleared },
    }
  })

const NO_RESTART: TpmOutcome = {
  verdict: 'skipped',
  says: 'This TPM cannot be restarted from here. Only the embedded TPM can.',
}

const restart = (scratch: Scratch) =>
  scratch.tpm.restart === undefined
    ? Promise.resolve(NO_RESTART)
    : withIndex(scratch, 3, async (index) => {
        const first = [
          row('wrong PIN', IS_WRONG, await index.answer(WRONG)),
          row('wrong PIN 2', IS_WRONG, await index.answer(WRONG)),
        ]
        await scratch.restart()
        return expecting('The counter is kept while the TPM is off.', [
          ...first,
          row('counter after the restart', 2, await index.count()),
          row('wrong PIN 3', IS_WRONG, await index.answer(WRONG)),
          row('right PIN when blocked', IS_BLOCKED, await index.answer(RIGHT)),
        ])
      })

/** An index that nobody can write again: the owner deletes it, makes it anew and guesses. */
const burned = (scratch: Scratch) =>
  withIndex(scratch, 3, async (index) => {
    const { pin } = index.context.card
    const write = (target: Target, auth = NO_PASSWORD) =>
      answerOf(scratch.device.run(command(CC.NV_Write, [target, pin], [auth], counterResetParams(index.context.facts))))
    const byOwner = await scratch.asOwner((owner) => write(0x40000001, owner))
    const byIndex = await scratch.device.withSession('hmac', await scratch.parent(), ({ handle }) =>
      write(pin, bySession(handle, RIGHT)),
    )
    const noPolicy = await index.inPolicy(({ handle }) => write(pin, bySession(handle)))
    const read = command(CC.NV_Read, [pin, pin], [NO_PASSWORD], u16(8), u16(0))
    const byReader = await answerOf(scratch.device.run(read))
    await index.remove()
    const parent = await scratch.parent()
    await scratch.asOwner((owner) => defineIndex(scratch.device, parent, owner, WRONG, index.nv))
    const name = await indexName(scratch.device, pin.handle)
    const proof = index.inPolicy((session) =>
      scratch.device.withSession('hmac', parent, ({ handle }) => {
        const entity = { handle: pin.handle, name: name ?? pin.name }
        const by = bySession(handle, WRONG)
        return scratch.device.run(command(CC.PolicySecret, [entity, session.handle], [by], new Uint8Array(10)))
      }),
    )
    return expecting('Nobody writes the index again, and one made anew has another Name and proves nothing.', [
      row('written by the owner', 'refused', refused(byOwner)),
      row('written by its PIN', 'refused', refused(byIndex)),
      row('written by a policy without its key', 'refused', refused(noPolicy)),
      row('read by anybody', 'refused', refused(byReader)),
      row('Name when made anew', 'another', name && equal(name, writtenName(index.nv)) ? 'the same' : 'another'),
      row('PIN of one made anew', 'refused', refused(await answerOf(proof))),
    ])
  })

const refused = (answer: string): string => (answer === 'OK' ? 'done' : 'refused')

/** Whether the policies of keys refuse what does not fulfil them. */
const policies = (scratch: Scratch) =>
  withIndex(scratch, 3, async (index) => {
    const parent = await scratch.parent()
    const { device } = scratch
    const policy = policyDigest(scratch.table.keys.once, index.context.facts)
    const blob = await createKey(device, parent, 'P-256', 'once', policy)
    const key = await device.keys.get(blob, parent)
    const operation = signDigest('P-256', DIGEST)
    const sign = (auth = NO_PASSWORD) => answerOf(device.run(keyCommand(operation, key, auth)))
    try {
      const empty = await sign()
      const nothing = await index.inPolicy(({ handle }) => sign(bySession(handle)))
      const other = await index.inPolicy(async (session) => {
        await index.secret(session, RIGHT, 'change')
        return sign(bySession(session.handle))
      })
      const right = await index.inPolicy(async (session) => {
        await index.secret(session, RIGHT)
        return [await sign(bySession(session.handle)), await sign(bySession(session.handle))]
      })
      return expecting('A key signs where its PIN was proved for that use, once, and nowhere else.', [
        row('empty password', IS_BLOCKED, empty),
        row('session that proves nothing', 'POLICY_FAIL', nothing),
        row('PIN proved for another use', 'POLICY_FAIL', other),
        row('PIN proved', 'OK', right[0] ?? ''),
        row('the same session again', 'POLICY_FAIL', right[1] ?? ''),
      ])
    } finally {
      await device.keys.evict(blob)
    }
  })

/** Milliseconds since the TPM was started, by its own clock. */
async function time(scratch: Scratch): Promise<number> {
  const answer = await scratch.device.call(command(CC.ReadClock, [], []))
  return answer.u32() * 2 ** 32 + answer.u32()
}

const TICKET_SECONDS = 1
/** A TPM may be this much late, in milliseconds. */
const LATE = 500

const tickets = (scratch: Scratch) =>
  withIndex(scratch, 3, async (index) => {
    const use = (ticket: Uint8Array) =>
      index.inPolicy((session) => answerOf(scratch.device.run(policyTicket(session, ticket))))
    const ticket = await index.inPolicy((session) => index.secret(session, RIGHT, 'use', -TICKET_SECONDS))
    const longer = await index.inPolicy((session) => index.secret(session, RIGHT, 'use', -3600))
    try {
      const from = await time(scratch)
      const fresh = await use(longer)
      while ((await time(scratch)) < from + TICKET_SECONDS * 1000 + LATE) await use(longer)
      const rows = [
        row('fresh ticket', 'OK', fresh),
        row('ticket after its end', 'EXPIRED', await use(ticket)),
        row('ticket that has not ended', 'OK', await use(longer)),
      ]
      if (!(await scratch.restart())) return expecting('A ticket serves until it ends.', rows)
      return expecting('A ticket serves until it ends or the TPM restarts.', [
        ...rows,
        row('ticket after a restart', 'refused', refused(await use(longer))),
      ])
    } finally {
      wipe(ticket, longer)
    }
  })

/** Wrong PINs of one card must not lock what other programs have in the TPM. */
const apart = (scratch: Scratch) =>
  withIndex(scratch, 3, async (index) => {
    const before = await lockoutCounter(scratch.device)
    for (let at = 0; at < 4; at += 1) await index.answer(WRONG)
    return expecting('Wrong PINs do not count towards the lockout of the TPM.', [
      row('counter of the lockout', before, await lockoutCounter(scratch.device)),
    ])
  })

const PIN_INDEX = 'TPM 2.0 Library, Part 1, 34.2.8 (PIN indices)'

export const LOCK_CHECKS: readonly TpmCheck[] = [
  { id: 'lock.counts', title: 'Wrong PINs are counted', source: PIN_INDEX, class: 'T', run: counts },
  {
    id: 'lock.blocks',
    title: 'A PIN is blocked, and that is told from wrong',
    source: PIN_INDEX,
    class: 'T',
    run: blocks,
  },
  {
    id: 'lock.storm',
    title: 'Wrong PINs in a row are all counted',
    source: 'TPM 2.0 Library, Part 1, 34.2.8; Part 3, 5.2 (NV rate)',
    class: 'T',
    run: counted,
  },
  {
    id: 'lock.writes',
    title: 'A right PIN does not wear out NV',
    source: 'docs/lock.md, "PIN once"',
    class: 'T',
    run: writes,
  },
  {
    id: 'lock.restart',
    title: 'The counter is kept while the TPM is off',
    source: PIN_INDEX,
    class: 'T',
    run: restart,
  },
  { id: 'lock.burned', title: 'An index is written once', source: 'docs/lock.md, "Burned"', class: 'T', run: burned },
  {
    id: 'lock.policies',
    title: 'Policies of keys refuse',
    source: 'TPM 2.0 Library, Part 1, 19.7; Part 3, 23',
    class: 'T',
    run: policies,
  },
  {
    id: 'lock.tickets',
    title: 'Tickets end',
    source: 'TPM 2.0 Library, Part 3, 23.4 and 23.5',
    class: 'T',
    run: tickets,
  },
  {
    id: 'lock.apart',
    title: 'The lockout of the TPM is left alone',
    source: 'TPM 2.0 Library, Part 1, 19.8 (dictionary attack)',
    class: 'T',
    run: apart,
  },
]
