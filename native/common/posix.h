// Owners of kernel objects, and time limits, shared by the transports.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

#include "failure.h"

namespace tessera {

inline std::string errno_text(int code) {
  return std::generic_category().message(code);
}

// For a call that fails only where the process has run out of a resource.
[[noreturn]] inline void system_failure(const char* call, int code) {
  throw Failure(Layer::kTcti, 0, "io",
                std::string(call) + " failed: " + errno_text(code) + ". Free some and try again.");
}

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

using Deadline = std::chrono::steady_clock::time_point;

// No wait is longer than a day; the cap also keeps now() + limit from overflowing.
inline Deadline deadline_after(std::chrono::milliseconds limit) {
  constexpr std::chrono::milliseconds kNone{0};
  constexpr std::chrono::milliseconds kDay = std::chrono::hours(24);
  return std::chrono::steady_clock::now() + std::clamp(limit, kNone, kDay);
}

// Milliseconds left, rounded up so that a poll never returns early and spins; 0 when the time is over.
inline int milliseconds_left(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<int64_t>(left.count(), 0));
}

}  // namespace tessera
