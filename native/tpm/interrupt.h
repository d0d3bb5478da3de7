// Ends the waits of one connection from another thread: now, or after a grace period.
#pragma once

#include <poll.h>
#include <sys/timerfd.h>

#include "../common/posix.h"

namespace tessera {

// Made before the connection is opened, so that opening can be cancelled too. Stays raised.
class Interrupt {
 public:
  Interrupt() : fd_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
    if (!fd_) system_failure("timerfd_create", errno);
  }

  // A later call can only bring it forward. Two threads must not call it at once.
  void raise_after(std::chrono::milliseconds grace) noexcept {
    if (raised()) return;  // setting the timer anew would take it back
    itimerspec when{};
    when.it_value.tv_sec = static_cast<time_t>(grace.count() / 1000);
    when.it_value.tv_nsec = static_cast<long>(grace.count() % 1000 * 1000000) + 1;  // all zero would mean never
    timerfd_settime(fd_.get(), 0, &when, nullptr);
  }

  bool raised() const noexcept { return poll_for(0); }

  // Sleeps, unless it is raised before: then true, and at once.
  bool wait(std::chrono::milliseconds time) const noexcept { return poll_for(static_cast<int>(time.count())); }

  // Readable from the moment it is raised; never read from.
  int fd() const { return fd_.get(); }

 private:
  bool poll_for(int milliseconds) const noexcept {
    pollfd entry = {fd_.get(), POLLIN, 0};
    return poll(&entry, 1, milliseconds) > 0;
  }

  Fd fd_;
};

enum class Waited { kReady, kInterrupted, kTimeout };

// Waits until `fd` has one of `events` (or an error to report), `interrupt` is raised, or the time is over.
inline Waited wait_for(int fd, short events, const Interrupt& interrupt, Deadline deadline) {
  pollfd fds[2] = {{fd, events, 0}, {interrupt.fd(), POLLIN, 0}};
  for (;;) {
    const int count = poll(fds, 2, milliseconds_left(deadline));
    if (count < 0 && errno != EINTR) system_failure("poll", errno);
    if (count > 0) return fds[1].revents != 0 ? Waited::kInterrupted : Waited::kReady;
    if (count == 0 && milliseconds_left(deadline) == 0) return Waited::kTimeout;
  }
}

}  // namespace tessera
