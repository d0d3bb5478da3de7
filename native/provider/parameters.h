// What OpenSSL's parameters say: hashes by name, numbers that may also be words.
#pragma once

#include <openssl/params.h>

#include <optional>
#include <span>
#include <string>

#include "openssl.h"

namespace tessera::provider {

// OpenSSL's numbers and words for one thing; callers use either.
struct Word {
  int number;
  const char* text;
};

// The number that a parameter has, or that its word stands for.
std::optional<int> number_in(const OSSL_PARAM& param, std::span<const Word> words);

// The text of a parameter; empty where it has none.
std::string text_in(const OSSL_PARAM& param);

// The hash of that name; empty where there is none.
Digest hash_named(const std::string& name);

// As src/piv/algorithms.ts names it; OpenSSL's name for hashes that are not there.
std::string name_of(const EVP_MD* hash);

}  // namespace tessera::provider
