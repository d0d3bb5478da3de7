#include "parameters.h"

#include <charconv>

namespace tessera::provider {
namespace {

// OpenSSL's names of hashes, and those of src/piv/algorithms.ts.
constexpr struct {
  const char* openssl;
  const char* name;
} kHashes[] = {{"SHA1", "SHA-1"}, {"SHA256", "SHA-256"}, {"SHA384", "SHA-384"}, {"SHA512", "SHA-512"}};

}  // namespace

std::optional<int> number_in(const OSSL_PARAM& param, std::span<const Word> words) {
  int number = 0;
  // By its type first: OpenSSL 3.2 and later queue an error where the type is another one, and TLS takes that for its
  // own.
  if (param.data_type == OSSL_PARAM_INTEGER || param.data_type == OSSL_PARAM_UNSIGNED_INTEGER) {
    return OSSL_PARAM_get_int(&param, &number) == 1 ? std::optional(number) : std::nullopt;
  }
  const std::string text = text_in(param);
  for (const Word& word : words) {
    if (text == word.text) return word.number;
  }
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && at == end ? std::optional(number) : std::nullopt;
}

std::string text_in(const OSSL_PARAM& param) {
  if (param.data_type != OSSL_PARAM_UTF8_STRING && param.data_type != OSSL_PARAM_UTF8_PTR) return "";
  const char* text = nullptr;
  return OSSL_PARAM_get_utf8_string_ptr(&param, &text) == 1 && text != nullptr ? text : "";
}

Digest hash_named(const std::string& name) {
  return Digest(EVP_MD_fetch(nullptr, name.c_str(), nullptr));
}

std::string name_of(const EVP_MD* hash) {
  for (const auto& known : kHashes) {
    if (EVP_MD_is_a(hash, known.openssl) == 1) return known.name;
  }
  return EVP_MD_get0_name(hash);
}

}  // namespace tessera::provider
