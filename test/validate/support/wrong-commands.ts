// For each check of keys, lengths, counters and Yubico's instructions: a card that is wrong in what it is about.
import { hex } from '../../../src/bytes.ts'
import { octets } from '../../support/octets.ts'
import { changed, contentOf, objects, reply, turned, type Wrong } from './wrong-card.ts'

const RIGHT = /^00200080083438333932 30ffff$/.source.replace(' ', '')
const isRight = new RegExp(RIGHT)

const OK = '9000'
const all = (ids: readonly string[], wrong: Wrong): Record<string, Wrong> =>
  Object.fromEntries(ids.map((id) => [id, wrong]))

/** It remembers a chain whatever comes between. */
const remembers: Wrong = () => {
  let chain = ''
  return (apdu, pass) => {
    if (apdu.startsWith('1087119e')) {
      chain += apdu.slice(10)
      return OK
    }
    if (!apdu.startsWith('008711') || chain === '') return undefined
    const data = chain + apdu.slice(10, 10 + 2 * Number.parseInt(apdu.slice(8, 10), 16))
    chain = ''
    return pass(`0087119e${(data.length / 2).toString(16).padStart(2, '0')}${data}00`)
  }
}

/** It keeps what is left of an answer for ever. */
const keeps: Wrong = () => {
  let rest = ''
  return async (apdu, pass) => {
    if (apdu.startsWith('00c0') && rest !== '') return rest
    const answer = await pass(apdu)
    if (/61..$/.test(answer)) rest = await pass(`00c00000${answer.slice(-2)}`)
    return answer
  }
}

/** Gives the tries of the PIN back, once a wrong one was tried, at `event`. */
const givesBack =
  (event: RegExp): Wrong =>
  () => {
    let [armed, given] = [false, false]
    return (apdu) => {
      if (apdu.startsWith('0020008008') && !isRight.test(apdu)) armed = true
      else if (armed && event.test(apdu)) given = true
      return apdu === '00200080' && given ? '63c5' : undefined
    }
  }

const after =
  (event: RegExp, apdus: RegExp, answer: string): Wrong =>
  () => {
    let happened = false
    return (apdu) => {
      if (happened && apdus.test(apdu)) return answer
      happened ||= event.test(apdu)
      return undefined
    }
  }

/** The second answer is the first one, a little changed. */
const repeats =
  (apdus: RegExp, at: (answer: string) => number): Wrong =>
  () => {
    let first: string | undefined
    return async (apdu, pass) => {
      const answer = await pass(apdu)
      if (!apdus.test(apdu)) return answer
      if (first === undefined) first = answer
      else return turned(first, at(first))
      return answer
    }
  }

const negative = (answer: string): string => {
  const head = (Number.parseInt(answer.slice(16, 18), 16) | 0x80).toString(16)
  return `${answer.slice(0, 16)}${head}${answer.slice(18)}`
}

const another = (answer: string): string => {
  const length = (Number.parseInt(answer.slice(2, 4), 16) + 2).toString(16)
  return `7c${length}${answer.slice(4, -4)}80009000`
}

const anyPin: Wrong = () => (apdu) => (/^00200080(?!00$).+/.test(apdu) && !isRight.test(apdu) ? OK : undefined)
const notExtended = reply(/^00(cb3fff|87....)0000/, '6700')
const wrongPuk = reply(/^002c008010(?!6f70656e203f6d65)/, '63c4')
const spoiled = objects(['5fc10e', (card) => octets(turned(hex(contentOf(card, '5fc10e')), 0))])

export const WRONG_COMMANDS: Readonly<Record<string, Wrong>> = {
  'key.9a.possession': changed(/^0087079a/, turned),
  'key.9c.possession': changed(/^0087119c/, turned),
  'key.9d.possession': changed(/^0087119d/, turned),
  'key.9e.possession': changed(/^0087119e/, turned),
  'key.retired.possession': changed(/^00871182/, turned),
  'key.retired.pin': reply(/^00871182/, OK),
  'key.ecdsa.form': changed(/^008711/, negative),
  'key.ecdsa.nonces': repeats(/^008711/, (answer) => answer.length / 2 - 3),
  'key.rsa.same': repeats(/^008707/, () => 20),
  ...all(['key.rsa.modulus'], reply(/^008707/, OK)),
  ...all(
    ['short', 'long', 'infinity', 'zero', 'range', 'form'].map((id) => `key.ecdh.${id}`),
    reply(/^008711/, OK),
  ),
  'key.algorithms': reply(/^008714/, OK),
  ...all(
    ['empty', 'none', 'cut', 'unknown', 'response', 'no-challenge', 'after'].map((id) => `key.template.${id}`),
    reply(/^0087119e/, OK),
  ),
  'key.references': reply(/^00871180/, OK),
  ...all(['key.9c.status', 'key.9c.other-key', 'key.9c.select'], reply(/^0087119c/, OK)),
  ...all(['key.reset', 'key.cleared', 'key.wrong-pin'], reply(/^0087119d/, OK)),
  'key.response-only': changed(/^0087119e/, another),
  'key.order': reply(/^0087119e/, '6a80'),
  ...all(
    ['one-octet', 'first', 'last', 'header', 'two', 'le', '9c'].map((id) => `chain.${id}`),
    reply(/^1087/, '6884'),
  ),
  ...all(
    ['reset', 'select', 'get-data', 'reference'].map((id) => `chain.${id}`),
    remembers,
  ),
  'chain.endless': reply(/^.087/, OK),
  'chain.of-get-data': reply(/^10cb/, OK),
  'chain.secure-messaging': reply(/^0ccb/, OK),
  'chain.logical-channel': reply(/^01cb/, OK),
  'answer.pieces': changed(/^00c0/, (answer) => answer.slice(2)),
  'answer.small-pieces': reply(/^00c0000011/, '6a80'),
  'answer.dropped': keeps,
  'answer.reset': keeps,
  'answer.one': () => (apdu, pass) => (/5fc10201$/.test(apdu) ? pass(apdu.replace(/01$/, '00')) : undefined),
  ...all(['answer.exact', 'answer.more'], reply(/5fc102(?!00$)..$/, '6700')),
  ...all(
    ['announced', 'get-data', 'no-le', 'le', 'whole', 'sign'].map((id) => `extended.${id}`),
    notExtended,
  ),
  ...all(['extended.cut', 'extended.empty'], reply(/^00cb3fff0000(09|00)/, OK)),
  'length.none': reply(/^00cb3fff(00)?$/, OK),
  'length.more': reply(/000000$/, OK),
  'pin.status': () => {
    let asked = 0
    return (apdu) => (apdu === '00200080' && ++asked === 3 ? '63c3' : undefined)
  },
  'pin.reset': givesBack(/^reset/),
  'pin.select': givesBack(/^00a4/),
  'pin.clear': givesBack(/^0020ff80/),
  'pin.other': givesBack(/^0005/),
  'pin.unblock': after(/^002c/, /^00200080$/, '63c4'),
  'pin.change': reply(/^00240080/, '63c4'),
  'pin.wrong-puk': after(/^002c/, /^00200080$/, '63c3'),
  ...all(
    ['empty', 'zeros', 'bare', 'longer', 'twice'].map((id) => `pin.form.${id}`),
    anyPin,
  ),
  'pin.global': reply(/^00240090/, OK),
  'pin.references': reply(/^0020007f$/, OK),
  'pin.parameters': reply(/^00207f80$/, OK),
  'pin.unblock-empty': reply(/^002c0080$/, OK),
  'pin.change-empty': reply(/^00240080$/, OK),
  'pin.object': reply(/^00cb3fff055c035fc109/, '53009000'),
  'pin.clear-data': reply(/^0020ff8008/, OK),
  ...all(['puk.count', 'puk.reset', 'puk.pin'], wrongPuk),
  'puk.change': reply(/^00240081/, '63c4'),
  'puk.right': reply(/^00240081/, OK),
  'puk.pin-length': reply(/^002c008008/, OK),
  ...all(
    [
      'one',
      'length-81',
      'length-82',
      'one-command',
      'two-parts',
      'answer',
      'capacity',
      'shorter',
      'same',
      'octet-parts',
    ].map((id) => `write.${id}`),
    spoiled,
  ),
  'write.interrupted': after(/^10db/, /^00cb3fff055c035fc10e/, '6a82'),
  'write.extended': reply(/^00db3fff00/, OK),
  'write.no-admin': after(/^reset/, /^00db/, OK),
  'yubico.serial': reply(/^00f80000/, '000000009000'),
  'yubico.metadata.pin': reply(/^00f70080/, '0101ff050100060205019000'),
  'yubico.metadata.puk': reply(/^00f70081/, '0101ff050100060203059000'),
  'yubico.metadata.keys': changed(/^00f7009e/, (answer) => turned(answer, answer.length / 2 - 3)),
  'yubico.metadata.policy': reply(/^0087119e/, '6982'),
  'yubico.metadata.admin': reply(/^00f7009b/, '010103020200010501009000'),
  'yubico.metadata.defaults': reply(/^00f70081/, '0101ff050101060205059000'),
  'yubico.metadata.references': reply(/^00f7007f/, OK),
  'yubico.attest': changed(/^00f99a00/, (answer) => turned(answer, 80)),
  'yubico.import-refused': reply(/^00fe1195/, OK),
  'yubico.delete-refused': reply(/^00f6ff95/, OK),
  'yubico.admin-refused': reply(/^00ffffff/, OK),
  'yubico.import.384': changed(/^00871494/, turned),
  'yubico.import.never': changed(/^00871194/, turned),
  ...all(['yubico.import.once', 'yubico.import.always'], reply(/^00871194/, OK)),
  'yubico.delete': reply(/^00f6ff94/, OK),
}
