// Benchmark.js over the codecs that a signature passes through, and over longer data.
import { createInterface } from 'node:readline'
import Benchmark from 'benchmark'
import { rounded } from '../measure/statistics.ts'
import { load, root } from '../product.ts'
import type { CodecResult } from '../report/results.ts'

const { CommandChain, splitChain } = await load(root, 'iso7816/chaining')
const { encodeCommand, parseCommand } = await load(root, 'iso7816/command')
const { readTlvs, tlv } = await load(root, 'iso7816/tlv')
const { readAuthentication, writeAuthentication } = await load(root, 'piv/templates')

const digest = new Uint8Array(32).fill(9)
const block = new Uint8Array(256).fill(9)
const certificate = new Uint8Array(1500).fill(9)
const NOTHING = new Uint8Array(0)
const asked = { response: NOTHING, challenge: digest }
const command = { cla: 0, ins: 0x87, p1: 0x11, p2: 0x9a, le: 256, extended: false }
const template = writeAuthentication(asked)
const apdu = encodeCommand({ ...command, data: template })
const object = tlv(0x53, tlv(0x70, certificate), tlv(0x71, Uint8Array.of(0)), tlv(0xfe, NOTHING))
const long = { ...command, ins: 0xdb, p1: 0x3f, p2: 0xff, data: object }
const parts = splitChain(long, false)

const CASES: Readonly<Record<string, () => unknown>> = {
  'TLV, write: template of a signature': () => writeAuthentication(asked),
  'TLV, read: template of a signature': () => readAuthentication(template),
  'TLV, write: certificate of 1500 octets': () => tlv(0x53, tlv(0x70, certificate), tlv(0xfe, NOTHING)),
  'TLV, read: certificate of 1500 octets': () => readTlvs(object),
  'APDU, write: signature with P-256': () => encodeCommand({ ...command, data: template }),
  'APDU, read: signature with P-256': () => parseCommand(apdu),
  'chaining, split: RSA block of 256 octets': () => splitChain({ ...command, data: block }, false),
  'chaining, split: certificate of 1500 octets': () => splitChain(long, false),
  'chaining, join: certificate of 1500 octets': () => {
    const chain = new CommandChain()
    for (const part of parts) {
      const parsed = parseCommand(part)
      if (parsed !== undefined) chain.add(parsed)
    }
  },
}

function measure(): CodecResult[] {
  const results: CodecResult[] = []
  Benchmark.options.maxTime = 1
  const suite = new Benchmark.Suite()
  for (const [name, work] of Object.entries(CASES)) suite.add(name, work)
  suite.on('cycle', ({ target: { name, hz, stats } }) => {
    results.push({ name, perSecond: Math.round(hz), margin: rounded(stats.rme) })
  })
  suite.run({ async: false })
  return results
}

process.stdout.write('ready\n')
for await (const _ of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(measure())}\n`)
}
