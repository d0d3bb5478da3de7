#include "desk.h"

#include <algorithm>

#include "ending.h"

namespace tessera::tls {
namespace {

std::mutex registry_mutex;
std::map<uint32_t, std::shared_ptr<Desk>>& registry() {
  // Never destroyed: threads may outlive the end of main().
  static auto* const desks = new std::map<uint32_t, std::shared_ptr<Desk>>();
  return *desks;
}
uint32_t last_number = 0;

// How often a thread that waits looks whether it is to end.
constexpr std::chrono::milliseconds kLook{50};

}  // namespace

std::optional<Bytes> Desk::sign(uint32_t connection, Kind kind, ByteView octets) {
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
  for (auto now = late - patience_; !waiting.done && now < late && !this_thread_ends();) {
    waiting.wake.wait_until(lock, std::min(now + kLook, late));
    now = std::chrono::steady_clock::now();
  }
  waiting_.erase(id);
  return std::move(waiting.signature);
}

bool Desk::answer(uint64_t id, std::optional<Bytes> signature) {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(id);
  if (found == waiting_.end() || found->second->done) return false;
  found->second->done = true;
  found->second->signature = std::move(signature);
  found->second->wake.notify_one();
  return true;
}

void Desk::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (const auto& [id, waiting] : waiting_) {
    waiting->done = true;
    waiting->wake.notify_one();
  }
}

uint32_t open_desk(const std::shared_ptr<Desk>& desk) {
  const std::lock_guard lock(registry_mutex);
  registry().emplace(++last_number, desk);
  return last_number;
}

void close_desk(uint32_t number) {
  std::shared_ptr<Desk> desk;
  {
    const std::lock_guard lock(registry_mutex);
    const auto found = registry().find(number);
    if (found == registry().end()) return;
    desk = std::move(found->second);
    registry().erase(found);
  }
  desk->close();
}

std::shared_ptr<Desk> find_desk(uint32_t number) {
  const std::lock_guard lock(registry_mutex);
  const auto found = registry().find(number);
  return found == registry().end() ? nullptr : found->second;
}

}  // namespace tessera::tls
