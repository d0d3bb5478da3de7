#include "remote_signer.h"

#include <algorithm>

#include "thread_termination.h"

namespace tessera::tls {
namespace {

std::mutex registry_mutex;
std::map<uint32_t, std::shared_ptr<RemoteSigner>>& registry() {
  // Never destroyed: threads may outlive main().
  static auto* const signers = new std::map<uint32_t, std::shared_ptr<RemoteSigner>>();
  return *signers;
}
uint32_t last_number = 0;

// How often a waiting thread checks whether it is being terminated.
constexpr std::chrono::milliseconds kTerminationCheck{50};

}  // namespace

std::optional<Bytes> RemoteSigner::sign(uint32_t connection, Kind kind, ByteView octets) {
  Waiting waiting;
  std::unique_lock lock(mutex_);
  if (closed_) return std::nullopt;
  const uint64_t id = ++last_id_;
  auto request = std::make_unique<Request>(Request{id, connection, kind, Bytes(octets.begin(), octets.end())});
  waiting_.emplace(id, &waiting);  // nothing throws from here until it is erased
  lock.unlock();
  ask_(std::move(request));
  lock.lock();
  const auto late = std::chrono::steady_clock::now() + patience_;
  for (auto now = late - patience_; !waiting.done && now < late && !is_terminating();) {
    waiting.wake.wait_until(lock, std::min(now + kTerminationCheck, late));
    now = std::chrono::steady_clock::now();
  }
  waiting_.erase(id);
  return std::move(waiting.signature);
}

bool RemoteSigner::answer(uint64_t id, std::optional<Bytes> signature) {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(id);
  if (found == waiting_.end() || found->second->done) return false;
  found->second->done = true;
  found->second->signature = std::move(signature);
  found->second->wake.notify_one();
  return true;
}

void RemoteSigner::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (const auto& [id, waiting] : waiting_) {
    waiting->done = true;
    waiting->wake.notify_one();
  }
}

uint32_t add_signer(const std::shared_ptr<RemoteSigner>& signer) {
  const std::lock_guard lock(registry_mutex);
  registry().emplace(++last_number, signer);
  return last_number;
}

void remove_signer(uint32_t number) {
  std::shared_ptr<RemoteSigner> signer;
  {
    const std::lock_guard lock(registry_mutex);
    const auto found = registry().find(number);
    if (found == registry().end()) return;
    signer = std::move(found->second);
    registry().erase(found);
  }
  signer->close();
}

std::shared_ptr<RemoteSigner> find_signer(uint32_t number) {
  const std::lock_guard lock(registry_mutex);
  const auto found = registry().find(number);
  return found == registry().end() ? nullptr : found->second;
}

}  // namespace tessera::tls
