/**
 * Pages like those of Microsoft's web enrolment, as far as programs read them: the words and links are the ones that
 * published clients search for, the layout is our own. docs/lab-ca.md says where they are recorded.
 */
import { LABORATORY } from '../notice.ts'
import type { Answer } from './http.ts'

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
/** Escapes text between tags. */
const escaped = (text: string): string => text.replace(/[&<>]/g, (character) => ESCAPES[character] ?? '')

/** `body` is HTML. */
function page(status: number, what: string, title: string, body: string): Answer {
  const html = `<!DOCTYPE html>
<HTML>
<Head>
\t<Meta HTTP-Equiv="Content-Type" Content="text/html; charset=UTF-8">
\t<Title>Laboratory CA, in the shape of Microsoft Active Directory Certificate Services</Title>
</Head>
<Body>
<P><B>${LABORATORY}</B></P>
<P ID=locPageTitle> <B> ${title} </B></P>
${body}
</Body>
</HTML>
`
  return { status, type: 'text/html; charset=UTF-8', body: html, what }
}

export function homePage(): Answer {
  return page(
    200,
    'home page',
    'Welcome',
    `<P>This is the web enrolment of a laboratory CA. It has certfnsh.asp, certnew.cer, certnew.p7b, certcrl.crl and
<A Href="certcarc.asp">the CA's certificate</A>.</P>`,
  )
}

/** Programs look for the number of renewals; this CA has none. */
export function certificatePage(): Answer {
  return page(
    200,
    'page of the CA certificate',
    'Download a CA Certificate, Certificate Chain, or CRL',
    `<P><A Href="certnew.cer?ReqID=CACert&amp;Renewal=0&amp;Enc=b64">Download CA certificate</A></P>
<P><A Href="certnew.p7b?ReqID=CACert&amp;Renewal=0&amp;Enc=bin">Download CA certificate chain</A></P>
<P><A Href="certcrl.crl?Type=base&amp;Renewal=0&amp;Enc=bin">Download latest base CRL</A></P>
<Script Language="JavaScript">
\tvar nRenewals=0;
</Script>`,
  )
}

export function issuedPage(id: number): Answer {
  const link = (file: string, encoding: string) => `certnew.${file}?ReqID=${id}&amp;Enc=${encoding}`
  return page(
    200,
    `Request ${id}: issued`,
    'Certificate Issued',
    `<P ID=locInfo> The certificate you requested was issued to you.</P>
<P><A Href="${link('cer', 'bin')}">Download certificate (DER)</A>, <A Href="${link('cer', 'b64')}">(Base 64)</A></P>
<P><A Href="${link('p7b', 'bin')}">Download certificate chain</A></P>`,
  )
}

export function pendingPage(id: number): Answer {
  return page(
    200,
    `Request ${id}: pending`,
    'Certificate Pending',
    `<P ID=locInfo>
Your certificate request has been received. However, you must wait for an administrator to issue the certificate you requested.
</P>
<P ID=locReqId>
Your Request Id is ${id}.
</P>
<P>Here the administrator is you: tessera lab-ca approve ${id}.</P>`,
  )
}

export function deniedPage(id: number, reason: string): Answer {
  return page(
    200,
    `Request ${id}: denied: ${reason}`,
    'Certificate Request Denied',
    `<P ID=locDenied> Your certificate request was denied. </P>
<P ID=locReqId>
Your Request Id is ${id}. The disposition message is "${escaped(reason.replace(/"/g, "'"))}".
</P>
<P ID=locContactAdmin>Contact your administrator for further information.</P>`,
  )
}

/** The answer of certnew.cer instead of a certificate. The tabs matter: clients find the message by them. */
export function fetchErrorPage(disposition: string, message: string, status: string): Answer {
  return page(
    200,
    `no certificate: ${message}`,
    'Error',
    `<P ID=locContactAdmin>Contact your administrator for further assistance.</P>
<DL>
\t<DT ID=locModeLabel><B>Request Mode:</B></DT><DD>
\t\t(certnew.cer/certnew.p7b/certcrl.crl certificate/crl fetch)
\t</DD>
\t<DT ID=locDispLabel><B>Disposition:</B></DT><DD>
\t\t${escaped(disposition)}
\t</DD>
\t<DT ID=locDispMsgLabel><B>Disposition message:</B></DT><DD>
\t\t${escaped(message)}
\t</DD>
\t<DT ID=locLastStatLabel><B>LastStatus:</B></DT><DD>
\t\t${escaped(status)}
\t</DD>
</DL>`,
  )
}
