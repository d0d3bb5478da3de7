// What sign-in keeps in a home: the accounts that are remembered, and marks of the sessions that are open now.
import { files } from '../files/files.ts'
import { Home } from '../home/home.ts'
import { processLocks } from '../home/locks.ts'
import { Accounts } from './account.ts'
import { SignedInMarks } from './signed-in.ts'

export interface SignInState {
  readonly accounts: Accounts
  readonly marks: SignedInMarks
}

export function signInState(place: string | undefined): SignInState {
  const home = new Home(place)
  return { accounts: new Accounts(home.path, files), marks: new SignedInMarks(home.run, files, processLocks()) }
}
