// What works on this machine and what is missing, in plain words.
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { type AnyCardError, CardError } from '../errors.ts'
import { native } from '../native.ts'
import { acquireDevice, releaseDevice, type TpmDevice } from './device.ts'
import { assuranceOf, readFacts } from './facts.ts'
import { usedIndices } from './lock/nv.ts'
import { resolveTcti } from './tcti.ts'
import { workshop } from './workshop.ts'

export interface Finding {
  readonly what: string
  readonly state: 'ok' | 'warning' | 'missing'
  readonly detail: string
  readonly advice?: string
}

/** Revision 1.38 of the TPM 2.0 Library brought TPM_NT_PIN_FAIL. */
const PIN_FAIL_REVISION = 138

/** Looks at the addon, the TPM and the cards. Nothing is changed, no secret is asked for, no try is spent. */
export async function diagnose(options: { readonly tcti?: string; readonly home?: string } = {}): Promise<Finding[]> {
  const findings: Finding[] = [
    { what: 'Node.js', state: 'ok', detail: `${process.version} on ${process.platform} ${process.arch}` },
  ]
  const addon = await found('Native part', async () => {
    native()
    return 'built and loaded'
  })
  findings.push(addon)
  findings.push(await deviceFile())
  if (addon.state === 'ok') findings.push(...(await tpm(options)))
  findings.push(await pcsc())
  findings.push(await cards(options.home))
  return findings
}

async function found(what: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return { what, state: 'ok', detail: await look() }
  } catch (error) {
    return failed(what, error)
  }
}

function failed(what: string, error: unknown): Finding {
  const detail = error instanceof Error ? error.message : String(error)
  const code = error instanceof CardError ? ` (${(error as AnyCardError).code})` : ''
  return { what, state: 'missing', detail: detail + code }
}

async function deviceFile(): Promise<Finding> {
  const what = 'TPM of this machine'
  const path = '/dev/tpmrm0'
  const can = (mode: number) =>
    access(path, mode).then(
      () => true,
      () => false,
    )
  if (!(await can(constants.F_OK))) {
    const advice =
      'Where the machine has a TPM, switch it on in the firmware. Otherwise cards use embedded:, a TPM in software.'
    return { what, state: 'warning', detail: `there is no ${path}`, advice }
  }
  if (await can(constants.R_OK | constants.W_OK)) return { what, state: 'ok', detail: `${path} can be opened` }
  const advice = 'Add the user to the group tss (sudo usermod -aG tss "$USER"), then log in again.'
  return { what, state: 'missing', detail: `${path} is there, but this user may not open it`, advice }
}

async function tpm(options: { readonly tcti?: string; readonly home?: string }): Promise<Finding[]> {
  const { tcti } = resolveTcti(options.tcti)
  const { home, store } = workshop(options)
  const what = `TPM at ${tcti}`
  const stateFile = home.tpmState
  if (tcti === 'embedded:' && (await store.list()).length === 0) {
    const detail = 'a TPM in software, made with the first card'
    return [{ what, state: 'ok', detail }]
  }
  let device: TpmDevice
  try {
    device = await acquireDevice({ tcti, stateFile, createState: false })
  } catch (error) {
    return [failed(what, error)]
  }
  try {
    return await device.exclusive(() => inspect(device, what))
  } catch (error) {
    return [failed(what, error)]
  } finally {
    await releaseDevice(device)
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
    const advice = 'Cards keep working. Others wait for its end, or: tpm2_dictionarylockout -c.'
    findings.push({ what: 'Lockout', state: 'warning', detail: 'the TPM is in dictionary-attack lockout', advice })
  }
  return findings
}

async function pcsc(): Promise<Finding> {
  const what = 'PC/SC'
  const socket = '/run/pcscd/pcscd.comm'
  const there = await access(socket).then(
    () => true,
    () => false,
  )
  if (there) return { what, state: 'ok', detail: `pcscd answers at ${socket}` }
  const advice = 'Cards in readers need it: apt-get install pcscd. A card in the TPM works without it.'
  return { what, state: 'warning', detail: 'pcscd does not run', advice }
}

async function cards(home: string | undefined): Promise<Finding> {
  const { store, journal, home: place } = workshop(home === undefined ? {} : { home })
  const what = `Cards in ${place.cards}`
  try {
    const listed = await store.list()
    const broken = listed.filter((one) => 'error' in one).map((one) => one.name)
    const left = await journal.pending()
    if (broken.length > 0) {
      const advice = 'Put back a copy of the file, or move it away and create a new card.'
      return { what, state: 'missing', detail: `${listed.length}; cannot be read: ${broken.join(', ')}`, advice }
    }
    if (left.length > 0) {
      const advice = 'The next start on the TPM of that card cleans it up by itself.'
      const names = left.map((one) => one.name).join(', ')
      return {
        what,
        state: 'warning',
        detail: `${listed.length}; interrupted while made or destroyed: ${names}`,
        advice,
      }
    }
    return { what, state: 'ok', detail: String(listed.length) }
  } catch (error) {
    return failed(what, error)
  }
}
