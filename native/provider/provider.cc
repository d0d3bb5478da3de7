#include "provider.h"

#include <openssl/provider.h>

#include <string>

#include "decoder.h"
#include "key_management.h"
#include "openssl.h"
#include "signature.h"

namespace tessera::provider {
namespace {

using Signature = std::unique_ptr<EVP_SIGNATURE, Freed<EVP_SIGNATURE_free>>;

// Written before the provider is loaded; OpenSSL keeps what they point to.
std::string name;
std::string signature;
std::string property;
std::string decoder_property;
bool initialized = false;

constexpr const char* kEcNames = "EC:id-ecPublicKey:1.2.840.10045.2.1";
constexpr const char* kRsaNames = "RSA:rsaEncryption:1.2.840.113549.1.1.1";

template <const OSSL_DISPATCH* (*functions)(Kind)>
const OSSL_ALGORITHM* by_kind(const std::string& properties) {
  static const OSSL_ALGORITHM table[] = {{kEcNames, properties.c_str(), functions(Kind::kEc), ""},
                                         {kRsaNames, properties.c_str(), functions(Kind::kRsa), ""},
                                         {nullptr, nullptr, nullptr, nullptr}};
  return table;
}

const OSSL_ALGORITHM* signatures() {
  static const OSSL_ALGORITHM table[] = {{signature.c_str(), property.c_str(), signature_functions, ""},
                                         {nullptr, nullptr, nullptr, nullptr}};
  return table;
}

const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) {
  *no_cache = 0;
  switch (operation) {
    case OSSL_OP_KEYMGMT:
      return by_kind<key_management>(property);
    case OSSL_OP_SIGNATURE:
      return signatures();
    case OSSL_OP_DECODER:
      return by_kind<decoder>(decoder_property);
    default:
      return nullptr;
  }
}

int initialize(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* core, const OSSL_DISPATCH** out, void** context) {
  static const OSSL_DISPATCH functions[] = {row(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query), {0, nullptr}};
  use_core(core);
  initialized = true;
  *out = functions;
  *context = const_cast<OSSL_CORE_HANDLE*>(handle);
  return 1;
}

bool load(const std::string& wanted) {
  // Another copy of the addon in this process has the name.
  if (OSSL_PROVIDER_available(nullptr, wanted.c_str()) == 1) return false;
  name = wanted;
  property = "provider=" + wanted;
  decoder_property = property + ",input=der,structure=PrivateKeyInfo";
  signature = wanted + "-signature";
  // OpenSSL loads the default provider by itself as long as no other is loaded: from now on it stays.
  constexpr int kKeepDefault = 1;
  return OSSL_PROVIDER_add_builtin(nullptr, name.c_str(), initialize) == 1 &&
         OSSL_PROVIDER_try_load(nullptr, name.c_str(), kKeepDefault) != nullptr && initialized;
}

bool set_up() {
  prefer_other_key_managers();
  for (const char* wanted : {"tessera", "tessera-2", "tessera-3", "tessera-4"}) {
    if (!load(wanted)) continue;
    return Signature(EVP_SIGNATURE_fetch(nullptr, signature_name(), nullptr)) != nullptr;
  }
  return false;
}

}  // namespace

bool register_provider() {
  static const bool registered = set_up();
  return registered;
}

const char* signature_name() {
  return signature.c_str();
}

}  // namespace tessera::provider
