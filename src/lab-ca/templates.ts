// The templates of the CA. Their names are those of Microsoft's own templates, which instructions use.
import type { Purpose } from '../x509/purposes.ts'

export const TEMPLATES = {
  SmartcardUser: {
    title: 'Smartcard user',
    /** The label in EST's path. RFC 7030, 3.2.2. */
    label: 'smartcard-user',
    purposes: ['client-authentication', 'smart-card-logon', 'email-protection'],
    /** The certificate has the user's e-mail address, requested or not. */
    email: true,
  },
  SmartcardLogon: {
    title: 'Smartcard logon',
    label: 'smartcard-logon',
    purposes: ['client-authentication', 'smart-card-logon'],
    email: false,
  },
  EnrollmentAgent: {
    title: 'Enrollment Agent',
    label: 'enrollment-agent',
    // By TLS an agent logs in to EST.
    purposes: ['certificate-request-agent', 'client-authentication'],
    email: false,
  },
} as const satisfies Record<string, { title: string; label: string; purposes: readonly Purpose[]; email: boolean }>

export type TemplateName = keyof typeof TEMPLATES
export const TEMPLATE_NAMES = Object.keys(TEMPLATES) as readonly TemplateName[]

/** The template with this name, title or label, in upper or lower case. */
export function findTemplate(text: string): TemplateName | undefined {
  const wanted = text.trim().toLowerCase()
  return TEMPLATE_NAMES.find((name) => {
    const { title, label } = TEMPLATES[name]
    return [name, title, label].some((known) => known.toLowerCase() === wanted)
  })
}
