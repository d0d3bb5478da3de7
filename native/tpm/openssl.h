// What OpenSSL does not do for us: every algorithm that is asked for here is in its default provider.
#pragma once

#include <string>

#include "../common/failure.h"

namespace tessera {

// Throws Failure{kSession, "openssl"} unless `ok`.
inline void ensure_openssl(bool ok, const char* what) {
  if (ok) return;
  throw Failure(Layer::kSession, 0, "openssl",
                std::string("OpenSSL in this process cannot ") + what +
                    ". A setting limits it: OPENSSL_CONF, crypto.setFips or --enable-fips. Tessera needs its default "
                    "provider: start the program without that setting.");
}

}  // namespace tessera
