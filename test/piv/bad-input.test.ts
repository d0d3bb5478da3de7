// takes: 3 s
// What a card answers to commands that are no good: the status word of the reference, and nothing else happens.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { hex } from '../../src/bytes.ts'
import {
  administer,
  all,
  apdu,
  asked,
  change,
  channel,
  field,
  item,
  onCard,
  PIN,
  PUK,
  parts,
  send,
  sign,
  turns,
  unblock,
  verify,
  whole,
} from './support/edge.ts'

const GET = '00cb3fff'
const PUT = '00db3fff'
const pin = field(PIN)

onCard('lengths that contradict each other', async () => {
  await all('6700', '', '00', '0020', '002000', `0020008009${pin}`, `0020008007${pin}00`, `0020008008${pin}0000`)
  await all('6700', '002000800000', `00200080000009${pin}`, `00200080000008${pin}00`, '0020008000000000')
})

onCard('classes and instructions that there are not, and chains of commands that take none', async () => {
  await all('6e00', '80cb3fff035c017e00', `0c20008008${pin}`, '01a40400', 'ff000000', '20870000')
  await all('6d00', '00050000', '00b0000000', '0084000008', '00440000', '00ca0000', '00fc0000', '00000000')
  await all('6884', `10200080${verify.slice(8)}`, '10cb3fff035c017e', '10a4040005a000000308', '10240080', '102c0080')
  await all('6985', '00c00000', '00c0000000')
})

onCard('P1 and P2', async () => {
  await all('6a82', '00a40000023f00', '00a40c00', '00a4040006f00102030405', '00a4040004a0000003', '00a40400')
  await all('6a86', '00a4040105a000000308', '00cb3f00035c017e', '00cb00ff035c017e', '00db3f00025300', '00db0000025300')
  await all('6a86', `00200180${verify.slice(8)}`, '00200180', '0020fe80', '00240180', '002c0180')
  for (const p2 of ['00', '81', '96', '97', '98', '9a']) {
    await all('6a88', `002000${p2}`, `0020ff${p2}`, `002000${p2}${verify.slice(8)}`)
  }
  for (const p2 of ['00', '82', '85', '9b']) await all('6a88', change(PIN, '717171', `002400${p2}`))
  for (const p2 of ['00', '81', '85', '9b']) await all('6a88', unblock(PUK, '717171', `002c00${p2}`))
})

onCard('PINs of a wrong length cost no try', async () => {
  const wrong = ['31', pin.slice(2), pin + pin]
  await all('6a80', ...wrong.map((data) => apdu('00200080', data)), apdu('0020ff80', pin))
  for (const length of [0, 1, 8, 15, 17, 24]) {
    await all('6a80', ...['00240080', '00240081', '002c0080'].map((header) => apdu(header, '31'.repeat(length), '')))
  }
  await all('63c5', asked)
})

onCard('malformed PINs of the right length cost one each', () =>
  turns(
    [apdu('00200080', field('abcdefgh')), '63c4'],
    [apdu('00200080', 'ff'.repeat(8)), '63c3'],
    [apdu('00200080', `${field(PIN).slice(0, 12)}0000`), '63c2'],
    [change('12 456', '717171'), '63c1'],
    [verify, '9000'],
  ),
)

onCard('new PINs and PUKs that are none, or that everybody knows, cost no try and no status', async () => {
  await all('9000', verify)
  for (const fresh of ['71717', '7171717a', '', '717 171', '7171\xff71']) {
    await all('6a80', change(PIN, fresh), unblock(PUK, fresh), change('000000', fresh), unblock('oh dear!', fresh))
  }
  for (const fresh of ['tab\tchar', '1234567', 'uml\xe4ut!!']) await all('6a80', change(PUK, fresh, '00240081'))
  await all('6985', change(PIN, '12345678'), unblock(PUK, '12345678'), change(PUK, '12345678', '00240081'))
  await all('9000', asked)
})

onCard('what GET DATA asks for', async () => {
  const malformed = ['', '5c', '5c00', '5c035fc1', '5c045fc10200', '5c035fc10200', '5c017e5c017e', '53035fc102']
  await all('6a80', ...malformed.map((data) => apdu(GET, data)))
  await all('9000', apdu(GET, '5c81017e'), apdu(GET, '5c8200035fc102'))
  await all('6a82', ...['5c035fc1f0', '5c035fc105', '5c0153', '5c01ff', '5c025fc1'].map((data) => apdu(GET, data)))
  await all('6982', ...['03', '08', '09', '21', '23'].map((last) => apdu(GET, `5c035fc1${last}`)))
})

onCard('PUT DATA: who may not, and what is no object', async () => {
  const good = apdu(PUT, '5c035fc110 53027001')
  await all('6982', good, apdu(PUT, '5c035fc110 5300'))
  await turns([verify, '9000'], [good, '6982']) // the PIN is no admin key at the card edge
  await administer()
  await all('9000', good)
  const malformed = ['', '5300', '5c035fc110', '53027001 5c035fc110', '5c035fc110 530270', '5c035fc110 53027001 00']
  const others = ['5c035fc110 5300 5300', '5c017e 5300', '5c00 5300', '5c045fc11000 5300', '5c035fc110 54027001']
  await all('6a80', ...[...malformed, ...others].map((data) => apdu(PUT, data)))
  // ISO/IEC 7816-4, 5.2.2.2: a length may be longer than it need be.
  for (const long of ['5c035fc110 5381027001', '5c81035fc110 5382000270 01']) await all('9000', apdu(PUT, long))
  await all('6a81', ...['7e00', '7f6100', '5c035fc10c 5300', '5c025fc1 5300'].map((data) => apdu(PUT, data)))
  assert.is(hex((await send(apdu(GET, '5c035fc110'))).data), '53027001')
  await turns([apdu(PUT, '5c035fc110 5300'), '9000'], [apdu(GET, '5c035fc110'), '6a82'])
})

const TAG = '5c035fc111'
const object = (length: number, octet: string) => TAG + item('53', octet.repeat(length))
const stored = async () => hex((await whole([apdu(GET, TAG)])).data)

onCard('an object that is too large leaves the old one', async () => {
  await administer()
  assert.is((await whole(parts(PUT, object(300, 'a5')))).sw, '9000')
  for (const length of [16_376, 20_000, 65_000]) {
    assert.is((await whole(parts(PUT, object(length, 'ee')))).sw, '6a84', `${length} octets in a chain`)
    await all('6a84', apdu(PUT, object(length, 'ee')))
  }
  assert.is(await stored(), item('53', 'a5'.repeat(300)))
  assert.is((await whole(parts(PUT, object(16_375, 'ee')))).sw, '9000')
  assert.is((await stored()).length, 2 * (4 + 16_375))
  await all('9000', apdu(PUT, `${TAG} 5300`))
})

onCard('an interrupted chain leaves the old object', async () => {
  await administer()
  assert.is((await whole(parts(PUT, object(300, 'a5')))).sw, '9000')
  const [first = '', second = ''] = parts(PUT, object(400, 'ee'))
  const between: ReadonlyArray<readonly [command: string, sw: string]> = [
    [apdu(GET, '5c017e'), '9000'],
    [asked, '63c5'],
    ['00c0000000', '6985'],
    ['80000000', '6e00'],
    ['00050000', '6d00'],
    ['10200080', '6884'],
    ['00', '6700'],
    ['1087119a027c24', '9000'],
    [sign('0087119e'), '9000'],
    [second.replace('3fff', '3ffe'), '6a86'],
  ]
  for (const disturbing of between) await turns([first, '9000'], disturbing, [second, '6a80'])
  assert.is(await stored(), item('53', 'a5'.repeat(300)))
  await turns([first, '9000'], [second, '9000'])
  assert.is(await stored(), item('53', 'ee'.repeat(400)))
  await all('9000', apdu(PUT, `${TAG} 5300`), first)
  await channel.reset()
  await all('6a80', second)
})

test.after(() => channel.close())
test.run()
