// Messages of pcsc-lite's client protocol: their lengths, what is refused, what is left of them in memory.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MessageReader } from '../../src/doors/pcsc/message-reader.ts'
import { encode, LONGEST_DATA, lengthOf, MessageError, messageOf, writeNumber } from '../../src/doors/pcsc/messages.ts'
import { encodeTable } from '../../src/doors/pcsc/reader-table.ts'
import { filled } from '../support/octets.ts'

/** sizeof of the structures in winscard_msg.h, by their command. */
const SIZES = [
  ['establishContext', 1, 12],
  ['releaseContext', 2, 8],
  ['connect', 4, 152],
  ['reconnect', 5, 24],
  ['disconnect', 6, 12],
  ['beginTransaction', 7, 8],
  ['endTransaction', 8, 12],
  ['transmit', 9, 32],
  ['control', 10, 24],
  ['status', 11, 8],
  ['cancel', 13, 8],
  ['getAttribute', 15, 280],
  ['setAttribute', 16, 280],
  ['version', 17, 12],
  ['readerStates', 18, 0],
  ['waitForChange', 19, 8],
  ['stopWaiting', 20, 8],
  ['readerEvents', 21, 0],
  ['tableSize', 22, 0],
  ['table', 23, 0],
] as const

test('every message has the number and the size of its structure', () => {
  for (const [name, number, size] of SIZES) {
    const octets = encode(name)
    const words = new Uint32Array(octets.buffer.slice(0, 8))
    assert.equal([...words], [size, number], name)
    assert.is(lengthOf(octets), 8 + size, name)
    assert.is(messageOf(octets).name, name)
  }
})

test('fields are where they belong', () => {
  const octets = encode('connect', { context: 0x01020304, reader: Uint8Array.of(0x41), shareMode: 2, rv: 0x8010_0009 })
  const message = messageOf(octets)
  if (message.name !== 'connect') throw new Error(message.name)
  assert.is(new Uint32Array(octets.buffer.slice(8, 12))[0], 0x01020304)
  assert.is(octets[12], 0x41)
  assert.is(new Uint32Array(octets.buffer.slice(140, 144))[0], 2)
  assert.is(new Uint32Array(octets.buffer.slice(156, 160))[0], 0x8010_0009)
})

test('what is refused: unknown commands, bodies of another length, more data than a command has', () => {
  const header = (size: number, number: number) => {
    const octets = new Uint8Array(8)
    writeNumber(octets, 0, size)
    writeNumber(octets, 4, number)
    return octets
  }
  for (const number of [0, 3, 0x0c, 0x0e, 0x18, 0xffff_ffff]) {
    assert.throws(
      () => lengthOf(header(0, number)),
      (error: unknown) => error instanceof MessageError,
      String(number),
    )
  }
  for (const [name, number, size] of SIZES) {
    for (const other of [size - 1, size + 1, 0xffff_ffff]) {
      if (other < 0) continue
      assert.throws(
        () => lengthOf(header(other, number)),
        (error: unknown) => error instanceof MessageError,
        name,
      )
    }
  }
  assert.is(lengthOf(header(0, 19)), 8)
  const most = encode('transmit', { sent: LONGEST_DATA })
  assert.is(lengthOf(most), 8 + 32 + LONGEST_DATA)
  assert.throws(
    () => lengthOf(encode('transmit', { sent: LONGEST_DATA + 1 })),
    (error: unknown) => error instanceof MessageError,
  )
  assert.throws(
    () => lengthOf(encode('control', { sent: 0xffff_ffff })),
    (error: unknown) => error instanceof MessageError,
  )
})

test('messages in pieces of any length', () => {
  const messages = [
    encode('version', { major: 4, minor: 4 }),
    encode('transmit', { sent: 300 }, filled(300)),
    encode('waitForChange', {}, undefined, true),
    encode('transmit', { sent: LONGEST_DATA }, filled(LONGEST_DATA)),
    encode('status', { card: 7 }),
  ]
  const stream = Uint8Array.from(messages.flatMap((one) => [...one]))
  for (const piece of [1, 7, 8, 4096]) {
    const reader = new MessageReader(piece)
    const found: string[] = []
    for (let at = 0; at < stream.length; at += piece) {
      assert.ok(reader.hasRoom)
      reader.push(stream.subarray(at, at + piece))
      for (let one = reader.take(); one !== undefined; one = reader.take()) found.push(`${one.name} ${one.data.length}`)
    }
    const wanted = ['version 0', 'transmit 300', 'waitForChange 0', `transmit ${LONGEST_DATA}`, 'status 0']
    assert.equal(found, wanted, String(piece))
    assert.not.ok(reader.inside)
  }
})

test('a reader of messages stops at what is longer than any message', () => {
  const reader = new MessageReader(4096)
  while (reader.hasRoom) reader.push(new Uint8Array(4096).fill(0xff))
  assert.throws(
    () => reader.take(),
    (error: unknown) => error instanceof MessageError,
  )
})

test('the table of readers has a row of 184 octets for each', () => {
  const atr = filled(20)
  const row = { name: 'Tessera work 00 00', events: 3, state: 0x34, sharing: -1, atr, protocol: 2 }
  const table = encodeTable([row], 16)
  assert.is(table.length, 16 * 184)
  const view = new DataView(table.buffer)
  assert.is(Buffer.from(table.subarray(0, 19)).toString(), 'Tessera work 00 00\0')
  const little = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
  assert.equal(
    [128, 132, 136].map((at) => view.getInt32(at, little)),
    [3, 0x34, -1],
  )
  assert.equal(table.slice(140, 160), atr)
  assert.equal(
    [176, 180].map((at) => view.getInt32(at, little)),
    [20, 2],
  )
  assert.ok(table.subarray(184).every((octet) => octet === 0))
  assert.is(encodeTable([row, row, row], 2).length, 2 * 184)
})

test.run()
