// OpenSSL's signatures with keys of cards. The digest is made here, all the rest where the card is. What the public
// half does (a public key that was made of such a private key verifies) is left to the default provider.
#pragma once

#include <openssl/core_dispatch.h>

namespace tessera::provider {

extern const OSSL_DISPATCH signature_functions[];

}  // namespace tessera::provider
