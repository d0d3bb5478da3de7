import { diagnose } from '../../doctor/doctor.ts'
import { given, type Run } from '../context.ts'
import { EXIT } from '../exit.ts'
import { columns } from '../layout.ts'
import { TEXT } from '../messages.ts'

export const run: Run = async ({ options, out }) => {
  const findings = await diagnose(given({ tcti: options.tcti }))
  const lines = findings.flatMap(({ what, state, detail, advice }) => [
    [TEXT.field.finding[state], what, detail],
    ...(advice === undefined ? [] : [['', '', advice]]),
  ])
  const missing = findings.some(({ state }) => state === 'missing')
  await out.result(
    { ok: !missing, findings: findings.map(({ what, state, detail, advice }) => ({ what, state, detail, advice })) },
    columns(lines, out.width),
  )
  return missing ? EXIT.tpm : EXIT.ok
}
