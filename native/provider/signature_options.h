// How a key of a card is to sign: the hash, and with an RSA key the padding, as OpenSSL's parameters say it.
#pragma once

#include <openssl/params.h>

#include <string>

#include "key.h"

namespace tessera::provider {

class SignatureOptions {
 public:
  SignatureOptions() = default;
  SignatureOptions(const SignatureOptions& other);
  SignatureOptions& operator=(const SignatureOptions&) = delete;

  // False where a parameter has a value that is not known here.
  bool set(const OSSL_PARAM params[]);
  // False where there is no such hash; an empty name is the hash that was set, or SHA-256.
  bool set_hash(const char* name);
  const EVP_MD* hash() const { return hash_.get(); }

  // The request for a signature of that digest. Empty, with an error in OpenSSL's queue, for what no card signs.
  std::unique_ptr<Request> request(const CardKey& key, ByteView digest) const;

  static const OSSL_PARAM* settable();

 private:
  bool set_padding(const OSSL_PARAM& param);
  bool set_salt(const OSSL_PARAM& param);
  // The number of octets, where all of it is possible.
  int salt_length(const CardKey& key, size_t digest) const;

  Digest hash_;
  bool pss_ = false;
  int salt_ = -2;  // octets, or one of OpenSSL's negative numbers for them; RSA_PSS_SALTLEN_AUTO
  std::string mask_hash_;
};

}  // namespace tessera::provider
