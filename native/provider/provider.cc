#include "provider.h"

#include <openssl/provider.h>

#include <string>

#include "cipher.h"
#include "decoder.h"
#include "exchange.h"
#include "key_management.h"
#include "openssl.h"
#include "signature.h"
#include "store.h"

namespace tessera::provider {
namespace {

using Signature = std::unique_ptr<EVP_SIGNATURE, Freed<EVP_SIGNATURE_free>>;

// Written before the provider is loaded; OpenSSL keeps what they point to.
std::string name;
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

// The scheme of URIs is the provider's name.
const OSSL_ALGORITHM* store() {
  static const OSSL_ALGORITHM table[] = {{name.c_str(), property.c_str(), store_functions, ""},
                                         {nullptr, nullptr, nullptr, nullptr}};
  return table;
}

// What a key is used for, each with a name of its own.
struct Operation {
  int id;
  const char* suffix;
  const OSSL_DISPATCH* functions;
  std::string name;
  OSSL_ALGORITHM table[2];
} operations[] = {{OSSL_OP_SIGNATURE, "-signature", signature_functions, {}, {}},
                  {OSSL_OP_ASYM_CIPHER, "-cipher", cipher_functions, {}, {}},
                  {OSSL_OP_KEYEXCH, "-exchange", exchange_functions, {}, {}}};

const Operation* operation(int id) {
  for (const Operation& one : operations) {
    if (one.id == id) return &one;
  }
  return nullptr;
}

const OSSL_ALGORITHM* query(void*, int id, int* no_cache) {
  *no_cache = 0;
  if (id == OSSL_OP_KEYMGMT) return by_kind<key_management>(property);
  if (id == OSSL_OP_DECODER) return by_kind<decoder>(decoder_property);
  if (id == OSSL_OP_STORE) return store();
  const Operation* const known = operation(id);
  return known == nullptr ? nullptr : known->table;
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
  for (Operation& one : operations) {
    one.name = wanted + one.suffix;
    one.table[0] = {one.name.c_str(), property.c_str(), one.functions, ""};
  }
  // OpenSSL loads the default provider by itself as long as no other is loaded: from now on it stays.
  constexpr int kKeepDefault = 1;
  return OSSL_PROVIDER_add_builtin(nullptr, name.c_str(), initialize) == 1 &&
         OSSL_PROVIDER_try_load(nullptr, name.c_str(), kKeepDefault) != nullptr && initialized;
}

bool set_up() {
  const WithoutErrors quiet;
  prefer_other_key_managers();
  for (const char* wanted : {"tessera", "tessera-2", "tessera-3", "tessera-4"}) {
    if (!load(wanted)) continue;
    return Signature(EVP_SIGNATURE_fetch(nullptr, operation_name(OSSL_OP_SIGNATURE), nullptr)) != nullptr;
  }
  return false;
}

}  // namespace

bool register_provider() {
  static const bool registered = set_up();
  return registered;
}

const char* provider_name() {
  return name.c_str();
}

const char* operation_name(int id) {
  const Operation* const known = operation(id);
  return known == nullptr ? nullptr : known->name.c_str();
}

}  // namespace tessera::provider
