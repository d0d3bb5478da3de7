// Watches the readers on a thread and a context of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "readers.h"

namespace tessera::pcsc {

// The readers at one moment, or why they are not known.
struct Sight {
  std::vector<ReaderState> readers;
  std::unique_ptr<Failure> failure;
};

class Monitor : public std::enable_shared_from_this<Monitor> {
 public:
  // `seen` is called on the thread with the first state, and with every one that differs from the one before.
  using Seen = std::function<void(std::unique_ptr<Sight>)>;
  static std::shared_ptr<Monitor> start(Seen seen);

  // Returns at once; the thread ends later (by SCardCancel), and `seen` may be called until then.
  // Once.
  void stop() noexcept;
  // Whether it ended within that time.
  bool wait(std::chrono::milliseconds time) noexcept;

 private:
  explicit Monitor(Seen seen) : seen_(std::move(seen)) {}
  void main();
  void watch();
  bool wait_until_stopped(unsigned milliseconds);
  void cancel_until_ended();
  void report(std::unique_ptr<Sight> sight);

  const Seen seen_;
  std::mutex mutex_;
  std::condition_variable wake_;
  const Context* waiting_ = nullptr;  // set while SCardGetStatusChange may wait
  bool stopping_ = false;
  bool ended_ = false;
  std::unique_ptr<Sight> last_;  // the thread's alone
};

}  // namespace tessera::pcsc
