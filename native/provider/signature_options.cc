#include "signature_options.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <charconv>
#include <cstring>

#include "errors.h"

namespace tessera::provider {
namespace {

// OpenSSL's names of hashes, and those of src/piv/algorithms.ts.
constexpr struct {
  const char* openssl;
  const char* name;
} kHashes[] = {{"SHA256", "SHA-256"}, {"SHA384", "SHA-384"}, {"SHA512", "SHA-512"}};

std::string name_of(const EVP_MD* hash) {
  for (const auto& known : kHashes) {
    if (EVP_MD_is_a(hash, known.openssl) == 1) return known.name;
  }
  return EVP_MD_get0_name(hash);
}

// OpenSSL's numbers and words for one thing; callers use either.
struct Word {
  int number;
  const char* text;
};
constexpr Word kPaddings[] = {{RSA_PKCS1_PADDING, OSSL_PKEY_RSA_PAD_MODE_PKCSV15},
                              {RSA_PKCS1_PSS_PADDING, OSSL_PKEY_RSA_PAD_MODE_PSS}};
constexpr Word kSalts[] = {{RSA_PSS_SALTLEN_DIGEST, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST},
                           {RSA_PSS_SALTLEN_AUTO, OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO},
                           {RSA_PSS_SALTLEN_MAX, OSSL_PKEY_RSA_PSS_SALT_LEN_MAX}};

// The number that a parameter has, or that its word stands for.
template <size_t count>
std::optional<int> number_in(const OSSL_PARAM& param, const Word (&words)[count]) {
  int number = 0;
  if (OSSL_PARAM_get_int(&param, &number) == 1) return number;
  const char* text = nullptr;
  if (OSSL_PARAM_get_utf8_string_ptr(&param, &text) != 1 || text == nullptr) return std::nullopt;
  for (const Word& word : words) {
    if (std::strcmp(word.text, text) == 0) return word.number;
  }
  const char* const end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, number);
  return error == std::errc() && at == end ? std::optional(number) : std::nullopt;
}

}  // namespace

SignatureOptions::SignatureOptions(const SignatureOptions& other)
    : pss_(other.pss_), salt_(other.salt_), mask_hash_(other.mask_hash_) {
  if (other.hash_ && EVP_MD_up_ref(other.hash_.get()) == 1) hash_.reset(other.hash_.get());
}

bool SignatureOptions::set_hash(const char* name) {
  if (name == nullptr || *name == '\0') {
    if (hash_) return true;
    name = "SHA256";
  }
  hash_.reset(EVP_MD_fetch(nullptr, name, nullptr));
  return hash_ != nullptr;
}

bool SignatureOptions::set(const OSSL_PARAM params[]) {
  for (const OSSL_PARAM* param = params; param != nullptr && param->key != nullptr; ++param) {
    const std::string key = param->key;
    const char* text = nullptr;
    if (key == OSSL_SIGNATURE_PARAM_PAD_MODE && !set_padding(*param)) return false;
    if (key == OSSL_SIGNATURE_PARAM_PSS_SALTLEN && !set_salt(*param)) return false;
    if (key == OSSL_SIGNATURE_PARAM_DIGEST && (OSSL_PARAM_get_utf8_string_ptr(param, &text) != 1 || !set_hash(text))) {
      return false;
    }
    if (key == OSSL_SIGNATURE_PARAM_MGF1_DIGEST) {
      if (OSSL_PARAM_get_utf8_string_ptr(param, &text) != 1 || text == nullptr) return false;
      mask_hash_ = text;
    }
  }
  return true;
}

bool SignatureOptions::set_padding(const OSSL_PARAM& param) {
  const auto number = number_in(param, kPaddings);
  if (number != RSA_PKCS1_PADDING && number != RSA_PKCS1_PSS_PADDING) return false;
  pss_ = number == RSA_PKCS1_PSS_PADDING;
  return true;
}

bool SignatureOptions::set_salt(const OSSL_PARAM& param) {
  const auto number = number_in(param, kSalts);
  if (!number || *number < RSA_PSS_SALTLEN_MAX) return false;
  salt_ = *number;
  return true;
}

int SignatureOptions::salt_length(const CardKey& key, size_t digest) const {
  if (salt_ == RSA_PSS_SALTLEN_DIGEST) return static_cast<int>(digest);
  // RFC 8017, 9.1.1. To sign with `auto` is to sign with the longest.
  if (salt_ < 0) return static_cast<int>(key.size()) - static_cast<int>(digest) - 2;
  return salt_;
}

std::unique_ptr<Request> SignatureOptions::request(const CardKey& key, ByteView digest) const {
  auto request = std::make_unique<Request>();
  request->octets.assign(digest.begin(), digest.end());
  if (hash_) request->hash = name_of(hash_.get());
  if (key.kind() == Kind::kEc) return request;
  const int salt = pss_ ? salt_length(key, digest.size()) : 0;
  const bool other_mask = pss_ && !mask_hash_.empty() && hash_ && EVP_MD_is_a(hash_.get(), mask_hash_.c_str()) != 1;
  if (!hash_ || salt < 0 || other_mask) {
    raise("ERR_NOT_SUPPORTED");
    return nullptr;
  }
  request->padding = pss_ ? "pss" : "pkcs1";
  request->salt_length = static_cast<uint32_t>(salt);
  return request;
}

const OSSL_PARAM* SignatureOptions::settable() {
  static const OSSL_PARAM table[] = {OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, nullptr, 0),
                                     OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, nullptr, 0),
                                     OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, nullptr, 0),
                                     OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, nullptr, 0),
                                     OSSL_PARAM_END};
  return table;
}

}  // namespace tessera::provider
