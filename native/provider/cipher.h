// OpenSSL's decryption with RSA keys of cards. What the public half does, to encrypt, is left to the default provider.
#pragma once

#include <openssl/core_dispatch.h>

namespace tessera::provider {

extern const OSSL_DISPATCH cipher_functions[];

}  // namespace tessera::provider
