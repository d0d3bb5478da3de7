#include "remote_signer.h"

#include <map>

namespace tessera::tls {
namespace {

std::mutex registry_mutex;
std::map<uint32_t, std::shared_ptr<RemoteSigner>>& registry() {
  // Never destroyed: threads may outlive main().
  static auto* const signers = new std::map<uint32_t, std::shared_ptr<RemoteSigner>>();
  return *signers;
}
uint32_t last_number = 0;

}  // namespace

std::optional<Bytes> RemoteSigner::sign(uint32_t connection, Kind kind, ByteView octets) {
  const uint64_t id = ++last_id_;
  const auto ask = [&] {
    ask_(std::make_unique<Request>(Request{id, connection, kind, Bytes(octets.begin(), octets.end())}));
  };
  return waiters_.wait(
      id, ask, [] {}, patience_);
}

bool RemoteSigner::answer(uint64_t id, std::optional<Bytes> signature) {
  return waiters_.answer(id, std::move(signature));
}

void RemoteSigner::close() {
  waiters_.close();
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
