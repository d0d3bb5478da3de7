// What the CA issues. The names are those of Microsoft's own templates, as every instruction has them.
import type { Purpose } from '../x509/purposes.ts'

export const TEMPLATES = {
  SmartcardUser: {
    title: 'Smartcard user',
    /** Where EST has a place for it: the label in the path. RFC 7030, 3.2.2. */
    label: 'smartcard-user',
    purposes: ['client-authentication', 'smart-card-logon', 'email-protection'],
    /** The user's address stands in the certificate, asked for or not. */
    email: true,
  },
  SmartcardLogon: {
    title: 'Smartcard logon',
    label: 'smartcard-logon',
    purposes: ['client-authentication', 'smart-card-logon'],
    email: false,
  },
} as const satisfies Record<string, { title: string; label: string; purposes: readonly Purpose[]; email: boolean }>

export type TemplateName = keyof typeof TEMPLATES
export const TEMPLATE_NAMES = Object.keys(TEMPLATES) as readonly TemplateName[]

/** The template that somebody names by its name, title or label, in upper or lower case. */
export function findTemplate(text: string): TemplateName | undefined {
  const wanted = text.trim().toLowerCase()
  return TEMPLATE_NAMES.find((name) => {
    const { title, label } = TEMPLATES[name]
    return [name, title, label].some((known) => known.toLowerCase() === wanted)
  })
}
