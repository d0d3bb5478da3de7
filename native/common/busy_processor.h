// Whether others want the processor that a thread looks for work on instead of sleeping: then it sleeps as threads do,
// since what it looks for may be among them, and they have a better use for the time.
#pragma once

#include <sched.h>

#include <algorithm>
#include <chrono>

namespace tessera {

// Of one thread.
class BusyProcessor {
 public:
  using Clock = std::chrono::steady_clock;

  bool quiet(Clock::time_point now) const { return now >= quiet_from_; }

  // Gives way to whatever else would run here. The time after that.
  Clock::time_point give_way() {
    const auto before = Clock::now();
    sched_yield();
    const auto after = Clock::now();
    if (after - before > kAlone) seen(before, after);
    return after;
  }

 private:
  // Who gives way for longer is not alone. The other thread of ours may be on this processor too, and takes less.
  static constexpr std::chrono::microseconds kAlone{700};
  // So long it then does not look. Who only came by is gone by then; where somebody is there each time it becomes long.
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
