// What signing in and everything around it share: the accounts of a home, and who is signed in.
import { files } from '../files/files.ts'
import { Home } from '../home/home.ts'
import { processLocks } from '../home/locks.ts'
import { Accounts } from './account.ts'
import { Running } from './signed-in.ts'

export interface Desk {
  readonly accounts: Accounts
  readonly running: Running
}

export function desk(place: string | undefined): Desk {
  const home = new Home(place)
  return { accounts: new Accounts(home.path, files), running: new Running(home.run, files, processLocks()) }
}
