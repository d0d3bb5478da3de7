// A lock between processes, by flock(2) on a file that is never written over, renamed or removed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "../common/posix.h"

namespace tessera {

class FileLock {
 public:
  // One attempt. nullopt where another process, or another FileLock of this one, holds it. The file is made (0600) if
  // it does not exist. Throws Failure{kState, "absent" | "permission" | "io"}.
  static std::optional<FileLock> attempt(const std::string& path);

  // Whether another FileLock holds it. Those who only ask do not keep each other out. Throws as `attempt`.
  static bool is_taken(const std::string& path);

  // How long to sleep between two attempts: flock has no time limit of its own.
  static constexpr std::chrono::milliseconds kPause{20};

  // The process id that the holder wrote into the file, for messages only. 0 where it is not known.
  static pid_t holder(const std::string& path);

  ~FileLock();
  FileLock(FileLock&&) noexcept = default;
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

 private:
  explicit FileLock(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
};

}  // namespace tessera
