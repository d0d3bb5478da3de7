// OpenSSL's objects with owners.
#pragma once

#include <openssl/core_dispatch.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <memory>

namespace tessera::provider {

template <auto free>
struct Freed {
  template <typename Object>
  void operator()(Object* object) const {
    free(object);
  }
};

using Pkey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using KeyManager = std::unique_ptr<EVP_KEYMGMT, Freed<EVP_KEYMGMT_free>>;
using Digest = std::unique_ptr<EVP_MD, Freed<EVP_MD_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;

// Takes what fails meanwhile out of OpenSSL's queue of errors: whoever looks there next would take it for a failure of
// its own.
class WithoutErrors {
 public:
  WithoutErrors() { ERR_set_mark(); }
  ~WithoutErrors() { ERR_pop_to_mark(); }
  WithoutErrors(const WithoutErrors&) = delete;
  WithoutErrors& operator=(const WithoutErrors&) = delete;
};

// A row of a dispatch table.
template <typename Callback>
OSSL_DISPATCH row(int id, Callback* callback) {
  return {id, reinterpret_cast<void (*)()>(callback)};
}

// No exception may pass through OpenSSL.
template <typename Result, typename Work>
Result contained(Result otherwise, const Work& work) noexcept {
  try {
    return work();
  } catch (...) {
    return otherwise;
  }
}

}  // namespace tessera::provider
