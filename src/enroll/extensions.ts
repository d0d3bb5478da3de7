// The extensions of a certificate or a request, as @peculiar/x509 has them. Apart from content.ts, which the library's own
// types reach: who uses those need not have the types of that package in order.
import type { KeyInfo } from '../piv/host/key-info.ts'
import { EXTENSIONS } from '../x509/extensions.ts'
import type { Library } from '../x509/library.ts'
import { type CertificateContent, valuesOf } from './content.ts'
import { usageBits, usagesOf } from './usage.ts'

/** @throws UsageError ERR_USAGE */
export function extensionsOf(
  content: CertificateContent,
  { slot, algorithm }: Pick<KeyInfo, 'slot' | 'algorithm'>,
  { Extension, KeyUsagesExtension }: typeof Library,
): Library.Extension[] {
  const given = valuesOf(content).map(([name, value]) => new Extension(EXTENSIONS[name], false, value))
  return [new KeyUsagesExtension(usageBits(usagesOf(slot, algorithm)), true), ...given]
}
