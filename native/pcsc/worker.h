// A separate thread for each connection. PC/SC calls can wait without limit (for a transaction of another program, or a
// pcscd that does not answer) and cannot be interrupted, so no other thread ever waits for this one.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "session.h"

namespace tessera::pcsc {

struct Job {
  virtual ~Job() = default;
  virtual void run(Session& session) = 0;  // on the connection's thread
  uint64_t id = 0;
  std::optional<Failure> failure;  // set before the job is handed back
};

// Owned by the thread too: it is destroyed when both are done with it.
class Worker : public std::enable_shared_from_this<Worker> {
 public:
  using Finished = std::function<void(std::unique_ptr<Job>)>;

  // `finished` takes jobs back, on the thread.
  static std::shared_ptr<Worker> start(Finished finished);

  void post(std::unique_ptr<Job> job);

  // The disposition of the card when the thread releases it.
  void parting(uint32_t disposition) { parting_ = disposition; }

  // Drops waiting jobs. The thread releases the card when the running call returns, then hands back `last`.
  // Returns at once.
  void stop(std::unique_ptr<Job> last = nullptr) noexcept;

  // Whether the thread ended within that time after `stop`.
  bool wait(std::chrono::milliseconds time) noexcept;

 private:
  explicit Worker(Finished finished) : finished_(std::move(finished)) {}
  void main();

  const Finished finished_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Job>> queue_;
  std::deque<std::unique_ptr<Job>> last_;
  std::atomic<uint32_t> parting_ = SCARD_LEAVE_CARD;
  bool stopping_ = false;
  bool ended_ = false;
};

}  // namespace tessera::pcsc
