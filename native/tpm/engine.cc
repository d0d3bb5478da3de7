#include "engine.h"

namespace tessera {
namespace {

constexpr std::chrono::seconds kGrace{1};  // for the running command when a TPM is closed

Failure closed() {
  return Failure(Layer::kClosed, 0, "", "The TPM was closed while this call waited. Open the card again.");
}

// After these the transport is of no further use (transport.h).
bool is_final(const Failure& failure) {
  return failure.layer == Layer::kState ||
         (failure.layer == Layer::kTcti && (failure.reason == "gone" || failure.reason == "timeout"));
}

}  // namespace

Engine::Engine(OpenOptions options, std::function<void(std::unique_ptr<Task>)> finished)
    : finished_(std::move(finished)), thread_([this, options = std::move(options)] { main(options); }) {}

void Engine::post(std::unique_ptr<Task> task) {
  {
    const std::lock_guard lock(mutex_);
    if (!closing_) {
      queue_.push_back(std::move(task));
      wake_.notify_all();
      return;
    }
  }
  task->failure = closed();
  finished_(std::move(task));
}

void Engine::close(std::function<void()> done) {
  const std::lock_guard lock(mutex_);
  closing_ = true;
  closed_.push_back(std::move(done));
  wake_.notify_all();
  if (watchdog_.joinable()) return;
  watchdog_ = std::thread([this] {
    std::unique_lock guard(mutex_);
    if (!idle_.wait_for(guard, kGrace, [this] { return !busy_; }) && connection_) connection_->interrupt();
  });
}

void Engine::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    if (busy_ && connection_) connection_->interrupt();
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  if (watchdog_.joinable()) watchdog_.join();
}

Bytes Engine::nonce_tpm(uint32_t session) const {
  const std::lock_guard lock(mutex_);
  return connection_ ? connection_->nonce_tpm(session) : Bytes();
}

std::map<std::string, uint64_t> Engine::counters() const {
  const std::lock_guard lock(mutex_);
  return connection_ ? connection_->counters() : std::map<std::string, uint64_t>();
}

void Engine::perform(Task& task, const std::optional<Failure>& open_failure) {
  task.failure = open_failure ? open_failure : lost_;
  if (task.failure) return;
  try {
    task.run(*connection_);
  } catch (const Failure& failure) {
    task.failure = failure;
    if (is_final(failure)) lost_ = failure;
  } catch (const std::exception& error) {
    task.failure = Failure(Layer::kSapi, 0, "usage", error.what());
  }
}

void Engine::main(OpenOptions options) {
  std::optional<Failure> open_failure;
  std::unique_ptr<Connection> opened;
  try {
    opened = std::make_unique<Connection>(options);
  } catch (const Failure& failure) {
    open_failure = failure;
  } catch (const std::exception& error) {
    open_failure = Failure(Layer::kTcti, 0, "usage", error.what());
  }

  std::unique_lock lock(mutex_);
  connection_ = std::move(opened);
  for (;;) {
    busy_ = false;
    idle_.notify_all();
    wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
    if (queue_.empty()) break;
    std::unique_ptr<Task> task = std::move(queue_.front());
    queue_.pop_front();
    busy_ = true;
    const bool refuse = closing_;
    lock.unlock();
    if (refuse) {
      task->failure = closed();
    } else {
      perform(*task, open_failure);
    }
    finished_(std::move(task));
    lock.lock();
  }
  opened = std::move(connection_);
  lock.unlock();
  opened.reset();  // flushes, and may take a while: not under the lock
  for (const auto& done : closed_) done();
}

}  // namespace tessera
