#include "decoder.h"

#include <openssl/x509.h>

#include <string_view>

#include "key_management.h"

namespace tessera::provider {
namespace {

OSSL_FUNC_BIO_read_ex_fn* read_from_core = nullptr;

constexpr std::string_view kPrefix = "tessera:";
// PKCS#8 of ours is shorter, and a private key of RSA longer.
constexpr size_t kLongest = 256;

using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Freed<PKCS8_PRIV_KEY_INFO_free>>;

// The token in PKCS#8 of ours, for a key of that kind; empty for other octets.
std::string token_in(ByteView der, Kind kind) {
  const std::string_view text(reinterpret_cast<const char*>(der.data()), der.size());
  if (text.find(kPrefix) == std::string_view::npos) return {};
  const WithoutErrors quiet;
  const uint8_t* at = der.data();
  const Pkcs8 info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
  const ASN1_OBJECT* algorithm = nullptr;
  const uint8_t* octets = nullptr;
  int length = 0;
  if (!info || at != der.data() + der.size() ||
      PKCS8_pkey_get0(&algorithm, &octets, &length, nullptr, info.get()) != 1) {
    return {};
  }
  if (OBJ_obj2nid(algorithm) != (kind == Kind::kEc ? NID_X9_62_id_ecPublicKey : NID_rsaEncryption)) return {};
  const std::string_view named(reinterpret_cast<const char*>(octets), static_cast<size_t>(length));
  return named.starts_with(kPrefix) ? std::string(named.substr(kPrefix.size())) : std::string();
}

// Whatever private key is read in this process comes by here: the octets are wiped.
std::shared_ptr<CardKey> read_key(OSSL_CORE_BIO* in, Kind kind) {
  Secret octets(kLongest + 1);
  size_t length = 0;
  for (size_t got = 0; length < octets.size(); length += got) {
    if (read_from_core(in, octets.data() + length, octets.size() - length, &got) != 1 || got == 0) break;
  }
  if (length == 0 || length > kLongest) return nullptr;
  const std::string token = token_in(octets.view().first(length), kind);
  return token.empty() ? nullptr : CardKey::find(token);
}

void* make(void*) {
  static char nothing;  // there is nothing to keep
  return &nothing;
}

void destroy(void*) {}

int does_selection(void*, int selection) {
  return selection == 0 || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
}

// 1 and no key: another decoder is to have a look.
template <Kind kind>
int decode(void*, OSSL_CORE_BIO* in, int, OSSL_CALLBACK* take, void* argument, OSSL_PASSPHRASE_CALLBACK*, void*) {
  return contained(0, [&] {
    prefer_other_key_managers();
    auto key = read_key(in, kind);
    if (!key || key->kind() != kind) return 1;
    return hand_over(std::move(key), take, argument);
  });
}

template <Kind kind>
const OSSL_DISPATCH table[] = {row(OSSL_FUNC_DECODER_NEWCTX, make),
                               row(OSSL_FUNC_DECODER_FREECTX, destroy),
                               row(OSSL_FUNC_DECODER_DOES_SELECTION, does_selection),
                               row(OSSL_FUNC_DECODER_DECODE, decode<kind>),
                               {0, nullptr}};

}  // namespace

const OSSL_DISPATCH* decoder(Kind kind) {
  return kind == Kind::kEc ? table<Kind::kEc> : table<Kind::kRsa>;
}

void use_core(const OSSL_DISPATCH* provider_functions) {
  for (const OSSL_DISPATCH* one = provider_functions; one->function_id != 0; ++one) {
    if (one->function_id == OSSL_FUNC_BIO_READ_EX) read_from_core = OSSL_FUNC_BIO_read_ex(one);
  }
}

}  // namespace tessera::provider
