// A thread of its own for each open TPM: work goes in, and comes back finished, in the order in which it was given.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "error.h"
#include "session.h"

namespace tessera {

struct Task {
  virtual ~Task() = default;
  virtual void run(Connection& connection) = 0;  // on the TPM's thread
  std::optional<Failure> failure;                // set before the task is handed back
};

class Engine {
 public:
  // `finished` takes every task back, on the TPM's thread, or on the caller's when the engine is already closed.
  Engine(OpenOptions options, std::function<void(std::unique_ptr<Task>)> finished);
  ~Engine() { stop(); }

  void post(std::unique_ptr<Task> task);

  // Tasks that wait fail with kClosed; the running command gets a moment to end, then its wait is interrupted. What
  // is left in the TPM is flushed, then `closed` is called on the TPM's thread. Returns at once.
  void close(std::function<void()> closed);

  // The same, interrupting at once, and returns when the thread has ended. For the end of an environment.
  void stop() noexcept;

  // For readers on other threads; empty before the connection is there and after it is closed.
  Bytes nonce_tpm(uint32_t session) const;
  std::map<std::string, uint64_t> counters() const;

 private:
  void main(OpenOptions options);
  void perform(Task& task, const std::optional<Failure>& open_failure);

  const std::function<void(std::unique_ptr<Task>)> finished_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<std::unique_ptr<Task>> queue_;
  std::unique_ptr<Connection> connection_;  // replaced under mutex_; used by the thread alone
  bool closing_ = false;
  bool busy_ = true;             // the thread is opening, or runs a task
  std::optional<Failure> lost_;  // set for good when the way to the TPM is lost; written by the thread alone
  std::vector<std::function<void()>> closed_;
  std::thread watchdog_;
  std::thread thread_;
};

}  // namespace tessera
