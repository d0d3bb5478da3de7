// takes: 3 s
// Private keys, the admin key and GENERATE given what is no good for them: the status word of the reference.
import { createCipheriv, createECDH } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import { readAuthentication } from '../../src/piv/templates.ts'
import { assertSignedDigest } from '../library/verify.ts'
import { octets } from '../support/octets.ts'
import {
  administer,
  all,
  apdu,
  asked,
  change,
  channel,
  cipher,
  DIGEST,
  item,
  modulus,
  onCard,
  PIN,
  parts,
  publicKeys,
  send,
  sign,
  toSign,
  turns,
  verify,
  whole,
} from './support/edge.ts'

const response = (data: Uint8Array) => readAuthentication(data).response ?? octets('')

onCard('references and algorithms that are not those of a key', async () => {
  await all('9000', verify)
  for (const reference of ['00', '04', '80', '81', '96', 'f9', 'ff']) await all('6a86', sign(`008711${reference}`))
  for (const algorithm of ['00', '03', '05', '07', '14', '27', 'ff']) await all('6a86', sign(`0087${algorithm}9a`))
  await all('6a86', apdu('0087119d', toSign(DIGEST)), sign('00871182'))
  await all('6a88', sign('00871195'))
})

onCard('templates', async () => {
  await all('9000', verify)
  const malformed = ['', '7c', '7d0481008200', '7c0281', '7c038101 5a', '7c058200 8102 5a', '7c00 7c00', '7c02 8200 00']
  const [asking, digest] = [item('82'), item('81', DIGEST)]
  const wrong = [
    ...['', asking, digest, item('81') + asking, asking + asking + digest, asking + digest + digest],
    ...[item('82', '55') + digest, asking + digest + item('80'), asking + digest + item('85'), asking + item('83')],
    ...[asking + item('84') + digest, item('80', DIGEST), asking + item('85')],
  ]
  await all('6a80', ...malformed.map((data) => apdu('0087119a', data)))
  await all('6a80', ...wrong.map((items) => apdu('0087119a', item('7c', items))))
  await all('9000', sign(), apdu('0087119a', item('7c', digest, asking)))
})

onCard('digests: shorter than the curve is the same number, longer is refused', async () => {
  await all('9000', verify)
  for (const [slot, header, size] of [
    ['9a', '0087119a', 32],
    ['82', '00871482', 48],
  ] as const) {
    const key = publicKeys.get(slot)
    for (const length of [1, 20, 31, size]) {
      const digest = '5a'.repeat(length)
      const { sw, data } = await send(sign(header, digest))
      assert.is(sw, '9000', `${length} octets`)
      if (key !== undefined) assertSignedDigest(key, octets(digest.padStart(2 * size, '0')), response(data))
    }
    for (const length of [0, size + 1, 64, 65, 200, 300]) await all('6a80', sign(header, '5a'.repeat(length)))
  }
})

onCard('blocks of RSA of a wrong size or value', async () => {
  await all('9000', verify)
  const raw = (block: string) => whole(parts('0087079d', toSign(block)))
  const below = (BigInt(`0x${modulus}`) - 1n).toString(16)
  const above = (BigInt(`0x${modulus}`) + 1n).toString(16)
  for (const block of ['', '01', below.slice(2), `00${below}`, `${below}00`]) assert.is((await raw(block)).sw, '6a80')
  for (const block of [modulus, above, 'ff'.repeat(256)]) assert.is((await raw(block)).sw, '6a80', 'n or more')
  for (const block of [below, '00'.repeat(256)]) {
    const { sw, data } = await raw(block)
    // (-1)^d = -1, 0^d = 0
    assert.equal([sw, hex(response(data))], ['9000', block])
  }
  assert.is((await whole(parts('0087079d', item('7c', item('82'), item('85', below))))).sw, '6a80')
})

onCard('what is left of an answer is gone after any other command', async () => {
  for (const other of ['00', '80000000', '00050000', asked, '10200080']) {
    await all('9000', verify)
    const [first = '', second = ''] = parts('0087079d', toSign('00'.repeat(256)))
    await turns([first, '9000'], [second, '6108'])
    await send(other)
    await all('6985', '00c0000008')
  }
})

onCard('points that are not on the curve', async () => {
  await all('9000', verify)
  const agree = (point: string, header = '0087119a') => apdu(header, item('7c', item('82'), item('85', point)))
  const mine = createECDH('prime256v1')
  const point = mine.generateKeys('hex')
  const other = createECDH('secp384r1').generateKeys('hex')
  const flipped = point.slice(0, -1) + (Number.parseInt(point.slice(-1), 16) ^ 1).toString(16)
  const prime = 'ffffffff00000001000000000000000000000000ffffffffffffffffffffffff'
  const wrong = [flipped, `04${'00'.repeat(64)}`, `04${'ff'.repeat(64)}`, `04${prime}${point.slice(66)}`, other]
  const malformed = ['', '00', '04', point.slice(2), point.slice(0, -2), `${point}00`, `06${point.slice(2)}`]
  await all('6a80', ...[...wrong, ...malformed, mine.getPublicKey('hex', 'compressed')].map((one) => agree(one)))
  await all('6a80', agree(point, '00871482'))
  const { sw, data } = await send(agree(point))
  const theirs = publicKeys.get('9a')?.export({ format: 'jwk' })
  const xy = [theirs?.x, theirs?.y].map((text) =>
    Buffer.from(text ?? '', 'base64url')
      .toString('hex')
      .padStart(64, '0'),
  )
  assert.equal([sw, hex(response(data))], ['9000', mine.computeSecret(`04${xy.join('')}`, 'hex', 'hex')])
})

onCard('PIN always: nothing comes between VERIFY and the use of the key', async () => {
  const use = sign('0087119c')
  const [first = '', second = ''] = parts('0087119c', toSign(DIGEST), 16)
  const third = parts('0087119c', toSign(DIGEST), 16)[2] ?? ''
  await turns([verify, '9000'], [first, '9000'], [second, '9000'], [third, '9000'], [use, '6982'])
  await turns([verify, '9000'], [use, '9000'], [use, '6982'])
  // Changing the PIN verifies it, but it is not VERIFY.
  await turns([change(PIN, '717171'), '9000'], [sign(), '9000'], [use, '6982'])
  await turns([change('717171', PIN), '9000'], [use, '6982'])
  const between: ReadonlyArray<readonly [command: string, sw: string]> = [
    [asked, '9000'],
    [apdu('00cb3fff', '5c017e'), '9000'],
    ['00a4040005a000000308', '9000'],
    ['00c0000000', '6985'],
    ['80000000', '6e00'],
    ['00050000', '6d00'],
    ['10200080', '6884'],
    ['00', '6700'],
    [sign(), '9000'],
    [sign('0087119e'), '9000'],
    ['10db3fff055c035fc111', '9000'],
    ['1087119a027c24', '9000'],
    ['1087149c027c24', '9000'],
    [apdu('00870a9b', item('7c', item('80'))), '9000'],
    [apdu('0087119c', item('7c', item('82'))), '6a80'],
    [sign('0087119c', '5a'.repeat(33)), '6a80'],
    [sign('0087149c'), '6a86'],
    [sign('00871100'), '6a86'],
    [sign('00871195'), '6a88'],
  ]
  for (const disturbing of between) await turns([verify, '9000'], disturbing, [use, '6982'])
})

onCard('an interrupted GENERAL AUTHENTICATE makes no signature', async () => {
  await all('9000', verify)
  const [first = '', second = ''] = parts('0087119a', toSign(DIGEST), 20)
  for (const disturbing of [
    apdu('00cb3fff', '5c017e'),
    sign('0087119e'),
    parts('00871482', toSign(DIGEST), 20)[0] ?? '',
  ]) {
    await turns([first, '9000'], [disturbing, '9000'], [second, '6a80'])
  }
})

onCard('the admin key: steps out of turn, wrong answers, and no oracle', async () => {
  const header = '00870a9b'
  const step = (...items: readonly string[]) => apdu(header, item('7c', ...items))
  const [witness, challenge] = [step(item('80')), step(item('81'))]
  const block = '77'.repeat(16)
  const put = apdu('00db3fff', '5c035fc105 53027001')
  for (const algorithm of ['00', '03', '08', '0c', '11']) {
    await all('6a86', apdu(`0087${algorithm}9b`, item('7c', item('80'))))
  }
  await all('6a80', step(), step(item('81', block)), step(item('80', block)), step(item('85')))
  await all('6982', step(item('80', block), item('81', block)), step(item('80'), item('81')), step(item('82', block)))
  await turns([witness, '9000'], [step(item('80', block), item('81', block)), '6982'], [put, '6982'])
  await turns([challenge, '9000'], [step(item('82', block)), '6982'], [put, '6982'])
  // What was asked for is good once, for the very next command, and for its own kind of proof.
  const right = async () => step(item('82', cipher(createCipheriv, (await send(challenge)).data.subarray(4))))
  for (const disturbing of [
    '00050000',
    '00',
    '00c0000000',
    asked,
    sign('0087119e'),
    sign('00871100'),
    witness,
    challenge,
  ]) {
    const proof = await right()
    await send(disturbing)
    await turns([proof, '6982'], [put, '6982'])
  }
  const proof = await right()
  await turns([proof, '9000'], [proof, '6982'])
  await turns([await right(), '9000'], [step(item('82', '00'.repeat(16))), '6982'])
})

onCard('GENERATE: who may not, and what cannot be made', async () => {
  const generate = (template: string, header = '00470095') => apdu(header, item('ac', template))
  await all('6982', generate('800111'))
  await turns([verify, '9000'], [generate('800111'), '6982'])
  await administer()
  for (const algorithm of ['00', '06', '16', '27', 'e0', 'ff']) await all('6a80', generate(`8001${algorithm}`))
  const malformed = ['', '8000', '80021111', '810103', '800111 800111', '800111 aa00', '800111 aa0104', '800111 ab0102']
  await all(
    '6a80',
    ...malformed.map((template) => generate(template)),
    generate('800107 810103'),
    generate('800111 8200'),
  )
  await all(
    '6a80',
    apdu('00470095', ''),
    apdu('00470095', 'ac'),
    apdu('00470095', 'ad03800111'),
    apdu('00470095', 'ac0380011100'),
  )
  for (const reference of ['01', '04', '80', '9b', '96']) await all('6a86', generate('800111', `004700${reference}`))
  await turns([generate('800111', '00470195'), '6a86'], [sign('00871195'), '6a88'])
})

test.after(() => channel.close())
test.run()
