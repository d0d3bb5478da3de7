// From PKCS#8 that names a key of a card to that key: { 0, AlgorithmIdentifier, OCTET STRING "tessera:TOKEN" }. For all
// that Node reads, PKCS#8 is what a private key is, so PEM and DER of a card's key go wherever a key may go.
#pragma once

#include <openssl/core_dispatch.h>

#include "key.h"

namespace tessera::provider {

const OSSL_DISPATCH* decoder(Kind kind);

// `provider_functions`: what OpenSSL gave to the provider.
void use_core(const OSSL_DISPATCH* provider_functions);

}  // namespace tessera::provider
