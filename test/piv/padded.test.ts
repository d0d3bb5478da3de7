// The raw RSA operation, by which a ciphertext could pass for a digest, is offered to nobody.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import * as enroll from '../../src/enroll/index.ts'
import * as library from '../../src/index.ts'
import * as keys from '../../src/keys/index.ts'
import * as serve from '../../src/serve/index.ts'
import * as signin from '../../src/signin/index.ts'
import * as tls from '../../src/tls/index.ts'

test('no entry point exports what would do it', () => {
  const exported = [library, enroll, keys, serve, signin, tls].flatMap((entry) => Object.keys(entry))
  const names = [...exported, ...Object.getOwnPropertyNames(library.Card.prototype)]
  assert.ok(names.includes('cardAgent') && names.includes('signDigest'))
  assert.equal(
    names.filter((name) => /(?<!un)block|raw|session/i.test(name)),
    [],
  )
})

test.run()
