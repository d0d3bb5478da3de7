#include "signature.h"

#include <algorithm>
#include <utility>

#include "context.h"
#include "signature_options.h"

namespace tessera::provider {
namespace {

struct Context {
  KeyData key;
  SignatureOptions options;
  DigestContext hashing;
  // The default provider's contexts, of which one is used to verify.
  DigestContext verifying_message;
  PkeyContext verifying_digest;
};

DigestContext copy_of(const DigestContext& from) {
  if (!from) return nullptr;
  DigestContext copy(EVP_MD_CTX_new());
  if (!copy || EVP_MD_CTX_copy_ex(copy.get(), from.get()) != 1) throw std::bad_alloc();
  return copy;
}

void* duplicate(void* raw) {
  return contained<void*>(nullptr, [&] {
    const Context& from = context_in<Context>(raw);
    PkeyContext digest(from.verifying_digest ? EVP_PKEY_CTX_dup(from.verifying_digest.get()) : nullptr);
    return new Context{from.key, from.options, copy_of(from.hashing), copy_of(from.verifying_message),
                       std::move(digest)};
  });
}

// The public half, for functions of OpenSSL that leave it as it is and still take no const.
EVP_PKEY* public_half(const Context& own) {
  return const_cast<EVP_PKEY*>(own.key->public_half());
}

int set_params(void* raw, const OSSL_PARAM params[]) {
  return contained(0, [&] {
    Context& own = context_in<Context>(raw);
    if (own.verifying_digest) return EVP_PKEY_CTX_set_params(own.verifying_digest.get(), params);
    if (own.verifying_message) {
      return EVP_PKEY_CTX_set_params(EVP_MD_CTX_get_pkey_ctx(own.verifying_message.get()), params);
    }
    return int{own.options.set(params)};
  });
}

const OSSL_PARAM* settable(void*, void*) {
  return SignatureOptions::settable();
}

// --- Signing -------------------------------------------------------------------------------------------------------

int sign_init(void* raw, void* key, const OSSL_PARAM params[]) {
  return contained(0, [&] {
    Context& own = context_in<Context>(raw);
    return int{take_key(own, key) && own.options.set(params)};
  });
}

// The last signature of a message in this thread, where the card refused it.
struct Refused {
  const CardKey* key = nullptr;
  Bytes digest;
};
thread_local Refused refused;

int sign_digest(const Context& own, uint8_t* to, size_t* length, size_t room, ByteView digest) {
  auto request = own.options.request(*own.key, digest);
  if (!request) return 0;
  const auto signature = own.key->use(std::move(request));
  // Every signature of RSA has the same length, those of ECDSA have a longest one.
  const size_t longest = own.key->size();
  if (!signature || signature->size() > std::min(room, longest)) return 0;
  if (own.key->kind() == Kind::kRsa && signature->size() != longest) return 0;
  std::copy(signature->view().begin(), signature->view().end(), to);
  *length = signature->size();
  return 1;
}

int signature_size(const Context& own, size_t* length) {
  *length = own.key->size();
  return 1;
}

int sign(void* raw, uint8_t* to, size_t* length, size_t room, const uint8_t* digest, size_t digest_length) {
  return contained(0, [&] {
    const Context& own = context_in<Context>(raw);
    if (to == nullptr) return signature_size(own, length);
    const ByteView octets(digest, digest_length);
    // Node 24 tries this where the signature of a message failed. A PIN that was wrong must not cost another try.
    const Refused before = std::exchange(refused, {});
    if (before.key == own.key.get() && std::ranges::equal(before.digest, octets)) return 0;
    return sign_digest(own, to, length, room, octets);
  });
}

int digest_sign_init(void* raw, const char* hash, void* key, const OSSL_PARAM params[]) {
  return contained(0, [&] {
    Context& own = context_in<Context>(raw);
    refused = {};
    if (!take_key(own, key) || !own.options.set(params) || !own.options.set_hash(hash)) return 0;
    own.hashing.reset(EVP_MD_CTX_new());
    return int{own.hashing && EVP_DigestInit_ex2(own.hashing.get(), own.options.hash(), nullptr) == 1};
  });
}

int digest_sign_update(void* raw, const uint8_t* octets, size_t length) {
  const Context& own = context_in<Context>(raw);
  return own.hashing && EVP_DigestUpdate(own.hashing.get(), octets, length) == 1;
}

int digest_sign_final(void* raw, uint8_t* to, size_t* length, size_t room) {
  return contained(0, [&] {
    const Context& own = context_in<Context>(raw);
    if (to == nullptr) return signature_size(own, length);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (!own.hashing || EVP_DigestFinal_ex(own.hashing.get(), digest, &size) != 1) return 0;
    const int done = sign_digest(own, to, length, room, {digest, size});
    if (done == 0) refused = {own.key.get(), Bytes(digest, digest + size)};
    return done;
  });
}

// --- Verifying -----------------------------------------------------------------------------------------------------

int verify_init(void* raw, void* key, const OSSL_PARAM params[]) {
  return contained(0, [&] {
    Context& own = context_in<Context>(raw);
    if (!take_key(own, key)) return 0;
    own.verifying_digest.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, public_half(own), nullptr));
    return int{own.verifying_digest && EVP_PKEY_verify_init_ex(own.verifying_digest.get(), params) == 1};
  });
}

int verify(void* raw, const uint8_t* signature, size_t length, const uint8_t* digest, size_t digest_length) {
  const Context& own = context_in<Context>(raw);
  return own.verifying_digest &&
         EVP_PKEY_verify(own.verifying_digest.get(), signature, length, digest, digest_length) == 1;
}

int digest_verify_init(void* raw, const char* hash, void* key, const OSSL_PARAM params[]) {
  return contained(0, [&] {
    Context& own = context_in<Context>(raw);
    if (!take_key(own, key)) return 0;
    own.verifying_message.reset(EVP_MD_CTX_new());
    return int{own.verifying_message && EVP_DigestVerifyInit_ex(own.verifying_message.get(), nullptr, hash, nullptr,
                                                                nullptr, public_half(own), params) == 1};
  });
}

int digest_verify_update(void* raw, const uint8_t* octets, size_t length) {
  const Context& own = context_in<Context>(raw);
  return own.verifying_message && EVP_DigestVerifyUpdate(own.verifying_message.get(), octets, length) == 1;
}

int digest_verify_final(void* raw, const uint8_t* signature, size_t length) {
  const Context& own = context_in<Context>(raw);
  return own.verifying_message && EVP_DigestVerifyFinal(own.verifying_message.get(), signature, length) == 1;
}

}  // namespace

const OSSL_DISPATCH signature_functions[] = {row(OSSL_FUNC_SIGNATURE_NEWCTX, (make_context<Context, const char*>)),
                                             row(OSSL_FUNC_SIGNATURE_FREECTX, destroy_context<Context>),
                                             row(OSSL_FUNC_SIGNATURE_DUPCTX, duplicate),
                                             row(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, set_params),
                                             row(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, settable),
                                             row(OSSL_FUNC_SIGNATURE_SIGN_INIT, sign_init),
                                             row(OSSL_FUNC_SIGNATURE_SIGN, sign),
                                             row(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, digest_sign_init),
                                             row(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, digest_sign_update),
                                             row(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, digest_sign_final),
                                             row(OSSL_FUNC_SIGNATURE_VERIFY_INIT, verify_init),
                                             row(OSSL_FUNC_SIGNATURE_VERIFY, verify),
                                             row(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, digest_verify_init),
                                             row(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, digest_verify_update),
                                             row(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, digest_verify_final),
                                             {0, nullptr}};

}  // namespace tessera::provider
