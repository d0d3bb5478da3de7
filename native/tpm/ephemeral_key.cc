#include "ephemeral_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>

#include "../common/failure.h"
#include "openssl.h"

namespace tessera {
namespace {

constexpr int kSize = 32;

void append(Bytes& octets, const BIGNUM* number) {
  octets.resize(octets.size() + kSize);
  ensure_openssl(BN_bn2binpad(number, octets.data() + octets.size() - kSize, kSize) == kSize, "write a number");
}

}  // namespace

EphemeralKey::EphemeralKey() : key_(EVP_EC_gen("P-256")) {
  ensure_openssl(key_ != nullptr, "make a key");
}

Bytes EphemeralKey::public_point() const {
  if (!key_) throw Failure(Layer::kClosed, 0, "", "The key was burned.");
  Bytes point;
  for (const char* name : {OSSL_PKEY_PARAM_EC_PUB_X, OSSL_PKEY_PARAM_EC_PUB_Y}) {
    BIGNUM* raw = nullptr;
    ensure_openssl(EVP_PKEY_get_bn_param(key_.get(), name, &raw) == 1, "read a coordinate");
    const std::unique_ptr<BIGNUM, decltype(&BN_free)> number(raw, BN_free);
    append(point, number.get());
  }
  return point;
}

Bytes EphemeralKey::sign(ByteView digest) const {
  if (!key_) throw Failure(Layer::kClosed, 0, "", "The key was burned.");
  if (digest.size() != kSize) throw Failure(Layer::kSession, 0, "usage", "An approval is of a SHA-256 digest.");
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(EVP_PKEY_CTX_new(key_.get(), nullptr),
                                                                            EVP_PKEY_CTX_free);
  Bytes der(80);
  size_t size = der.size();
  ensure_openssl(context && EVP_PKEY_sign_init(context.get()) == 1 &&
                     EVP_PKEY_sign(context.get(), der.data(), &size, digest.data(), digest.size()) == 1,
                 "sign an approval");
  const uint8_t* next = der.data();
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> signature(
      d2i_ECDSA_SIG(nullptr, &next, static_cast<long>(size)), ECDSA_SIG_free);
  ensure_openssl(signature != nullptr, "read its own signature");
  Bytes raw;
  append(raw, ECDSA_SIG_get0_r(signature.get()));
  append(raw, ECDSA_SIG_get0_s(signature.get()));
  return raw;
}

}  // namespace tessera
