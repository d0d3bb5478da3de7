// Evidence about a key, made now: what a TPM says of it, in one document.
import type { PinPolicy, Slot } from '../piv/slots.ts'
import type { CardAttestor } from '../tpm/attest/index.ts'
import type { Evidence } from './evidence.ts'

/** @throws CardError ERR_KEY_ABSENT, ERR_NOT_SUPPORTED; TpmError */
export async function collectEvidence(
  attestor: Pick<CardAttestor, 'lock' | 'ak' | 'endorsementKeys' | 'certifyKey' | 'certifyPin'>,
  { slot, pinPolicy }: { readonly slot: Slot; readonly pinPolicy: PinPolicy },
  nonce: Uint8Array,
): Promise<Evidence> {
  const ak = await attestor.ak()
  const key = await attestor.certifyKey(slot, nonce)
  const pin = pinPolicy === 'never' ? undefined : await attestor.certifyPin(nonce)
  const ek = await attestor.endorsementKeys()
  return {
    tesseraEvidence: 1,
    lock: attestor.lock,
    slot,
    key,
    ak: { public: ak.public, certificates: [...ak.certificates] },
    ...(pin === undefined ? {} : { pin }),
    ek: ek.flatMap(({ certificate }) => (certificate === undefined ? [] : [{ certificates: [certificate] }])),
  }
}
