#include "worker.h"

#include <system_error>
#include <thread>

namespace tessera::pcsc {
namespace {

Failure closed() {
  return Failure(Layer::kClosed, 0, "", "The card was closed while this call waited. Open it again.");
}

void perform(Job& job, Session& session) {
  try {
    job.run(session);
  } catch (const Failure& failure) {
    job.failure = failure;
  } catch (const std::exception& error) {
    job.failure = Failure(Layer::kPcsc, static_cast<uint32_t>(SCARD_F_INTERNAL_ERROR), "", error.what());
  }
}

}  // namespace

std::shared_ptr<Worker> Worker::start(Finished finished) {
  const std::shared_ptr<Worker> worker(new Worker(std::move(finished)));
  try {
    std::thread([worker] { worker->main(); }).detach();
  } catch (const std::system_error& error) {
    throw no_thread(Layer::kPcsc, static_cast<uint32_t>(SCARD_E_NO_MEMORY), error);
  }
  return worker;
}

void Worker::post(std::unique_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      queue_.push_back(std::move(job));
      wake_.notify_all();
      return;
    }
  }
  job->failure = closed();
  finished_(std::move(job));
}

void Worker::stop(std::unique_ptr<Job> last) noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
    if (!ended_ && last) last_.push_back(std::move(last));
  }
  if (last) finished_(std::move(last));
}

bool Worker::wait(std::chrono::milliseconds time) noexcept {
  std::unique_lock lock(mutex_);
  return wake_.wait_for(lock, time, [this] { return ended_; });
}

void Worker::main() {
  {
    Session session;
    for (;;) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) break;
      std::unique_ptr<Job> job = std::move(queue_.front());
      queue_.pop_front();
      const bool refuse = stopping_;
      lock.unlock();
      if (refuse) {
        job->failure = closed();
      } else {
        perform(*job, session);
      }
      finished_(std::move(job));
    }
    session.disconnect(parting_);
  }
  std::unique_lock lock(mutex_);
  ended_ = true;
  std::deque<std::unique_ptr<Job>> last = std::move(last_);
  wake_.notify_all();
  lock.unlock();
  for (auto& job : last) finished_(std::move(job));
}

}  // namespace tessera::pcsc
