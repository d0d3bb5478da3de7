// A signed PDF. Run: npx tsx pdf.ts SLOT <IN.pdf >OUT.pdf
import { buffer } from 'node:stream/consumers'
import { pdflibAddPlaceholder } from '@signpdf/placeholder-pdf-lib'
import { Signer, SignPdf } from '@signpdf/signpdf'
import { PDFDocument } from 'pdf-lib'
import { openCard } from 'tessera-card'
import { sign } from './signed-data.ts'

const [slot = '9c'] = process.argv.slice(2)
const card = await openCard({ name: 'work' })

class CardSigner extends Signer {
  override sign(octets: Buffer): Promise<Buffer> {
    return sign(card, slot, '27182818', octets)
  }
}

const pdfDoc = await PDFDocument.load(await buffer(process.stdin))
pdflibAddPlaceholder({ pdfDoc, name: 'Maria', reason: 'Agreed', location: 'Oslo', contactInfo: 'maria@example.com' })
const withPlace = await pdfDoc.save({ useObjectStreams: false })
process.stdout.write(await new SignPdf().sign(withPlace, new CardSigner()))
await card.close()
