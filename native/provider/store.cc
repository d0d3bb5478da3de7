#include "store.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <string_view>

#include "key_management.h"
#include "provider.h"

namespace tessera::provider {
namespace {

// What a URI stands for: one key, or none.
struct Opened {
  std::shared_ptr<CardKey> key;
  bool at_end = false;
};

void* open(void*, const char* uri) {
  return contained<void*>(nullptr, [&]() -> void* {
    const std::string prefix = std::string(provider_name()) + ':';
    const std::string_view text(uri);
    if (!text.starts_with(prefix)) return nullptr;
    auto key = CardKey::named(std::string(text.substr(prefix.size())));
    return key ? new Opened{std::move(key)} : nullptr;
  });
}

int load(void* context, OSSL_CALLBACK* take, void* argument, OSSL_PASSPHRASE_CALLBACK*, void*) {
  return contained(0, [&] {
    auto* const opened = static_cast<Opened*>(context);
    opened->at_end = true;
    prefer_other_key_managers();
    return hand_over(opened->key, take, argument);
  });
}

int eof(void* context) {
  return static_cast<Opened*>(context)->at_end ? 1 : 0;
}

int close(void* context) {
  delete static_cast<Opened*>(context);
  return 1;
}

const OSSL_PARAM* settable(void*) {
  static const OSSL_PARAM table[] = {OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, nullptr),
                                     OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_PROPERTIES, nullptr, 0), OSSL_PARAM_END};
  return table;
}

// What is expected does not matter: there is nothing but the key.
int set_params(void*, const OSSL_PARAM*) {
  return 1;
}

}  // namespace

const OSSL_DISPATCH store_functions[] = {row(OSSL_FUNC_STORE_OPEN, open),
                                         row(OSSL_FUNC_STORE_LOAD, load),
                                         row(OSSL_FUNC_STORE_EOF, eof),
                                         row(OSSL_FUNC_STORE_CLOSE, close),
                                         row(OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, settable),
                                         row(OSSL_FUNC_STORE_SET_CTX_PARAMS, set_params),
                                         {0, nullptr}};

}  // namespace tessera::provider
