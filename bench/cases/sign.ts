// node --import tsx bench/cases/sign.ts SETUP: one layer of the product that signs. SETUP is JSON of `Setup`.
import type { Setup } from './layers.ts'
import { LAYERS } from './layers.ts'
import { serveRequests } from './serve-requests.ts'

const setup = JSON.parse(process.argv[2] ?? '') as Setup
await serveRequests(await LAYERS[setup.layer](setup))
