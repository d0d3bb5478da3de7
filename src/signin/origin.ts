// The address of a service: an https origin without a path.
import { UsageError } from '../errors.ts'

/**
 * Parses an origin: `https://service.example:8443`.
 * @throws UsageError ERR_USAGE
 */
export function serviceOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const bare = url !== undefined && url.protocol === 'https:' && url.username === '' && url.password === ''
  if (bare && url.pathname === '/' && url.search === '' && url.hash === '') return url.origin
  const shown = text.replace(/\/\/[^/@]*@/, '//...@').slice(0, 200)
  throw new UsageError(
    'ERR_USAGE',
    `'${shown}' is not the address of a service. Write it as in https://service.example.com, without a path.`,
  )
}
