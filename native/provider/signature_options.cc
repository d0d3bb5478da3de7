#include "signature_options.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "errors.h"
#include "parameters.h"

namespace tessera::provider {
namespace {

constexpr Word kPaddings[] = {{RSA_PKCS1_PADDING, OSSL_PKEY_RSA_PAD_MODE_PKCSV15},
                              {RSA_PKCS1_PSS_PADDING, OSSL_PKEY_RSA_PAD_MODE_PSS}};
constexpr Word kSalts[] = {{RSA_PSS_SALTLEN_DIGEST, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST},
                           {RSA_PSS_SALTLEN_AUTO, OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO},
                           {RSA_PSS_SALTLEN_MAX, OSSL_PKEY_RSA_PSS_SALT_LEN_MAX}};

}  // namespace

SignatureOptions::SignatureOptions(const SignatureOptions& other)
    : pss_(other.pss_), salt_(other.salt_), mask_hash_(other.mask_hash_) {
  if (other.hash_ && EVP_MD_up_ref(other.hash_.get()) == 1) hash_.reset(other.hash_.get());
}

bool SignatureOptions::set_hash(const char* name) {
  const bool unnamed = name == nullptr || *name == '\0';
  if (unnamed && hash_) return true;
  hash_ = hash_named(unnamed ? "SHA256" : name);
  return hash_ != nullptr;
}

bool SignatureOptions::set(const OSSL_PARAM params[]) {
  for (const OSSL_PARAM* param = params; param != nullptr && param->key != nullptr; ++param) {
    const std::string key = param->key;
    if (key == OSSL_SIGNATURE_PARAM_PAD_MODE && !set_padding(*param)) return false;
    if (key == OSSL_SIGNATURE_PARAM_PSS_SALTLEN && !set_salt(*param)) return false;
    if (key == OSSL_SIGNATURE_PARAM_DIGEST && !set_hash(text_in(*param).c_str())) return false;
    if (key == OSSL_SIGNATURE_PARAM_MGF1_DIGEST) mask_hash_ = text_in(*param);
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
  auto request = std::make_unique<Request>(Use::kSign);
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
