/** `tessera-card/signin`: signing in to a service with a card, and the accounts that are remembered. */
export {
  type AccountPlace,
  type AccountSummary,
  accounts,
  forget,
  type SignedIn,
  signOutElsewhere,
} from './accounts.ts'
export { type BackgroundOptions, signInInBackground } from './background.ts'
export type { BackgroundSession } from './background-messages.ts'
export type { Ending, EndReason, Method as SignInMethod } from './methods.ts'
export type { Ended, Session, SessionRequest } from './session.ts'
export { type SignInOptions, signIn } from './sign-in.ts'
