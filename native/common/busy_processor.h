// Tells a thread that polls for work instead of sleeping whether other threads need its processor. Where they do, it
// sleeps: they use the time better, and may be doing the work that it polls for.
#pragma once

#include <sched.h>

#include <algorithm>
#include <chrono>

namespace tessera {

// One object for each thread that polls.
class BusyProcessor {
 public:
  using Clock = std::chrono::steady_clock;

  bool quiet(Clock::time_point now) const { return now >= quiet_from_; }

  // Yields the processor, and returns the time afterwards.
  Clock::time_point give_way() {
    const auto before = Clock::now();
    sched_yield();
    const auto after = Clock::now();
    if (after - before > kAlone) seen(before, after);
    return after;
  }

 private:
  // A longer yield means that another program runs here. Our own other thread takes less than this.
  static constexpr std::chrono::microseconds kAlone{700};
  // How long it does not poll then: the first value after a short interruption, up to the second after repeated ones.
  static constexpr Clock::duration kBrief = std::chrono::milliseconds(4);
  static constexpr Clock::duration kLong = std::chrono::milliseconds(50);

  void seen(Clock::time_point from, Clock::time_point to) {
    busy_ = from < quiet_from_ + kLong ? std::min(4 * busy_, kLong) : kBrief;
    quiet_from_ = to + busy_;
  }

  Clock::time_point quiet_from_;
  Clock::duration busy_ = kBrief;
};

}  // namespace tessera
