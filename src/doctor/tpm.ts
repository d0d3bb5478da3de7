// The TPM of this computer, and the one in which cards would be made.
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TpmError } from '../errors.ts'
import { acquireDevice, releaseDevice, type TpmDevice } from '../tpm/devices.ts'
import { assuranceOf, readFacts } from '../tpm/facts.ts'
import { usedIndices } from '../tpm/lock/nv.ts'
import { storesOf } from '../tpm/stores.ts'
import { resolveTcti } from '../tpm/tcti.ts'
import { type Finding, failed, found, type Place } from './finding.ts'

/** Revision 1.38 of the TPM 2.0 Library brought TPM_NT_PIN_FAIL. */
const PIN_FAIL_REVISION = 138
/** Short, because a person is waiting for the answer. */
const WAIT_MS = 2000

export async function deviceFile(): Promise<Finding> {
  const what = 'TPM of this machine'
  const path = '/dev/tpmrm0'
  try {
    await (await open(path, 'r+')).close()
    return { what, state: 'ok', detail: `${path} can be opened` }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') {
      const advice =
        'Where the machine has a TPM, switch it on in the firmware. Otherwise cards use embedded:, a TPM in software.'
      return { what, state: 'warning', detail: `there is no ${path}`, advice }
    }
    if (code !== 'EACCES' && code !== 'EPERM') return failed(what, error)
    const advice = 'Add the user to the group tss (sudo usermod -aG tss "$USER"), then log in again.'
    return { what, state: 'missing', detail: `${path} is there, but this user may not open it`, advice }
  }
}

export async function tpm(options: Place): Promise<Finding[]> {
  const { tcti } = resolveTcti(options.tcti)
  const { home, store, served } = storesOf(options)
  const what = `TPM at ${tcti}`
  const stateFile = home.tpmState
  if (tcti === 'embedded:') {
    // If the cards cannot be listed, the row about cards says so.
    const listed = await store.list().catch(() => undefined)
    if (listed === undefined) return []
    if (listed.length === 0) return [await embeddedTrial(what)]
    const [holder] = await served.elsewhere().catch(() => [])
    if (holder !== undefined) {
      const detail = `held by process ${holder.pid}, which serves card '${holder.name}' to PC/SC (${holder.way})`
      return [{ what, state: 'ok', detail }]
    }
  }
  let device: TpmDevice
  try {
    device = await acquireDevice({ tcti, stateFile, createState: false, waitMs: WAIT_MS })
  } catch (error) {
    if (!(error instanceof TpmError) || error.code !== 'ERR_TPM_BUSY') return [failed(what, error)]
    const advice =
      'It is there, and another program uses it. If that is a signed-in session (see tessera accounts), tessera signout releases it.'
    return [{ ...failed(what, error), state: 'warning', advice }]
  }
  try {
    return await device.exclusive(() => inspect(device, what))
  } catch (error) {
    return [failed(what, error)]
  } finally {
    await releaseDevice(device)
  }
}

/** There is none before the first card: whether one can be made shows in another folder, which is removed again. */
async function embeddedTrial(what: string): Promise<Finding> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-doctor-'))
  try {
    return await found(what, async () => {
      const options = { tcti: 'embedded:', stateFile: join(folder, 'state'), createState: true, waitMs: WAIT_MS }
      const device = await acquireDevice(options)
      try {
        const { vendor, firmware } = await device.exclusive(() => readFacts(device))
        return `a TPM in software, made with the first card; tried: ${vendor}, firmware ${firmware}`
      } finally {
        await releaseDevice(device)
      }
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function inspect(device: TpmDevice, what: string): Promise<Finding[]> {
  const facts = await readFacts(device)
  const assurance = assuranceOf(device.options.tcti, facts)
  const findings: Finding[] = [
    { what, state: 'ok', detail: `${facts.manufacturer} ${facts.vendor}, firmware ${facts.firmware}, ${assurance}` },
  ]
  if (facts.revision < PIN_FAIL_REVISION) {
    const advice = 'Use a newer TPM, or update its firmware: there is no weaker substitute here.'
    findings.push({
      what: 'PIN counters',
      state: 'missing',
      detail: `revision ${facts.revision / 100} has none`,
      advice,
    })
  } else {
    const indices = (await usedIndices(device)).size
    findings.push({
      what: 'PIN counters',
      state: 'ok',
      detail: `revision ${facts.revision / 100}; ${indices} owner NV indices in use`,
    })
  }
  if (facts.ownerAuthSet) {
    const advice =
      'It is asked for when a card is created or destroyed. Tries left are then an estimate of this machine.'
    findings.push({ what: 'Owner password', state: 'warning', detail: 'is set', advice })
  }
  if (facts.inLockout) {
    const advice = 'Cards keep working. Other programs wait until it ends, or end it: tpm2_dictionarylockout -c.'
    findings.push({ what: 'Lockout', state: 'warning', detail: 'the TPM is in dictionary-attack lockout', advice })
  }
  return findings
}
