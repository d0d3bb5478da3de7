// A separate thread for each open TPM. Tasks are handed back finished, in the order in which they were posted.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "../common/busy_processor.h"
#include "../common/failure.h"
#include "interrupt.h"
#include "session.h"

namespace tessera {

struct Task {
  virtual ~Task() = default;
  virtual void run(Connection& connection) = 0;  // on the TPM's thread
  std::optional<Failure> failure;                // set before the task is handed back
};

class Engine {
 public:
  // `finished` takes every task back, on the TPM's thread, or on the caller's once that thread takes no more work.
  Engine(OpenOptions options, std::function<void(std::unique_ptr<Task>)> finished);
  ~Engine() { stop(); }

  void post(std::unique_ptr<Task> task);

  // Waiting tasks fail with kClosed. The running command, and the flushing of what is left in the TPM, get a moment,
  // then their waits are interrupted. `task` is not run: it is handed back when all is over. Returns at once.
  void close(std::unique_ptr<Task> task);

  // The same without that moment, and returns when the thread has ended: for the end of an environment.
  void stop() noexcept;

  // Frees the thread and its resources if it has ended by itself; otherwise does nothing. This must not wait for a
  // destructor, which runs whenever JavaScript's collector decides.
  void reap() noexcept;

  // Whether the thread is working, or polling for the next piece of work.
  bool awake() const { return !asleep_; }

  // For readers on other threads; empty before the connection is there and after it is closed.
  Bytes nonce_tpm(uint32_t session) const;
  std::map<std::string, uint64_t> counters() const;

 private:
  void main(const OpenOptions& options);
  void open(const OpenOptions& options);
  bool work(std::unique_lock<std::mutex>& lock);
  void work_ahead(std::unique_lock<std::mutex>& lock);
  void linger(std::unique_lock<std::mutex>& lock);
  void perform(Task& task);
  void note(std::optional<Failure>& failure);

  const std::function<void(std::unique_ptr<Task>)> finished_;
  std::optional<Interrupt> interrupt_{std::in_place};  // before the connection, so that opening one can be interrupted
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Task>> queue_;
  std::atomic<bool> called_{false};  // there may be something to do: read without the lock
  std::atomic<bool> asleep_{false};
  BusyProcessor processor_;                 // the thread's own: see linger
  std::unique_ptr<Connection> connection_;  // replaced under mutex_; used by the thread alone
  bool closing_ = false;
  bool taking_ = true;           // the thread looks at the queue again
  bool ended_ = false;           // all is flushed and closed
  bool busy_ = true;             // the thread is opening, or runs a task
  std::optional<Failure> lost_;  // set for good when there is no way to the TPM, or not any more
  std::vector<std::unique_ptr<Task>> closers_;
  std::thread thread_;
};

}  // namespace tessera
