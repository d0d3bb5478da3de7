// A card store in one process, in a home of its own.
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { CardError, type ErrorCode } from '../../../src/errors.ts'
import { Home } from '../../../src/home/home.ts'
import type { CardFile } from '../../../src/tpm/store/card-file.ts'
import { CardStore, type CardStoreOptions } from '../../../src/tpm/store/store.ts'
import { tempDir } from '../../support/temp.ts'
import { sampleCard } from './cards.ts'
import { memoryLocks } from './steps.ts'

export function fixture(options: Partial<CardStoreOptions> = {}) {
  const home = new Home(join(tempDir(), 'home'))
  const locks = memoryLocks()
  const store = new CardStore({ lockFile: locks.lockFile, home, ...options })
  return { home, locks, store, path: home.of('work', 'card') }
}

/** Fails unless `work` ends with this error; returns it. */
export async function fails(
  work: Promise<unknown>,
  code: ErrorCode,
  message: string | RegExp = '',
): Promise<CardError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.instance(error, CardError)
  assert.is((error as CardError).code, code)
  assert.match((error as CardError).message, message)
  return error as CardError
}

export const work = sampleCard()
export const slower = (card: CardFile): CardFile => ({ ...card, unlockSeconds: 60 })
