// Shares a TPM among the connections of this process, as a resource manager does among programs (TCG TSS 2.0 TAB and
// Resource Manager): one connection at a time has its sessions and objects in the TPM. Those of the others are saved
// outside (TPM2_ContextSave, encrypted by the TPM). A connection that is alone sends no command for this.
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "../common/bytes.h"
#include "../common/posix.h"

namespace tessera {

class Interrupt;

// What one connection has in the TPM. Only used by the thread whose turn it is.
class Room {
 public:
  // A session or object that the TPM has just made. Returns the handle by which the connection knows it from now on: an
  // object gets another one in the TPM whenever it is loaded again.
  uint32_t add(uint32_t made);
  void remove(uint32_t handle) { places_.erase(handle); }
  std::vector<uint32_t> handles() const;

 private:
  friend class ResourceManager;
  struct Place {
    std::optional<uint32_t> actual;  // its handle in the TPM; none where it is saved, or lost
    Bytes context;                   // TPMS_CONTEXT; empty unless it is saved
    uint64_t since = 0;              // the count of saved sessions when this one was saved
  };
  std::map<uint32_t, Place> places_;
};

class ResourceManager {
 public:
  // Sends a whole command, returns its whole answer.
  using Transmit = std::function<Bytes(ByteView)>;

  // One connection at a time has a turn, in the order of asking.
  class Turn {
   public:
    explicit Turn(ResourceManager* manager) : manager_(manager) {}
    ~Turn() {
      if (manager_ != nullptr) manager_->leave();
    }
    Turn(Turn&& other) noexcept : manager_(std::exchange(other.manager_, nullptr)) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    Turn& operator=(Turn&&) = delete;

   private:
    ResourceManager* manager_;
  };

  // Throws Failure{kTcti, "busy"} at the deadline, "gone" when `interrupt` is raised.
  Turn wait(const Interrupt& interrupt, Deadline deadline);
  // Only if nobody else wants the TPM, and it has what is in `room`.
  std::optional<Turn> at_once(const Room& room);

  // The rest is for the connection whose turn it is.

  // Returns whether there is no other room.
  bool join(std::shared_ptr<Room> room, const Transmit& transmit);
  // Flushes what is in the room. What is left where it throws is flushed later, once the room has no other owner.
  void part(Room& room, const Transmit& transmit);
  // Saves what others have in the TPM, and loads what was saved of this room. Does nothing where that is so already.
  void bring_in(Room& room, const Transmit& transmit);
  // The handle in the TPM for one that the connection knows; none for one that is lost, or may be another connection's.
  std::optional<uint32_t> actual(const Room& room, uint32_t handle) const;

 private:
  void leave();
  void sweep(const Transmit& transmit);
  void save(Room& room, const Transmit& transmit);
  void save(uint32_t handle, Room::Place& place, const Transmit& transmit);
  void renew(const Transmit& transmit);
  void load(uint32_t handle, Room::Place& place, const Transmit& transmit);

  std::mutex mutex_;
  std::condition_variable left_;
  std::deque<uint64_t> line_;  // who waits
  uint64_t last_ = 0;
  bool taken_ = false;
  // What follows is only used in a turn.
  std::vector<std::shared_ptr<Room>> rooms_;
  const Room* inside_ = nullptr;  // whose contents are in the TPM
  std::vector<uint32_t> strays_;  // in the TPM and in no room, since somebody stopped while saving them
  uint64_t saved_ = 0;            // sessions saved so far
};

}  // namespace tessera
