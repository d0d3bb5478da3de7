#include "key_management.h"

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>

#include "provider.h"

namespace tessera::provider {
namespace {

const CardKey* key_in(const void* data) {
  return data == nullptr ? nullptr : static_cast<const KeyData*>(data)->get();
}

void* make_empty(void*) {
  return contained<void*>(nullptr, [] { return new KeyData(); });
}

void destroy(void* data) {
  delete static_cast<KeyData*>(data);
}

// `reference` is what the decoder handed out: the address of a KeyData, whose owner is the caller from now on.
void* load(const void* reference, size_t size) {
  if (reference == nullptr || size != sizeof(KeyData*)) return nullptr;
  auto** const slot = static_cast<KeyData**>(const_cast<void*>(reference));
  return std::exchange(*slot, nullptr);
}

void* duplicate(const void* data, int) {
  return contained<void*>(nullptr, [&] { return new KeyData(*static_cast<const KeyData*>(data)); });
}

int has(const void* data, int selection) {
  const CardKey* key = key_in(data);
  return key != nullptr && (key->has_private_half() || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0);
}

int match(const void* left, const void* right, int) {
  const CardKey* one = key_in(left);
  const CardKey* other = key_in(right);
  return one != nullptr && other != nullptr && EVP_PKEY_eq(one->public_half(), other->public_half()) == 1;
}

int validate(const void* data, int, int) {
  return key_in(data) != nullptr;
}

int get_params(void* data, OSSL_PARAM params[]) {
  const CardKey* key = key_in(data);
  return key != nullptr && EVP_PKEY_get_params(key->public_half(), params) == 1;
}

// Whatever is asked for, the public half is what there is. Node 20 takes it for the whole key where it looks at its
// details, and would end the process if it got none.
int export_public(void* data, int, OSSL_CALLBACK* take, void* argument) {
  const CardKey* key = key_in(data);
  return key != nullptr && EVP_PKEY_export(key->public_half(), EVP_PKEY_PUBLIC_KEY, take, argument) == 1;
}

// Of any key the public half: the other side's, for a key exchange with a key of a card. OpenSSL brings all there is.
template <Kind kind>
int import_public(void* data, int, const OSSL_PARAM params[]) {
  return contained(0, [&] {
    prefer_other_key_managers();
    const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, kind == Kind::kEc ? "EC" : "RSA", nullptr));
    EVP_PKEY* made = nullptr;
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, const_cast<OSSL_PARAM*>(params)) != 1) {
      return 0;
    }
    *static_cast<KeyData*>(data) = CardKey::public_only(Pkey(made), kind);
    return 1;
  });
}

#define TESSERA_COMMON                                                                                   \
  OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, nullptr), OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, nullptr), \
      OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, nullptr),                                                 \
      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, nullptr, 0)
#define TESSERA_EC                                                \
  OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0), \
      OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0)
#define TESSERA_RSA OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, nullptr, 0), OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, nullptr, 0)

const OSSL_PARAM ec_exported[] = {TESSERA_EC, OSSL_PARAM_END};
const OSSL_PARAM rsa_exported[] = {TESSERA_RSA, OSSL_PARAM_END};
const OSSL_PARAM ec_gettable[] = {TESSERA_COMMON,
                                  TESSERA_EC,
                                  OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, nullptr, 0),
                                  OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_X, nullptr, 0),
                                  OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_Y, nullptr, 0),
                                  OSSL_PARAM_END};
const OSSL_PARAM rsa_gettable[] = {TESSERA_COMMON, TESSERA_RSA, OSSL_PARAM_END};

template <const OSSL_PARAM* table>
const OSSL_PARAM* params(void*) {
  return table;
}

template <const OSSL_PARAM* table>
const OSSL_PARAM* types(int) {
  return table;
}

template <Kind kind, const OSSL_PARAM* gettable, const OSSL_PARAM* exported>
const OSSL_DISPATCH table[] = {row(OSSL_FUNC_KEYMGMT_NEW, make_empty),
                               row(OSSL_FUNC_KEYMGMT_FREE, destroy),
                               row(OSSL_FUNC_KEYMGMT_LOAD, load),
                               row(OSSL_FUNC_KEYMGMT_DUP, duplicate),
                               row(OSSL_FUNC_KEYMGMT_HAS, has),
                               row(OSSL_FUNC_KEYMGMT_MATCH, match),
                               row(OSSL_FUNC_KEYMGMT_VALIDATE, validate),
                               row(OSSL_FUNC_KEYMGMT_GET_PARAMS, get_params),
                               row(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, params<gettable>),
                               row(OSSL_FUNC_KEYMGMT_IMPORT, import_public<kind>),
                               row(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, types<exported>),
                               row(OSSL_FUNC_KEYMGMT_EXPORT, export_public),
                               row(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, types<exported>),
                               row(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, operation_name),
                               {0, nullptr}};

}  // namespace

const OSSL_DISPATCH* key_management(Kind kind) {
  return kind == Kind::kEc ? table<Kind::kEc, ec_gettable, ec_exported> : table<Kind::kRsa, rsa_gettable, rsa_exported>;
}

int hand_over(std::shared_ptr<CardKey> key, OSSL_CALLBACK* take, void* argument) {
  char ec[] = "EC";
  char rsa[] = "RSA";
  char* const name = key->kind() == Kind::kEc ? ec : rsa;
  auto* reference = new KeyData(std::move(key));
  int type = OSSL_OBJECT_PKEY;
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
      OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, name, 0),
      OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &reference, sizeof reference),
      OSSL_PARAM_construct_end()};
  const int taken = take(params, argument);
  delete reference;  // null where the key manager has it
  return taken;
}

void prefer_other_key_managers() {
  const WithoutErrors quiet;
  for (const char* name : {"EC", "RSA"}) const KeyManager known(EVP_KEYMGMT_fetch(nullptr, name, nullptr));
}

}  // namespace tessera::provider
