// vpcd, through which `tessera serve` puts cards into PC/SC.
import { access } from 'node:fs/promises'
import { isExposed } from '../serve/vpcd/peer.ts'
import { endsPcscd, VPCD_FILES, type VpcdSetup, vpcdSetups, vpcdVersion } from '../serve/vpcd/vpcd-setup.ts'
import type { Finding } from './finding.ts'

/** Where to look; on this computer by default. */
export interface VpcdPlaces {
  readonly configuration: string
  readonly packages: string
}

export async function vpcd(places: VpcdPlaces = VPCD_FILES): Promise<Finding[]> {
  const version = await vpcdVersion(places.packages)
  const setups = await vpcdSetups(places.configuration)
  if (setups.length > 0) return Promise.all(setups.map((setup) => look(setup, version)))
  const detail =
    version === undefined
      ? 'not installed'
      : `version ${version} is installed, but ${places.configuration} configures no reader for it`
  const advice = 'tessera serve NAME puts cards into PC/SC by it: apt-get install vsmartcard-vpcd.'
  return [{ what: 'vpcd', state: 'warning', detail, advice }]
}

async function look({ path, name, library, host, port }: VpcdSetup, version: string | undefined): Promise<Finding> {
  const what = `vpcd '${name}'`
  const ports = `ports ${port} and ${port + 1}`
  const named = version === undefined ? '' : `version ${version}, `
  const there = await access(library).then(
    () => true,
    () => false,
  )
  if (!there) {
    const advice = `Install it (apt-get install vsmartcard-vpcd), or remove ${path}.`
    return { what, state: 'warning', detail: `${path} names ${library}, which is not there`, advice }
  }
  if (host !== undefined) {
    const detail = `${named}connects to cards at ${host}, ${ports} (${path})`
    if (!endsPcscd(version)) return { what, state: 'ok', detail }
    const advice =
      'Versions up to 3.3 end pcscd as soon as a card that they have connected to is gone: run tessera serve NAME --vpcd-listen PORT before pcscd, and all the time; or let vpcd listen (docs/serve.md).'
    return { what, state: 'warning', detail, advice }
  }
  if (await isExposed(port)) {
    const advice = `Anybody who reaches these ports can pose as the card, and is sent the PIN. Close ports ${port} and ${port + 1} to other machines: docs/serve.md has the commands for nftables and iptables.`
    return { what, state: 'warning', detail: `${named}listens for cards on every interface, ${ports}`, advice }
  }
  return { what, state: 'ok', detail: `${named}listens for cards at ${ports} while pcscd runs (${path})` }
}
