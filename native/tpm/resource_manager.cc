#include "resource_manager.h"

#include <algorithm>
#include <utility>

#include "../common/failure.h"
#include "interrupt.h"
#include "message.h"

namespace tessera {
namespace {

// How often somebody who waits looks whether the wait was given up.
constexpr std::chrono::milliseconds kLook{20};
// A TPM refuses to save sessions while one was saved too many others ago (TPM_PT_CONTEXT_GAP_MAX, at least 255; Part 1,
// 30.5). Loaded and saved again, it is the newest.
constexpr uint64_t kOldest = 100;

enum class Kind { kSession, kObject, kOther };

Kind kind_of(uint32_t handle) {
  switch (handle >> TPM2_HR_SHIFT) {
    case TPM2_HT_HMAC_SESSION:
    case TPM2_HT_POLICY_SESSION:
      return Kind::kSession;
    case TPM2_HT_TRANSIENT:
      return Kind::kObject;
    default:
      return Kind::kOther;
  }
}

Bytes command(TPM2_CC code, ByteView parameters) {
  const Bytes tag = {0x80, 0x01};  // TPM_ST_NO_SESSIONS
  return join({tag, big_endian(static_cast<uint32_t>(kHeaderSize + parameters.size())), big_endian(code), parameters});
}

// What follows the header of an answer; nothing where the TPM refuses.
std::optional<Bytes> ask(const ResourceManager::Transmit& transmit, TPM2_CC code, ByteView parameters) {
  const Bytes answer = transmit(command(code, parameters));
  if (head_u32(ByteView(answer).subspan(6)) != TPM2_RC_SUCCESS) return std::nullopt;
  return Bytes(answer.begin() + kHeaderSize, answer.end());
}

void flush(const ResourceManager::Transmit& transmit, uint32_t handle) {
  ask(transmit, TPM2_CC_FlushContext, big_endian(handle));
}

}  // namespace

uint32_t Room::add(uint32_t made) {
  uint32_t handle = made;
  // Where an object was saved, its handle may now be that of another one. A session keeps its own.
  const auto is_another = [&](const auto& found) { return found != places_.end() && found->second.actual != made; };
  while (kind_of(made) == Kind::kObject && is_another(places_.find(handle))) ++handle;
  places_.insert_or_assign(handle, Place{made, {}, 0});
  return handle;
}

std::vector<uint32_t> Room::handles() const {
  std::vector<uint32_t> handles;
  for (const auto& [handle, place] : places_) handles.push_back(handle);
  return handles;
}

ResourceManager::Turn ResourceManager::wait(const Interrupt& interrupt, Deadline deadline) {
  std::unique_lock lock(mutex_);
  if (!taken_ && line_.empty()) {
    taken_ = true;
    return Turn(this);
  }
  const uint64_t own = ++last_;
  line_.push_back(own);
  const auto give_up = [&](const char* reason, const char* text) {
    std::erase(line_, own);
    left_.notify_all();
    return Failure(Layer::kTcti, 0, reason, text);
  };
  while (taken_ || line_.front() != own) {
    const int left = milliseconds_left(deadline);
    if (left == 0) {
      throw give_up("busy", "Other threads of this program use the TPM, and it did not come free in time. Try again.");
    }
    left_.wait_for(lock, std::min(kLook, std::chrono::milliseconds(left)));
    if (interrupt.raised()) throw give_up("gone", "The TPM was closed here while this call waited for it.");
  }
  line_.pop_front();
  taken_ = true;
  return Turn(this);
}

std::optional<ResourceManager::Turn> ResourceManager::at_once(const Room& room) {
  const std::lock_guard lock(mutex_);
  if (taken_ || !line_.empty() || inside_ != &room) return std::nullopt;
  taken_ = true;
  return Turn(this);
}

void ResourceManager::leave() {
  const std::lock_guard lock(mutex_);
  taken_ = false;
  if (!line_.empty()) left_.notify_all();
}

bool ResourceManager::join(std::shared_ptr<Room> room, const Transmit& transmit) {
  sweep(transmit);
  rooms_.push_back(std::move(room));
  return rooms_.size() == 1;
}

void ResourceManager::part(Room& room, const Transmit& transmit) {
  inside_ = nullptr;
  while (!room.places_.empty()) {
    const auto& [handle, place] = *room.places_.begin();
    // A saved session is still known to the TPM, by the same handle. Of a saved object nothing is left there.
    if (place.actual) flush(transmit, *place.actual);
    if (!place.context.empty() && kind_of(handle) == Kind::kSession) flush(transmit, handle);
    room.places_.erase(room.places_.begin());
  }
  std::erase_if(rooms_, [&](const auto& one) { return one.get() == &room; });
}

// What connections have left behind that ended without a turn, or in the middle of one.
void ResourceManager::sweep(const Transmit& transmit) {
  for (; !strays_.empty(); strays_.pop_back()) flush(transmit, strays_.back());
  for (size_t at = 0; at < rooms_.size();) {
    const std::shared_ptr<Room> room = rooms_[at];
    constexpr long kOurs = 2;  // the list's, and this one: its connection is gone
    if (room.use_count() > kOurs) {
      ++at;
    } else {
      part(*room, transmit);
    }
  }
}

void ResourceManager::bring_in(Room& room, const Transmit& transmit) {
  if (inside_ == &room) return;
  inside_ = nullptr;  // until all is in its place
  sweep(transmit);
  for (const auto& other : rooms_) {
    if (other.get() != &room) save(*other, transmit);
  }
  renew(transmit);
  for (auto& [handle, place] : room.places_) {
    if (!place.context.empty()) load(handle, place, transmit);
  }
  inside_ = &room;
}

void ResourceManager::save(Room& room, const Transmit& transmit) {
  for (auto& [handle, place] : room.places_) {
    if (place.actual) save(handle, place, transmit);
  }
}

// What the TPM refuses to save is lost, and its owner is told so at its next use.
void ResourceManager::save(uint32_t handle, Room::Place& place, const Transmit& transmit) {
  const uint32_t actual = *std::exchange(place.actual, std::nullopt);
  strays_.push_back(actual);
  std::optional<Bytes> context = ask(transmit, TPM2_CC_ContextSave, big_endian(actual));
  if (context) place.context = std::move(*context);
  if (context && kind_of(handle) == Kind::kSession) {
    place.since = ++saved_;
  } else {
    flush(transmit, actual);  // a saved object is still loaded
  }
  strays_.pop_back();
}

void ResourceManager::load(uint32_t handle, Room::Place& place, const Transmit& transmit) {
  const Bytes context = std::exchange(place.context, {});
  const std::optional<Bytes> answer = ask(transmit, TPM2_CC_ContextLoad, context);
  if (!answer || answer->size() < 4) return;
  const uint32_t loaded = head_u32(*answer);
  // No HMAC covers it. A session keeps its handle.
  const bool is_own = kind_of(handle) == Kind::kSession ? loaded == handle : kind_of(loaded) == Kind::kObject;
  if (is_own) place.actual = loaded;
}

// With nothing loaded.
void ResourceManager::renew(const Transmit& transmit) {
  for (const auto& room : rooms_) {
    for (auto& [handle, place] : room->places_) {
      if (place.context.empty() || kind_of(handle) != Kind::kSession || saved_ - place.since < kOldest) continue;
      load(handle, place, transmit);
      if (place.actual) save(handle, place, transmit);
    }
  }
}

std::optional<uint32_t> ResourceManager::actual(const Room& room, uint32_t handle) const {
  const auto found = room.places_.find(handle);
  if (found != room.places_.end()) return found->second.actual;
  if (kind_of(handle) == Kind::kOther || rooms_.size() < 2) return handle;
  return std::nullopt;
}

}  // namespace tessera
