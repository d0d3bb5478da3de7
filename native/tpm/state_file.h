// The file of the embedded TPM's permanent state. Only the holder of its lock uses it.
//
// Layout, integers big-endian: "TESSTPM\n", version u32 (1), epoch u64 (one more at each write), length u32,
// `length` octets of libtpms' "permall" blob, SHA-256 of all before it. libtpms itself has no checksum over its state:
// it does not notice flipped bits, some of which change a PIN counter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "../common/posix.h"
#include "transport.h"

namespace tessera {

class StateFile {
 public:
  // `path` is absolute, and the directory exists. Removes leftovers of a killed writer. Throws Failure{kState, "absent"
  // | "permission" | "io"}.
  explicit StateFile(const std::string& path);
  ~StateFile();
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;

  // The state, or nullopt where there is no file. Throws Failure{kState, "corrupt" | "newer" | "permission" | "io"}.
  std::optional<Bytes> load();

  // Reserves room on the disk for the next store, by a file of that size with its blocks allocated. Does nothing while
  // the last one is unused. Throws Failure{kState, "full" | "permission" | "io"}.
  void reserve();

  // Replaces the state, and returns when it is on the disk. On failure (as for reserve) the old state is untouched, and
  // the new one is kept in memory until `flush` succeeds or `forget` is called.
  void store(ByteView state);
  void flush();
  void forget();
  bool unsaved() const { return !image_.empty(); }

  const std::string& path() const { return path_; }
  uint64_t epoch() const { return epoch_; }

 private:
  void write_image();
  void drop_spare() noexcept;
  [[noreturn]] void refuse(const std::string& what, int code) const;

  std::string path_;
  std::string name_;
  std::string spare_name_;
  Fd directory_;
  Fd spare_;
  uint64_t epoch_ = 0;
  size_t size_ = 0;  // of the file as it is now
  Bytes image_;      // a file that should be on the disk and is not yet
};

// Overwrites `bytes` in a way that the compiler does not remove, then empties it.
void wipe(Bytes& bytes) noexcept;

}  // namespace tessera
