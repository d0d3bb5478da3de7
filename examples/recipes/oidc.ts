// A token from an OpenID provider for a client that has no password: its key, in a card, signs (private_key_jwt).
// Run: npx tsx oidc.ts ISSUER CLIENT_ID SLOT
import * as client from 'openid-client'
import { openCard } from 'tessera-card'
import { cardKey } from 'tessera-card/keys'

const [issuer = '', clientId = '', slot = '9a'] = process.argv.slice(2)
const card = await openCard({ name: 'work' })
const key = await cardKey(card, slot, { onPin: '27182818' })

const authentication = client.PrivateKeyJwt(await key.cryptoKey('ECDSA'))
const provider = await client.discovery(new URL(issuer), clientId, undefined, authentication)
const answer = await client.clientCredentialsGrant(provider, { scope: 'orders' })
console.log(answer.access_token)

key.close()
await card.close()
