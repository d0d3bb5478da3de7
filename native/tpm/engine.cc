#include "engine.h"

#include <system_error>

namespace tessera {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::microseconds kLinger{100};

constexpr std::chrono::seconds kGrace{1};  // for the running command and the flushing when a TPM is closed

Failure closed() {
  return Failure(Layer::kClosed, 0, "", "The TPM was closed while this call waited. Open the card again.");
}

// After these failures the transport cannot be used any more (transport.h), or was given up in an unknown state.
bool is_final(const Failure& failure) {
  return failure.layer == Layer::kState ||
         (failure.layer == Layer::kTcti &&
          (failure.reason == "gone" || failure.reason == "timeout" || failure.reason == "answer"));
}

// The failure of `work`.
template <typename Work>
std::optional<Failure> failure_of(const Work& work) {
  try {
    work();
    return std::nullopt;
  } catch (const Failure& failure) {
    return failure;
  } catch (const std::exception& error) {
    return Failure(Layer::kSapi, 0, "usage", error.what());
  }
}

}  // namespace

Engine::Engine(OpenOptions options, std::function<void(std::unique_ptr<Task>)> finished)
    : finished_(std::move(finished)) {
  try {
    thread_ = std::thread([this, options = std::move(options)] { main(options); });
  } catch (const std::system_error& error) {
    throw no_thread(Layer::kTcti, 0, error);
  }
}

void Engine::post(std::unique_ptr<Task> task) {
  {
    const std::lock_guard lock(mutex_);
    if (taking_ && !closing_) {
      queue_.push_back(std::move(task));
      called_ = true;
      wake_.notify_all();
      return;
    }
    task->failure = closing_ || !lost_ ? closed() : *lost_;
  }
  finished_(std::move(task));
}

void Engine::close(std::unique_ptr<Task> task) {
  {
    const std::lock_guard lock(mutex_);
    if (!closing_ && interrupt_) interrupt_->raise_after(kGrace);
    closing_ = true;
    called_ = true;
    if (!ended_) {
      closers_.push_back(std::move(task));
      wake_.notify_all();
      return;
    }
  }
  finished_(std::move(task));
}

void Engine::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (interrupt_ && (busy_ || !closing_)) interrupt_->raise_after(busy_ ? std::chrono::seconds(0) : kGrace);
    closing_ = true;
    called_ = true;
    if (busy_ && connection_) connection_->cancel();
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Engine::reap() noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (!ended_) return;
  }
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(mutex_);
  interrupt_.reset();
}

Bytes Engine::nonce_tpm(uint32_t session) const {
  const std::lock_guard lock(mutex_);
  return connection_ ? connection_->nonce_tpm(session) : Bytes();
}

std::map<std::string, uint64_t> Engine::counters() const {
  const std::lock_guard lock(mutex_);
  return connection_ ? connection_->counters() : std::map<std::string, uint64_t>();
}

void Engine::open(const OpenOptions& options) {
  std::unique_ptr<Connection> opened;
  const auto failure = failure_of([&] { opened = std::make_unique<Connection>(options, *interrupt_); });
  const std::lock_guard lock(mutex_);
  connection_ = std::move(opened);
  if (!closing_) lost_ = failure;  // else by our own interrupt
}

void Engine::perform(Task& task) {
  task.failure = lost_;
  if (task.failure) return;
  task.failure = failure_of([&] {
    const auto turn = connection_->turn();
    task.run(*connection_);
  });
  note(task.failure);
}

void Engine::note(std::optional<Failure>& failure) {
  if (!failure || !is_final(*failure)) return;
  const std::lock_guard lock(mutex_);
  if (closing_) {
    failure = closed();  // by our own interrupt
  } else {
    lost_ = failure;
  }
}

// Does the next piece of work, once there is any. False when the thread has to end.
bool Engine::work(std::unique_lock<std::mutex>& lock) {
  asleep_ = true;
  wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
  asleep_ = false;
  if (closing_) return false;
  std::unique_ptr<Task> task = std::move(queue_.front());
  queue_.pop_front();
  busy_ = true;
  lock.unlock();
  perform(*task);
  lock.lock();
  busy_ = false;  // before anybody is told, who may be on the way out
  lock.unlock();
  finished_(std::move(task));
  lock.lock();
  work_ahead(lock);
  linger(lock);
  return true;
}

// A caller often follows an answer with the next command at once, and waking a thread on an idle processor takes a
// tenth of the time of a signature. Where others want the processor the thread sleeps normally, for a while.
void Engine::linger(std::unique_lock<std::mutex>& lock) {
  static const bool alone = std::thread::hardware_concurrency() < 2;
  if (alone || closing_ || !queue_.empty() || !processor_.quiet(Clock::now())) return;
  called_ = false;
  lock.unlock();
  const auto end = Clock::now() + kLinger;
  for (auto now = end - kLinger; !called_ && now < end && processor_.quiet(now);) now = processor_.give_way();
  lock.lock();
}

// The beginning of the next piece of work, done while nobody waits. Where it fails, the next use reports it.
void Engine::work_ahead(std::unique_lock<std::mutex>& lock) {
  if (closing_ || lost_) return;
  busy_ = true;
  lock.unlock();
  auto failure = failure_of([&] { connection_->work_ahead(); });
  note(failure);
  lock.lock();
  busy_ = false;
}

void Engine::main(const OpenOptions& options) {
  open(options);
  std::unique_lock lock(mutex_);
  busy_ = false;
  while (connection_ && work(lock)) {
  }
  taking_ = false;
  std::deque<std::unique_ptr<Task>> rest = std::move(queue_);
  for (auto& task : rest) task->failure = lost_ ? *lost_ : closed();
  std::unique_ptr<Connection> connection = std::move(connection_);
  lock.unlock();
  const auto hand_back = [&] {
    for (auto& task : rest) finished_(std::move(task));
    rest.clear();
  };
  if (connection) hand_back();
  connection.reset();  // flushes, and may take a while: not under the lock
  lock.lock();
  ended_ = true;  // where opening failed, before anybody is told: `reap`
  for (auto& task : closers_) rest.push_back(std::move(task));
  closers_.clear();
  lock.unlock();
  hand_back();
}

}  // namespace tessera
