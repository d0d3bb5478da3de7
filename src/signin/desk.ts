// What signing in and everything around it share: the accounts of a home, and who is signed in.
import { files } from '../files/files.ts'
import { Home } from '../tpm/store/home.ts'
import { processLocks } from '../tpm/workshop.ts'
import { Accounts } from './account.ts'
import { Running } from './running.ts'

export interface Desk {
  readonly accounts: Accounts
  readonly running: Running
}

export function desk(place: string | undefined): Desk {
  const home = new Home(place)
  return { accounts: new Accounts(home.path, files), running: new Running(home.run, files, processLocks()) }
}
