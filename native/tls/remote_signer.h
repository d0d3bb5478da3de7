// A thread inside OpenSSL waits here for a signature that another thread makes. OpenSSL signs synchronously and a card
// does not, so TLS runs on a thread of its own, which waits while JavaScript's main thread asks the card. Nothing here
// is secret: digests, padded digests and signatures.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "../common/bytes.h"
#include "../common/waiters.h"

namespace tessera::tls {

// A digest is for ECDSA; a block is as long as the modulus, and for the raw RSA operation.
enum class Kind : uint8_t { kDigest, kBlock };

struct Request {
  uint64_t id;
  uint32_t connection;
  Kind kind;
  Bytes octets;
};

class RemoteSigner {
 public:
  using Ask = std::function<void(std::unique_ptr<Request>)>;

  // The longest time that a thread waits for an answer.
  static constexpr std::chrono::milliseconds kPatience{30'000};

  // `spki`: the public key (SubjectPublicKeyInfo in DER). `ask` hands a request to the thread that answers; any thread
  // may call it.
  RemoteSigner(Bytes spki, Ask ask, std::chrono::milliseconds patience)
      : spki_(std::move(spki)), ask_(std::move(ask)), patience_(patience) {}

  const Bytes& spki() const { return spki_; }

  // Waits for the answer. Empty where it was refused or late, the signer is closed, or this thread is being terminated.
  std::optional<Bytes> sign(uint32_t connection, Kind kind, ByteView octets);

  // False where no thread waits for it any more.
  bool answer(uint64_t id, std::optional<Bytes> signature);

  // Refuses every waiting request, and every later one.
  void close();

 private:
  const Bytes spki_;
  const Ask ask_;
  const std::chrono::milliseconds patience_;
  Waiters<Bytes> waiters_;
  std::atomic<uint64_t> last_id_{0};
};

// The signers of this process, by the number in the identifiers of OpenSSL's keys.
uint32_t add_signer(const std::shared_ptr<RemoteSigner>& signer);
void remove_signer(uint32_t number);
std::shared_ptr<RemoteSigner> find_signer(uint32_t number);

}  // namespace tessera::tls
