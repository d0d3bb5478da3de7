// Where a thread that is inside of OpenSSL waits for a signature that another one makes. OpenSSL signs synchronously, a
// card does not: so TLS runs on a thread of its own, and that thread waits here while JavaScript's main thread asks the
// card. Nothing here is secret: digests, padded digests and signatures.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "../common/bytes.h"

namespace tessera::tls {

// A digest is for ECDSA; a block is as long as the modulus, and for the raw RSA operation.
enum class Kind : uint8_t { kDigest, kBlock };

struct Request {
  uint64_t id;
  uint32_t connection;
  Kind kind;
  Bytes octets;
};

class Desk {
 public:
  using Ask = std::function<void(std::unique_ptr<Request>)>;

  // How long a thread waits, whatever happens to the one that is asked.
  static constexpr std::chrono::milliseconds kPatience{30'000};

  // `spki`: the public key (SubjectPublicKeyInfo in DER). `ask` takes requests to whoever answers them, from any
  // thread.
  Desk(Bytes spki, Ask ask, std::chrono::milliseconds patience)
      : spki_(std::move(spki)), ask_(std::move(ask)), patience_(patience) {}

  const Bytes& spki() const { return spki_; }

  // Waits for the answer; none where it was refused, did not come in time, the desk is closed, or this thread ends.
  std::optional<Bytes> sign(uint32_t connection, Kind kind, ByteView octets);

  // False where nobody waits for it any more.
  bool answer(uint64_t id, std::optional<Bytes> signature);

  // Whoever waits is refused, now, and so is whoever comes later.
  void close();

 private:
  struct Waiting {
    std::condition_variable wake;
    bool done = false;
    std::optional<Bytes> signature;
  };

  const Bytes spki_;
  const Ask ask_;
  const std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::map<uint64_t, Waiting*> waiting_;
  uint64_t last_id_ = 0;
  bool closed_ = false;
};

// The desks of this process, by the number that OpenSSL's key identifiers carry.
uint32_t open_desk(const std::shared_ptr<Desk>& desk);
void close_desk(uint32_t number);
std::shared_ptr<Desk> find_desk(uint32_t number);

}  // namespace tessera::tls
