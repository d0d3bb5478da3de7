// What OpenSSL keeps of one operation with a key, between the calls of a dispatch table: each operation has a Context
// of its own, whose member `key` is the key.
#pragma once

#include "key_management.h"
#include "openssl.h"

namespace tessera::provider {

template <typename Context>
Context& context_in(void* raw) {
  return *static_cast<Context*>(raw);
}

// `Options` is what OpenSSL hands to the operation beside the provider.
template <typename Context, typename... Options>
void* make_context(void*, Options...) {
  return contained<void*>(nullptr, [] { return new Context(); });
}

template <typename Context>
void destroy_context(void* raw) {
  delete static_cast<Context*>(raw);
}

// OpenSSL gives no key where the context has one already.
template <typename Context>
bool take_key(Context& own, void* key) {
  if (key != nullptr) own.key = *static_cast<KeyData*>(key);
  return own.key != nullptr;
}

}  // namespace tessera::provider
