// The key K of the lock: made at a card's creation, signs the approvals, and is destroyed before creation returns.
#pragma once

#include <openssl/evp.h>

#include <memory>

#include "transport.h"

namespace tessera {

class EphemeralKey {
 public:
  EphemeralKey();  // a fresh P-256 key

  // X and Y, 32 octets each.
  Bytes public_point() const;
  // ECDSA over a digest of 32 octets: r || s, 32 octets each. Throws Failure{kClosed} once burned.
  Bytes sign(ByteView digest) const;
  // Overwrites the private half. This cannot be undone.
  void burn() { key_.reset(); }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }  // clears the private number
  };
  std::unique_ptr<EVP_PKEY, Free> key_;
};

}  // namespace tessera
