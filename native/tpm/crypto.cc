#include "crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <tss2/tss2_tpm2_types.h>

#include <cstring>

#include "../common/failure.h"
#include "marshal.h"
#include "openssl.h"

namespace tessera {
namespace {

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
template <typename T, auto kFree>
using Owned = std::unique_ptr<T, Free<kFree>>;
using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using KeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using CipherContext = Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using Digest = Owned<EVP_MD, EVP_MD_free>;
using DigestContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using Number = Owned<BIGNUM, BN_free>;
using ParamBuild = Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Params = Owned<OSSL_PARAM, OSSL_PARAM_free>;

// For what the storage key of the TPM may be wrong about.
void ensure(bool ok, const char* what) {
  if (!ok) throw Failure(Layer::kSession, 0, "usage", std::string("OpenSSL cannot ") + what + ".");
}

constexpr char kSecretLabel[] = "SECRET";  // its terminating zero is part of OAEP's label too

// Labels of the KDFs end with a zero octet that counts.
ByteView with_zero(const char* label) {
  return {reinterpret_cast<const uint8_t*>(label), std::strlen(label) + 1};
}

Key import_public(const char* type, OSSL_PARAM* params) {
  KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  ensure_openssl(context != nullptr, "use keys of the kind of the storage key");
  ensure(EVP_PKEY_fromdata_init(context.get()) == 1 &&
             EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params) == 1,
         "use the storage key");
  return Key(key);
}

Bytes coordinate(EVP_PKEY* key, const char* name, size_t size) {
  BIGNUM* raw = nullptr;
  ensure(EVP_PKEY_get_bn_param(key, name, &raw) == 1, "read a coordinate");
  const Number number(raw);
  Bytes octets(size);
  ensure_openssl(BN_bn2binpad(number.get(), octets.data(), static_cast<int>(size)) == static_cast<int>(size),
                 "write a coordinate");
  return octets;
}

Bytes padded(const TPM2B_ECC_PARAMETER& value, size_t size) {
  ensure(value.size <= size, "use a coordinate that is too long");
  Bytes octets(size);
  std::memcpy(octets.data() + size - value.size, value.buffer, value.size);
  return octets;
}

Salt salt_by_ecdh(const TPMT_PUBLIC& storage) {
  constexpr size_t kSize = 32;
  ensure(storage.parameters.eccDetail.curveID == TPM2_ECC_NIST_P256, "salt to a curve other than P-256");
  const Bytes x = padded(storage.unique.ecc.x, kSize);
  const Bytes y = padded(storage.unique.ecc.y, kSize);
  const uint8_t uncompressed[] = {0x04};
  Bytes point = join({uncompressed, x, y});
  char group[] = "prime256v1";
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end(),
  };
  const Key peer = import_public("EC", params);
  const Key ephemeral(EVP_EC_gen("P-256"));
  ensure_openssl(ephemeral != nullptr, "make an ephemeral key");
  const Bytes own_x = coordinate(ephemeral.get(), OSSL_PKEY_PARAM_EC_PUB_X, kSize);
  const Bytes own_y = coordinate(ephemeral.get(), OSSL_PKEY_PARAM_EC_PUB_Y, kSize);

  const KeyContext derive(EVP_PKEY_CTX_new(ephemeral.get(), nullptr));
  Secret z(kSize);
  size_t size = kSize;
  ensure(derive && EVP_PKEY_derive_init(derive.get()) == 1 && EVP_PKEY_derive_set_peer(derive.get(), peer.get()) == 1 &&
             EVP_PKEY_derive(derive.get(), z.data(), &size) == 1 && size == kSize,
         "agree on a salt");

  Salt salt;
  salt.value = kdfe(z.view(), kSecretLabel, own_x, x);
  const uint8_t size_of_coordinate[] = {0, kSize};
  salt.encrypted = join({size_of_coordinate, own_x, size_of_coordinate, own_y});  // TPMS_ECC_POINT
  return salt;
}

Salt salt_by_oaep(const TPMT_PUBLIC& storage) {
  const uint32_t exponent = storage.parameters.rsaDetail.exponent == 0 ? 65537 : storage.parameters.rsaDetail.exponent;
  const Number n(BN_bin2bn(storage.unique.rsa.buffer, storage.unique.rsa.size, nullptr));
  const Number e(BN_new());
  const ParamBuild build(OSSL_PARAM_BLD_new());
  ensure(n && e && build && BN_set_word(e.get(), exponent) == 1 &&
             OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
             OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1,
         "use the storage key");
  const Params params(OSSL_PARAM_BLD_to_param(build.get()));
  const Key peer = import_public("RSA", params.get());
  const KeyContext context(EVP_PKEY_CTX_new(peer.get(), nullptr));
  Salt salt;
  Bytes value = random_bytes(kDigest);
  salt.value = Secret(value);
  OPENSSL_cleanse(value.data(), value.size());
  void* label = OPENSSL_memdup(kSecretLabel, sizeof kSecretLabel);  // the context takes it
  size_t size = 0;
  ensure(context && label && EVP_PKEY_encrypt_init(context.get()) == 1 &&
             EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), EVP_sha256()) == 1 &&
             EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), EVP_sha256()) == 1 &&
             EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), label, sizeof kSecretLabel) == 1 &&
             EVP_PKEY_encrypt(context.get(), nullptr, &size, salt.value.data(), kDigest) == 1,
         "encrypt a salt");
  salt.encrypted.resize(size);
  ensure(EVP_PKEY_encrypt(context.get(), salt.encrypted.data(), &size, salt.value.data(), kDigest) == 1,
         "encrypt a salt");
  salt.encrypted.resize(size);
  return salt;
}

constexpr size_t kBlock = 64;  // of SHA-256

// SHA-256 of `first` and then `parts`. The context of a thread is reset after each use, and so contains nothing of the
// previous one.
void hash_into(uint8_t* digest, ByteView first, std::initializer_list<ByteView> parts) {
  static const Digest algorithm(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  thread_local DigestContext context;
  const auto begin = [] {
    return algorithm && context && EVP_DigestInit_ex(context.get(), algorithm.get(), nullptr) == 1;
  };
  if (!context) {
    context.reset(EVP_MD_CTX_new());
    if (!begin()) context.reset();
  }
  bool ok = context && EVP_DigestUpdate(context.get(), first.data(), first.size()) == 1;
  for (const ByteView part : parts) ok = ok && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
  ok = ok && EVP_DigestFinal_ex(context.get(), digest, nullptr) == 1;
  if (!ok || !begin()) context.reset();
  ensure_openssl(ok, "hash");
}

}  // namespace

Bytes random_bytes(size_t size) {
  Bytes octets(size);
  ensure_openssl(RAND_bytes(octets.data(), static_cast<int>(size)) == 1, "make random octets");
  return octets;
}

Bytes sha256(std::initializer_list<ByteView> parts) {
  Bytes digest(kDigest);
  hash_into(digest.data(), {}, parts);
  return digest;
}

// RFC 2104 over the context of this thread: OpenSSL's own HMAC makes three contexts for each call and looks up its
// algorithms again, which takes longer than all the hashing.
Bytes hmac_sha256(ByteView key, std::initializer_list<ByteView> parts) {
  struct Block {
    uint8_t octets[kBlock]{};
    ~Block() { OPENSSL_cleanse(octets, sizeof octets); }
  } inner, outer;
  if (key.size() > kBlock) {
    hash_into(inner.octets, {}, {key});
  } else {
    std::copy(key.begin(), key.end(), inner.octets);
  }
  for (size_t i = 0; i < kBlock; ++i) {
    outer.octets[i] = inner.octets[i] ^ 0x5c;
    inner.octets[i] ^= 0x36;
  }
  Bytes digest(kDigest);
  hash_into(digest.data(), inner.octets, parts);
  hash_into(digest.data(), outer.octets, {digest});
  return digest;
}

bool equal_constant_time(ByteView left, ByteView right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

Secret kdfa(ByteView key, const char* label, ByteView context_u, ByteView context_v, unsigned bits) {
  const Bytes length = big_endian(bits);
  Secret out(bits / 8);
  size_t done = 0;
  for (uint8_t block = 1; done < out.size(); ++block) {
    const uint8_t counter[] = {0, 0, 0, block};
    Bytes digest = hmac_sha256(key, {counter, with_zero(label), context_u, context_v, length});
    const size_t take = std::min(digest.size(), out.size() - done);
    std::memcpy(out.data() + done, digest.data(), take);
    OPENSSL_cleanse(digest.data(), digest.size());
    done += take;
  }
  return out;
}

Secret kdfe(ByteView z, const char* label, ByteView party_u, ByteView party_v) {
  const uint8_t counter[] = {0, 0, 0, 1};
  Bytes digest = sha256({counter, z, with_zero(label), party_u, party_v});
  Secret key(digest);
  OPENSSL_cleanse(digest.data(), digest.size());
  return key;
}

void aes128_cfb(bool encrypt, ByteView key, ByteView iv, uint8_t* data, size_t size) {
  const CipherContext context(EVP_CIPHER_CTX_new());
  int done = 0;
  if (key.size() != 16 || iv.size() != 16) {
    throw Failure(Layer::kSession, 0, "usage", "AES-128-CFB takes a key and an IV of 16 octets.");
  }
  ensure_openssl(
      context && EVP_CipherInit_ex(context.get(), EVP_aes_128_cfb128(), nullptr, key.data(), iv.data(), encrypt) == 1 &&
          EVP_CipherUpdate(context.get(), data, &done, data, static_cast<int>(size)) == 1,
      "encrypt a parameter");
}

Salt make_salt(ByteView public_area) {
  TPM2B_PUBLIC storage{};
  const uint8_t size[] = {uint8_t(public_area.size() >> 8), uint8_t(public_area.size())};
  const Bytes sized = join({size, public_area});
  WireReader reader(sized);
  reader.read(storage);
  reader.end();
  ensure(storage.publicArea.nameAlg == TPM2_ALG_SHA256, "salt to a storage key whose name algorithm is not SHA-256");
  switch (storage.publicArea.type) {
    case TPM2_ALG_ECC:
      return salt_by_ecdh(storage.publicArea);
    case TPM2_ALG_RSA:
      return salt_by_oaep(storage.publicArea);
    default:
      throw Failure(Layer::kSession, 0, "usage", "The storage key is neither ECC nor RSA.");
  }
}

}  // namespace tessera
