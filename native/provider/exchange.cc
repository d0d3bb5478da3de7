#include "exchange.h"

#include <openssl/x509.h>

#include <algorithm>

#include "context.h"

namespace tessera::provider {
namespace {

struct Context {
  KeyData key;
  // The public key of the other side, which OpenSSL has brought to this provider: another card's, or an ordinary one.
  KeyData peer;
};

void* duplicate(void* raw) {
  return contained<void*>(nullptr, [&] { return new Context(context_in<Context>(raw)); });
}

int init(void* raw, void* key, const OSSL_PARAM[]) {
  Context& own = context_in<Context>(raw);
  return take_key(own, key) && own.key->kind() == Kind::kEc;
}

int set_peer(void* raw, void* peer) {
  Context& own = context_in<Context>(raw);
  own.peer = *static_cast<KeyData*>(peer);
  return own.peer != nullptr && EVP_PKEY_parameters_eq(own.key->public_half(), own.peer->public_half()) == 1;
}

Bytes spki_of(const CardKey& key) {
  uint8_t* der = nullptr;
  const int length = i2d_PUBKEY(key.public_half(), &der);
  if (length <= 0) return {};
  const Bytes octets(der, der + length);
  OPENSSL_free(der);
  return octets;
}

int derive(void* raw, uint8_t* to, size_t* length, size_t room) {
  return contained(0, [&] {
    const Context& own = context_in<Context>(raw);
    if (!own.peer) return 0;
    const size_t size = (static_cast<size_t>(EVP_PKEY_get_bits(own.key->public_half())) + 7) / 8;
    *length = size;
    if (to == nullptr) return 1;
    auto request = std::make_unique<Request>(Use::kDerive);
    request->octets = spki_of(*own.peer);
    const auto secret = own.key->use(std::move(request));
    if (!secret || secret->size() != size || size > room) return 0;
    std::ranges::copy(secret->view(), to);
    return 1;
  });
}

}  // namespace

const OSSL_DISPATCH exchange_functions[] = {row(OSSL_FUNC_KEYEXCH_NEWCTX, make_context<Context>),
                                            row(OSSL_FUNC_KEYEXCH_FREECTX, destroy_context<Context>),
                                            row(OSSL_FUNC_KEYEXCH_DUPCTX, duplicate),
                                            row(OSSL_FUNC_KEYEXCH_INIT, init),
                                            row(OSSL_FUNC_KEYEXCH_SET_PEER, set_peer),
                                            row(OSSL_FUNC_KEYEXCH_DERIVE, derive),
                                            {0, nullptr}};

}  // namespace tessera::provider
