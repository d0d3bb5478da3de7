#include "engine.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstring>
#include <string_view>

#include "remote_signer.h"

namespace tessera::tls {
namespace {

// --- Parts of OpenSSL that are deprecated since 3.0, and removed in 4.0 --------------------------------------------
// Found by name, so that the addon still loads in a Node without it; the headers hide the types too.

using EC_KEY = struct ec_key_st;
using EC_KEY_METHOD = struct ec_key_method_st;
using ECDSA_SIG = struct ECDSA_SIG_st;
using RSA = struct rsa_st;
using RSA_METHOD = struct rsa_meth_st;
using UiMethod = struct ui_method_st;
using LoadKey = EVP_PKEY*(ENGINE*, const char* identifier, UiMethod*, void* data);
using EcSign = int(int type, const uint8_t* digest, int length, uint8_t* signature, unsigned* size, const BIGNUM*,
                   const BIGNUM*, EC_KEY*);
using EcSetup = int(EC_KEY*, BN_CTX*, BIGNUM**, BIGNUM**);
using EcSignParts = ECDSA_SIG*(const uint8_t* digest, int length, const BIGNUM*, const BIGNUM*, EC_KEY*);
using RsaOperation = int(int length, const uint8_t* from, uint8_t* to, RSA*, int padding);

#define TESSERA_OPENSSL_FUNCTIONS(X)                                               \
  X(ENGINE_new, ENGINE*())                                                         \
  X(ENGINE_free, int(ENGINE*))                                                     \
  X(ENGINE_set_id, int(ENGINE*, const char*))                                      \
  X(ENGINE_set_name, int(ENGINE*, const char*))                                    \
  X(ENGINE_set_load_privkey_function, int(ENGINE*, LoadKey*))                      \
  X(ENGINE_add, int(ENGINE*))                                                      \
  X(EC_KEY_OpenSSL, const EC_KEY_METHOD*())                                        \
  X(EC_KEY_METHOD_new, EC_KEY_METHOD*(const EC_KEY_METHOD*))                       \
  X(EC_KEY_METHOD_set_sign, void(EC_KEY_METHOD*, EcSign*, EcSetup*, EcSignParts*)) \
  X(EC_KEY_set_method, int(EC_KEY*, const EC_KEY_METHOD*))                         \
  X(EC_KEY_set_ex_data, int(EC_KEY*, int, void*))                                  \
  X(EC_KEY_get_ex_data, void*(const EC_KEY*, int))                                 \
  X(EC_KEY_free, void(EC_KEY*))                                                    \
  X(ECDSA_size, int(const EC_KEY*))                                                \
  X(d2i_ECDSA_SIG, ECDSA_SIG*(ECDSA_SIG**, const uint8_t**, long))                 \
  X(d2i_EC_PUBKEY, EC_KEY*(EC_KEY**, const uint8_t**, long))                       \
  X(RSA_get_default_method, const RSA_METHOD*())                                   \
  X(RSA_meth_dup, RSA_METHOD*(const RSA_METHOD*))                                  \
  X(RSA_meth_set_priv_enc, int(RSA_METHOD*, RsaOperation*))                        \
  X(RSA_meth_set_priv_dec, int(RSA_METHOD*, RsaOperation*))                        \
  X(RSA_set_method, int(RSA*, const RSA_METHOD*))                                  \
  X(RSA_set_ex_data, int(RSA*, int, void*))                                        \
  X(RSA_get_ex_data, void*(const RSA*, int))                                       \
  X(RSA_free, void(RSA*))                                                          \
  X(RSA_size, int(const RSA*))                                                     \
  X(d2i_RSA_PUBKEY, RSA*(RSA**, const uint8_t**, long))                            \
  X(EVP_PKEY_assign, int(EVP_PKEY*, int, void*))

struct OpenSsl {
#define TESSERA_MEMBER(name, type) \
  using name##_type = type;        \
  name##_type* name = nullptr;
  TESSERA_OPENSSL_FUNCTIONS(TESSERA_MEMBER)
#undef TESSERA_MEMBER

  bool load() {
    bool all = true;
#define TESSERA_LOOK_UP(function, type)                                          \
  function = reinterpret_cast<function##_type*>(dlsym(RTLD_DEFAULT, #function)); \
  all = all && function != nullptr;
    TESSERA_OPENSSL_FUNCTIONS(TESSERA_LOOK_UP)
#undef TESSERA_LOOK_UP
    return all;
  }
};

constexpr int kNoPadding = 3;     // RSA_NO_PADDING
constexpr int kPkcs1Padding = 1;  // RSA_PKCS1_PADDING

// Written once, by register_engine, before anything reads them; never freed, since OpenSSL keeps them.
OpenSsl ssl;
EC_KEY_METHOD* ec_method = nullptr;
RSA_METHOD* rsa_method = nullptr;
int ec_index = -1;
int rsa_index = -1;

// --- A key: what it asks for, and on behalf of which connection ----------------------------------------------------

struct Holder {
  std::shared_ptr<RemoteSigner> signer;
  uint32_t connection;

  std::optional<Bytes> sign(Kind kind, ByteView octets) const { return signer->sign(connection, kind, octets); }
};

void free_holder(void*, void* raw, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<Holder*>(raw);
}

int copy_holder(CRYPTO_EX_DATA*, const CRYPTO_EX_DATA*, void** raw, int, long, void*) {
  if (*raw != nullptr) *raw = new Holder(*static_cast<Holder*>(*raw));
  return 1;
}

// No exception may pass through OpenSSL.
template <typename Result, typename Work>
Result contained(Result otherwise, const Work& work) noexcept {
  try {
    return work();
  } catch (...) {
    return otherwise;
  }
}

std::optional<Bytes> ec_signature(const EC_KEY* key, const uint8_t* digest, int length) {
  const auto* holder = static_cast<const Holder*>(ssl.EC_KEY_get_ex_data(key, ec_index));
  if (holder == nullptr || length <= 0) return std::nullopt;
  auto signature = holder->sign(Kind::kDigest, {digest, static_cast<size_t>(length)});
  if (signature && signature->size() > static_cast<size_t>(ssl.ECDSA_size(key))) return std::nullopt;
  return signature;
}

int ec_sign(int, const uint8_t* digest, int length, uint8_t* to, unsigned* size, const BIGNUM*, const BIGNUM*,
            EC_KEY* key) {
  return contained(0, [&] {
    const auto signature = ec_signature(key, digest, length);
    if (!signature) return 0;
    std::copy(signature->begin(), signature->end(), to);
    *size = static_cast<unsigned>(signature->size());
    return 1;
  });
}

ECDSA_SIG* ec_sign_parts(const uint8_t* digest, int length, const BIGNUM*, const BIGNUM*, EC_KEY* key) {
  return contained<ECDSA_SIG*>(nullptr, [&]() -> ECDSA_SIG* {
    const auto signature = ec_signature(key, digest, length);
    if (!signature) return nullptr;
    const uint8_t* at = signature->data();
    return ssl.d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(signature->size()));
  });
}

// EMSA-PKCS1-v1_5 without its hash, RFC 8017, 9.2; empty where the text is too long.
Bytes pkcs1_block(ByteView text, size_t size) {
  if (text.size() + 11 > size) return {};
  Bytes block(size, 0xff);
  block[0] = 0x00;
  block[1] = 0x01;
  block[size - text.size() - 1] = 0x00;
  std::copy(text.begin(), text.end(), block.end() - static_cast<ptrdiff_t>(text.size()));
  return block;
}

// The private operation on a block. For PSS, OpenSSL has padded already; for PKCS#1 it leaves the padding to us.
int rsa_private(int length, const uint8_t* from, uint8_t* to, RSA* key, int padding) {
  return contained(-1, [&] {
    const auto* holder = static_cast<const Holder*>(ssl.RSA_get_ex_data(key, rsa_index));
    const auto size = static_cast<size_t>(ssl.RSA_size(key));
    if (holder == nullptr || length <= 0) return -1;
    const ByteView text(from, static_cast<size_t>(length));
    Bytes block;
    if (padding == kPkcs1Padding) block = pkcs1_block(text, size);
    if (padding == kNoPadding) block.assign(text.begin(), text.end());
    if (block.size() != size) return -1;
    const auto signature = holder->sign(Kind::kBlock, block);
    if (!signature || signature->size() != size) return -1;
    std::copy(signature->begin(), signature->end(), to);
    return static_cast<int>(size);
  });
}

// TLS without forward secrecy would decrypt with the key, which it must not be used for.
int rsa_refused(int, const uint8_t*, uint8_t*, RSA*, int) {
  return -1;
}

// --- From an identifier to a key -----------------------------------------------------------------------------------

bool take_number(std::string_view& text, char end, uint32_t& number) {
  const size_t at = end == '\0' ? text.size() : text.find(end);
  if (at == std::string_view::npos || at == 0 || at > 10) return false;
  uint64_t value = 0;
  for (const char digit : text.substr(0, at)) {
    if (digit < '0' || digit > '9') return false;
    value = value * 10 + static_cast<uint64_t>(digit - '0');
  }
  if (value > UINT32_MAX) return false;
  number = static_cast<uint32_t>(value);
  text.remove_prefix(std::min(at + 1, text.size()));
  return true;
}

// `key` becomes part of the answer, or is freed by the caller.
EVP_PKEY* wrap(int type, void* key) {
  EVP_PKEY* pkey = EVP_PKEY_new();
  if (pkey != nullptr && ssl.EVP_PKEY_assign(pkey, type, key) == 1) return pkey;
  EVP_PKEY_free(pkey);
  return nullptr;
}

// Whether the key has the holder from now on.
template <typename Key, typename Set>
bool hand_over(std::unique_ptr<Holder>& holder, Key* key, int index, Set set) {
  if (set(key, index, holder.get()) != 1) return false;
  static_cast<void>(holder.release());
  return true;
}

EVP_PKEY* ec_key(const Bytes& spki, std::unique_ptr<Holder> holder) {
  const uint8_t* at = spki.data();
  EC_KEY* key = ssl.d2i_EC_PUBKEY(nullptr, &at, static_cast<long>(spki.size()));
  if (key == nullptr) return nullptr;
  EVP_PKEY* pkey = nullptr;
  if (ssl.EC_KEY_set_method(key, ec_method) == 1 && hand_over(holder, key, ec_index, ssl.EC_KEY_set_ex_data)) {
    pkey = wrap(EVP_PKEY_EC, key);
  }
  if (pkey == nullptr) ssl.EC_KEY_free(key);
  return pkey;
}

EVP_PKEY* rsa_key(const Bytes& spki, std::unique_ptr<Holder> holder) {
  const uint8_t* at = spki.data();
  RSA* key = ssl.d2i_RSA_PUBKEY(nullptr, &at, static_cast<long>(spki.size()));
  if (key == nullptr) return nullptr;
  EVP_PKEY* pkey = nullptr;
  if (ssl.RSA_set_method(key, rsa_method) == 1 && hand_over(holder, key, rsa_index, ssl.RSA_set_ex_data)) {
    pkey = wrap(EVP_PKEY_RSA, key);
  }
  if (pkey == nullptr) ssl.RSA_free(key);
  return pkey;
}

EVP_PKEY* load_key(ENGINE*, const char* identifier, UiMethod*, void*) {
  return contained<EVP_PKEY*>(nullptr, [&]() -> EVP_PKEY* {
    std::string_view text(identifier == nullptr ? "" : identifier);
    uint32_t number = 0;
    uint32_t connection = 0;
    if (!take_number(text, '.', number) || !take_number(text, '\0', connection)) return nullptr;
    std::shared_ptr<RemoteSigner> signer = find_signer(number);
    if (!signer) return nullptr;
    const Bytes& spki = signer->spki();
    const uint8_t* at = spki.data();
    EVP_PKEY* key = d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size()));
    if (key == nullptr) return nullptr;
    const int type = EVP_PKEY_get_base_id(key);
    EVP_PKEY_free(key);
    auto holder = std::make_unique<Holder>(Holder{std::move(signer), connection});
    if (type == EVP_PKEY_EC) return ec_key(spki, std::move(holder));
    return type == EVP_PKEY_RSA ? rsa_key(spki, std::move(holder)) : nullptr;
  });
}

// The engine's name. Another copy of the addon in this process, of another version, already has the first name.
const char* add(ENGINE* engine) {
  for (const char* id : {"tessera", "tessera-2", "tessera-3", "tessera-4"}) {
    ERR_set_mark();
    const bool added = ssl.ENGINE_set_id(engine, id) == 1 && ssl.ENGINE_add(engine) == 1;
    ERR_pop_to_mark();
    if (added) return id;
  }
  return nullptr;
}

const char* set_up() {
  if (!ssl.load()) return nullptr;
  ec_index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_EC_KEY, 0, nullptr, nullptr, copy_holder, free_holder);
  rsa_index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_RSA, 0, nullptr, nullptr, copy_holder, free_holder);
  ec_method = ssl.EC_KEY_METHOD_new(ssl.EC_KEY_OpenSSL());
  rsa_method = ssl.RSA_meth_dup(ssl.RSA_get_default_method());
  ENGINE* engine = ssl.ENGINE_new();
  if (ec_index < 0 || rsa_index < 0 || !ec_method || !rsa_method || !engine) return nullptr;
  ssl.EC_KEY_METHOD_set_sign(ec_method, ec_sign, nullptr, ec_sign_parts);
  const bool made = ssl.RSA_meth_set_priv_enc(rsa_method, rsa_private) == 1 &&
                    ssl.RSA_meth_set_priv_dec(rsa_method, rsa_refused) == 1 &&
                    ssl.ENGINE_set_name(engine, "Keys of cards, for TLS") == 1 &&
                    ssl.ENGINE_set_load_privkey_function(engine, load_key) == 1;
  const char* id = made ? add(engine) : nullptr;
  ssl.ENGINE_free(engine);  // the list has one of its own
  return id;
}

}  // namespace

const char* register_engine() {
  static const char* const id = set_up();
  return id;
}

}  // namespace tessera::tls
