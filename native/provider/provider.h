// A provider of keys in Node's own OpenSSL: keys of cards, whose private half the card alone has.
#pragma once

namespace tessera::provider {

// Registers it, once for this copy of the addon. False where Node's OpenSSL does not take it, or does not let it serve
// (its configuration may demand properties of every algorithm: FIPS).
bool register_provider();

// Only after `register_provider`. The URIs of keys begin with it (store.h).
const char* provider_name();

// The name of our algorithm for an operation (OSSL_OP_). No other provider may have one of that name, or OpenSSL would
// export the key there.
const char* operation_name(int operation);

}  // namespace tessera::provider
