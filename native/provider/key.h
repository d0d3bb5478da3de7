// A key on a card: its public half, which is an ordinary key of OpenSSL, and the way to whoever has the card. There is
// no private half here.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "../common/bytes.h"
#include "../common/secret.h"
#include "../common/waiters.h"
#include "openssl.h"

namespace tessera::provider {

enum class Kind : uint8_t { kEc, kRsa };
inline constexpr size_t kKinds = 2;

enum class Use : uint8_t { kSign, kDecrypt, kDerive };

// A use of the private half, for JavaScript to have the card do.
struct Request {
  explicit Request(Use what) : use(what) {}

  uint64_t id = 0;
  Use use;
  // Whether a thread of libuv's pool waits, and not JavaScript in another thread.
  bool pooled = false;
  // The digest, the ciphertext, or the public key of the other side (SubjectPublicKeyInfo in DER).
  Bytes octets;
  // As src/piv/algorithms.ts names it; OpenSSL's name for others.
  std::string hash;
  // Of an RSA key: "pkcs1", to sign also "pss", to decrypt also "oaep".
  const char* padding = "";
  // Octets; for "pss".
  uint32_t salt_length = 0;
  // For "oaep".
  Bytes label;
};

struct Answer {
  Secret octets;
  // An error code of src/errors.ts, and no octets.
  std::string refusal;
};

class CardKey {
 public:
  // Hands a request to the thread that has the card; without one it asks that thread to see whether it still lives.
  using Ask = std::function<void(std::unique_ptr<Request>)>;

  // Made on the thread that has the card. Empty where `spki` (SubjectPublicKeyInfo in DER) is no key of a known kind.
  static std::shared_ptr<CardKey> make(const Bytes& spki, Ask ask);
  // The key with that token; empty where there is none, or not any more.
  static std::shared_ptr<CardKey> find(const std::string& token);

  // The key that was given that name; empty where there is none, or not any more.
  static std::shared_ptr<CardKey> named(const std::string& name);

  // A public key of somebody else, which no card has: for `use` there is nobody to ask.
  static std::shared_ptr<CardKey> public_only(Pkey public_half, Kind kind);

  CardKey(Pkey public_half, Kind kind, std::string token, Ask ask);

  Kind kind() const { return kind_; }
  // What stands for the key in PKCS#8: digits in hex, and a secret of this process.
  const std::string& token() const { return token_; }
  bool has_private_half() const { return ask_ != nullptr; }
  const EVP_PKEY* public_half() const { return public_half_.get(); }
  // Octets of the longest signature.
  size_t size() const;

  // Waits for the answer; where there is none, OpenSSL's queue has the error.
  std::optional<Secret> use(std::unique_ptr<Request> request);

  // False where nobody waits for it any more.
  bool answer(uint64_t id, Answer answer) { return waiters_.answer(id, std::move(answer)); }
  // Names the key, until it is closed. False where another key has the name, or this one is closed.
  bool give_name(const std::string& name);
  // Refuses whoever waits, and whoever comes later.
  void close();

 private:
  const Pkey public_half_;
  const Kind kind_;
  const std::string token_;
  const Ask ask_;
  const std::thread::id owner_ = std::this_thread::get_id();
  Waiters<Answer> waiters_;
};

}  // namespace tessera::provider
