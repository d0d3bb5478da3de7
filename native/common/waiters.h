// Threads inside OpenSSL that wait for an answer of JavaScript. OpenSSL works synchronously and a card does not: such a
// thread waits here, while JavaScript's thread asks the card.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "thread_termination.h"

namespace tessera {

template <typename Answer>
class Waiters {
 public:
  // How often a waiting thread checks whether it is being terminated, and does what its caller has it do.
  static constexpr std::chrono::milliseconds kCheck{50};

  // Calls `ask` and waits for the answer with that number. Empty where it was refused or late, these waiters are
  // closed, or this thread is being terminated. `check` is called from time to time.
  template <typename Ask, typename Check>
  std::optional<Answer> wait(uint64_t id, const Ask& ask, const Check& check, std::chrono::milliseconds patience) {
    const auto start = std::chrono::steady_clock::now();
    const Place place(*this, id);
    if (place.refused()) return std::nullopt;
    ask();
    Waiting& waiting = place.waiting();
    std::unique_lock lock(mutex_);
    while (!waiting.done && !waiting.wake.wait_for(lock, kCheck, [&] { return waiting.done; })) {
      lock.unlock();
      const bool over = std::chrono::steady_clock::now() - start >= patience || is_terminating();
      if (!over) check();
      lock.lock();
      if (over) break;
    }
    return std::move(waiting.answer);
  }

  // False where no thread waits for it any more.
  bool answer(uint64_t id, std::optional<Answer> answer) {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(id);
    if (found == waiting_.end() || found->second->done) return false;
    found->second->done = true;
    found->second->answer = std::move(answer);
    found->second->wake.notify_one();
    return true;
  }

  // Refuses all who wait, and whoever comes later.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (const auto& [id, waiting] : waiting_) {
      waiting->done = true;
      waiting->wake.notify_one();
    }
  }

 private:
  struct Waiting {
    std::condition_variable wake;
    bool done = false;
    std::optional<Answer> answer;
  };

  // Where the answer arrives, for as long as the thread waits.
  class Place {
   public:
    Place(Waiters& waiters, uint64_t id) : waiters_(waiters), id_(id) {
      const std::lock_guard lock(waiters_.mutex_);
      refused_ = waiters_.closed_ || !waiters_.waiting_.emplace(id, &waiting_).second;
    }
    ~Place() {
      if (refused_) return;
      const std::lock_guard lock(waiters_.mutex_);
      waiters_.waiting_.erase(id_);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    bool refused() const { return refused_; }
    Waiting& waiting() const { return waiting_; }

   private:
    Waiters& waiters_;
    uint64_t id_;
    bool refused_;
    mutable Waiting waiting_;
  };

  std::mutex mutex_;
  std::map<uint64_t, Waiting*> waiting_;
  bool closed_ = false;
};

}  // namespace tessera
