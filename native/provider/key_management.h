// Keys of cards as OpenSSL's keys of the types EC and RSA. Everything that can be known of them is known of their
// public half, which the default provider has.
#pragma once

#include "key.h"

namespace tessera::provider {

// The object behind OpenSSL's pointer to a key; empty where OpenSSL made it by itself.
using KeyData = std::shared_ptr<CardKey>;

const OSSL_DISPATCH* key_management(Kind kind);

// OpenSSL takes the first key manager that it has got to know for the one that nobody names a provider for. Called
// before it gets to know ours, again and again: other providers come and go.
void prefer_other_key_managers();

// Gives OpenSSL the key, as decoders and stores do. What `take` answers.
int hand_over(std::shared_ptr<CardKey> key, OSSL_CALLBACK* take, void* argument);

}  // namespace tessera::provider
