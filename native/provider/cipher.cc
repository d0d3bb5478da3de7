#include "cipher.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <algorithm>

#include "context.h"
#include "errors.h"
#include "parameters.h"

namespace tessera::provider {
namespace {

// OpenSSL 3.0 has no name for it in its headers; later ones, and that in Node 20, have it.
constexpr const char* kImplicitRejection = "implicit-rejection";

constexpr Word kPaddings[] = {{RSA_PKCS1_PADDING, OSSL_PKEY_RSA_PAD_MODE_PKCSV15},
                              {RSA_PKCS1_OAEP_PADDING, OSSL_PKEY_RSA_PAD_MODE_OAEP}};

struct Context {
  KeyData key;
  int padding = RSA_PKCS1_PADDING;
  Digest hash;
  std::string mask_hash;
  Bytes label;
  // The default provider's, to encrypt.
  PkeyContext encrypting;
};

void* duplicate(void* raw) {
  return contained<void*>(nullptr, [&] {
    const Context& from = context_in<Context>(raw);
    Digest hash(from.hash && EVP_MD_up_ref(from.hash.get()) == 1 ? from.hash.get() : nullptr);
    PkeyContext encrypting(from.encrypting ? EVP_PKEY_CTX_dup(from.encrypting.get()) : nullptr);
    return new Context{from.key, from.padding, std::move(hash), from.mask_hash, from.label, std::move(encrypting)};
  });
}

bool set(Context& own, const OSSL_PARAM& param) {
  const std::string key = param.key;
  if (key == OSSL_ASYM_CIPHER_PARAM_PAD_MODE) {
    own.padding = number_in(param, kPaddings).value_or(0);
    return own.padding == RSA_PKCS1_PADDING || own.padding == RSA_PKCS1_OAEP_PADDING;
  }
  if (key == OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST) {
    own.hash = hash_named(text_in(param));
    return own.hash != nullptr;
  }
  if (key == OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST) own.mask_hash = text_in(param);
  if (key == OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL) {
    const void* octets = nullptr;
    size_t length = 0;
    if (OSSL_PARAM_get_octet_string_ptr(&param, &octets, &length) != 1) return false;
    const auto* const first = static_cast<const uint8_t*>(octets);
    own.label.assign(first, first + length);
  }
  // There is no other way to decrypt here.
  if (key == kImplicitRejection) return number_in(param, {}).value_or(0) != 0;
  return true;
}

int set_params(void* raw, const OSSL_PARAM params[]) {
  return contained(0, [&] {
    Context& own = context_in<Context>(raw);
    if (own.encrypting) return EVP_PKEY_CTX_set_params(own.encrypting.get(), params);
    for (const OSSL_PARAM* param = params; param != nullptr && param->key != nullptr; ++param) {
      if (!set(own, *param)) return 0;
    }
    return 1;
  });
}

const OSSL_PARAM* settable(void*, void*) {
  static const OSSL_PARAM table[] = {OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, nullptr, 0),
                                     OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, nullptr, 0),
                                     OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, nullptr, 0),
                                     OSSL_PARAM_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, nullptr, 0),
                                     OSSL_PARAM_uint(kImplicitRejection, nullptr),
                                     OSSL_PARAM_END};
  return table;
}

int decrypt_init(void* raw, void* key, const OSSL_PARAM params[]) {
  Context& own = context_in<Context>(raw);
  return take_key(own, key) && own.key->kind() == Kind::kRsa && set_params(raw, params) == 1;
}

std::unique_ptr<Request> request(const Context& own, ByteView ciphertext) {
  auto request = std::make_unique<Request>(Use::kDecrypt);
  request->octets.assign(ciphertext.begin(), ciphertext.end());
  request->padding = "pkcs1";
  if (own.padding != RSA_PKCS1_OAEP_PADDING) return request;
  const Digest sha1 = own.hash ? nullptr : hash_named("SHA1");  // RFC 8017, A.2.1: what it is unless said otherwise
  const EVP_MD* const hash = own.hash ? own.hash.get() : sha1.get();
  if (hash == nullptr || (!own.mask_hash.empty() && EVP_MD_is_a(hash, own.mask_hash.c_str()) != 1)) {
    raise("ERR_NOT_SUPPORTED");
    return nullptr;
  }
  request->padding = "oaep";
  request->hash = name_of(hash);
  request->label = own.label;
  return request;
}

int decrypt(void* raw, uint8_t* to, size_t* length, size_t room, const uint8_t* ciphertext, size_t ciphertext_length) {
  return contained(0, [&] {
    const Context& own = context_in<Context>(raw);
    if (to == nullptr) {
      *length = own.key->size();
      return 1;
    }
    auto wanted = request(own, {ciphertext, ciphertext_length});
    if (!wanted) return 0;
    const auto text = own.key->use(std::move(wanted));
    if (!text || text->size() > room) return 0;
    std::ranges::copy(text->view(), to);
    *length = text->size();
    return 1;
  });
}

int encrypt_init(void* raw, void* key, const OSSL_PARAM params[]) {
  return contained(0, [&] {
    Context& own = context_in<Context>(raw);
    if (!take_key(own, key) || own.key->kind() != Kind::kRsa) return 0;
    auto* const public_half = const_cast<EVP_PKEY*>(own.key->public_half());
    own.encrypting.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, public_half, nullptr));
    return int{own.encrypting && EVP_PKEY_encrypt_init_ex(own.encrypting.get(), params) == 1};
  });
}

int encrypt(void* raw, uint8_t* to, size_t* length, size_t room, const uint8_t* text, size_t text_length) {
  const Context& own = context_in<Context>(raw);
  *length = room;
  return own.encrypting && EVP_PKEY_encrypt(own.encrypting.get(), to, length, text, text_length) == 1;
}

}  // namespace

const OSSL_DISPATCH cipher_functions[] = {row(OSSL_FUNC_ASYM_CIPHER_NEWCTX, make_context<Context>),
                                          row(OSSL_FUNC_ASYM_CIPHER_FREECTX, destroy_context<Context>),
                                          row(OSSL_FUNC_ASYM_CIPHER_DUPCTX, duplicate),
                                          row(OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS, set_params),
                                          row(OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS, settable),
                                          row(OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, decrypt_init),
                                          row(OSSL_FUNC_ASYM_CIPHER_DECRYPT, decrypt),
                                          row(OSSL_FUNC_ASYM_CIPHER_ENCRYPT_INIT, encrypt_init),
                                          row(OSSL_FUNC_ASYM_CIPHER_ENCRYPT, encrypt),
                                          {0, nullptr}};

}  // namespace tessera::provider
