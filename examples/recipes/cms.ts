// The signature of a file, beside it. Run: npx tsx cms.ts SLOT <FILE >FILE.p7s
import { buffer } from 'node:stream/consumers'
import { openCard } from 'tessera-card'
import { sign } from './signed-data.ts'

const [slot = '9c'] = process.argv.slice(2)
const card = await openCard({ name: 'work' })
process.stdout.write(await sign(card, slot, '27182818', await buffer(process.stdin)))
await card.close()
