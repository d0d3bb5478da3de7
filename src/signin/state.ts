// The files of sign-in in a home: remembered accounts, and marks of the open sessions.
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
