// Whether others want the processor that a thread looks for work on instead of sleeping: then it sleeps as threads do,
// since what it looks for may be among them, and they have a better use for the time.
#pragma once

#include <sched.h>

#include <chrono>

namespace tessera {

// Of one thread.
class Neighbours {
 public:
  using Clock = std::chrono::steady_clock;

  bool quiet(Clock::time_point now) const { return now >= quiet_from_; }

  // Gives way to whatever else would run here. The time after that.
  Clock::time_point give_way() {
    const auto before = Clock::now();
    sched_yield();
    const auto after = Clock::now();
    if (after - before > kAlone) quiet_from_ = after + kBusy;
    return after;
  }

 private:
  static constexpr std::chrono::microseconds kAlone{150};  // who gives way for longer is not alone
  static constexpr std::chrono::milliseconds kBusy{50};    // and will not be for so long

  Clock::time_point quiet_from_;
};

}  // namespace tessera
