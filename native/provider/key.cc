#include "key.h"

#include <openssl/rand.h>
#include <openssl/x509.h>

#include <map>

#include "errors.h"

namespace tessera::provider {
namespace {

std::mutex registry_mutex;
std::map<std::string, std::shared_ptr<CardKey>>& registry() {
  // Never destroyed: threads may outlive main().
  static auto* const keys = new std::map<std::string, std::shared_ptr<CardKey>>();
  return *keys;
}

// By the names that programs gave; under the same lock.
std::map<std::string, std::shared_ptr<CardKey>>& names() {
  static auto* const keys = new std::map<std::string, std::shared_ptr<CardKey>>();
  return *keys;
}

// One count for all keys, so that a number means one request.
std::atomic<uint64_t> last_request{0};

constexpr size_t kTokenOctets = 16;

std::string new_token() {
  uint8_t octets[kTokenOctets];
  if (RAND_bytes(octets, kTokenOctets) != 1) throw std::bad_alloc();
  std::string token;
  for (const uint8_t octet : octets) {
    constexpr const char* kDigits = "0123456789abcdef";
    token += kDigits[octet >> 4];
    token += kDigits[octet & 15];
  }
  return token;
}

// There is no limit to how long a person may think about a PIN. Whoever asked ends the wait: the key is closed, the
// card refuses, the thread is terminated.
constexpr std::chrono::milliseconds kPatience = std::chrono::hours(24 * 365);

}  // namespace

std::shared_ptr<CardKey> CardKey::make(const Bytes& spki, Ask ask) {
  const WithoutErrors quiet;
  const uint8_t* at = spki.data();
  Pkey key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  if (!key || at != spki.data() + spki.size()) return nullptr;
  const bool ec = EVP_PKEY_is_a(key.get(), "EC") == 1;
  if (!ec && EVP_PKEY_is_a(key.get(), "RSA") != 1) return nullptr;
  auto made = std::make_shared<CardKey>(std::move(key), ec ? Kind::kEc : Kind::kRsa, new_token(), std::move(ask));
  const std::lock_guard lock(registry_mutex);
  registry().emplace(made->token(), made);
  return made;
}

std::shared_ptr<CardKey> CardKey::public_only(Pkey public_half, Kind kind) {
  return std::make_shared<CardKey>(std::move(public_half), kind, "", nullptr);
}

std::shared_ptr<CardKey> CardKey::find(const std::string& token) {
  const std::lock_guard lock(registry_mutex);
  const auto found = registry().find(token);
  return found == registry().end() ? nullptr : found->second;
}

std::shared_ptr<CardKey> CardKey::named(const std::string& name) {
  const std::lock_guard lock(registry_mutex);
  const auto found = names().find(name);
  return found == names().end() ? nullptr : found->second;
}

bool CardKey::give_name(const std::string& name) {
  const std::lock_guard lock(registry_mutex);
  const auto own = registry().find(token_);
  return own != registry().end() && names().emplace(name, own->second).second;
}

CardKey::CardKey(Pkey public_half, Kind kind, std::string token, Ask ask)
    : public_half_(std::move(public_half)), kind_(kind), token_(std::move(token)), ask_(std::move(ask)) {}

size_t CardKey::size() const {
  return static_cast<size_t>(EVP_PKEY_get_size(public_half_.get()));
}

std::optional<Secret> CardKey::use(std::unique_ptr<Request> request) {
  if (!has_private_half()) return std::nullopt;
  if (std::this_thread::get_id() == owner_) {
    raise_synchronous();
    return std::nullopt;
  }
  const uint64_t id = ++last_request;
  request->id = id;
  request->pooled = !is_watched();
  const auto ask = [&] { ask_(std::move(request)); };
  const auto check = [&] { ask_(nullptr); };
  auto answer = waiters_.wait(id, ask, check, kPatience);
  if (!answer) {
    raise("ERR_CARD_CLOSED");
    return std::nullopt;
  }
  if (!answer->refusal.empty()) {
    raise_refusal(answer->refusal, id);
    return std::nullopt;
  }
  return std::move(answer->octets);
}

void CardKey::close() {
  {
    const std::lock_guard lock(registry_mutex);
    registry().erase(token_);
    std::erase_if(names(), [this](const auto& entry) { return entry.second.get() == this; });
  }
  waiters_.close();
}

}  // namespace tessera::provider
