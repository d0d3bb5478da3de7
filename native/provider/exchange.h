// OpenSSL's key exchange (ECDH) with EC keys of cards.
#pragma once

#include <openssl/core_dispatch.h>

namespace tessera::provider {

extern const OSSL_DISPATCH exchange_functions[];

}  // namespace tessera::provider
