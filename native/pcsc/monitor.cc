#include "monitor.h"

#include <algorithm>
#include <system_error>
#include <thread>

namespace tessera::pcsc {
namespace {

// New readers are notified only while a call waits: changes between two calls are seen by the next one at the latest.
constexpr DWORD kLongestWait = 1000;
constexpr unsigned kRetry = 250;  // for a pcscd that is not there
constexpr unsigned kCancel = 20;  // SCardCancel is lost on a call that does not wait yet

// The state that a program is told about: the card, its insertion and removal, but not its users.
constexpr DWORD kTold = 0xFFFF0000 | SCARD_STATE_EMPTY | SCARD_STATE_PRESENT | SCARD_STATE_MUTE |
                        SCARD_STATE_UNAVAILABLE | SCARD_STATE_UNKNOWN;

bool same(const Sight& a, const Sight& b) {
  if ((a.failure == nullptr) != (b.failure == nullptr)) return false;
  // Calls may report a pcscd that went away in different ways; it counts as one failure.
  if (a.failure != nullptr) {
    return a.failure->rc == b.failure->rc || (is_service_loss(a.failure->rc) && is_service_loss(b.failure->rc));
  }
  const auto alike = [](const ReaderState& x, const ReaderState& y) {
    return x.name == y.name && (x.state & kTold) == (y.state & kTold) && x.atr == y.atr;
  };
  return std::equal(a.readers.begin(), a.readers.end(), b.readers.begin(), b.readers.end(), alike);
}

// Lists the readers anew; the state of a reader that is still there is kept.
std::vector<ReaderState> listed(const Context& context, const std::vector<ReaderState>& known) {
  std::vector<ReaderState> readers;
  for (const std::string& name : list_readers(context)) {
    const auto before = std::find_if(known.begin(), known.end(), [&](const ReaderState& r) { return r.name == name; });
    readers.push_back(before != known.end() ? *before : ReaderState{name, SCARD_STATE_UNAWARE, {}});
  }
  return readers;
}

bool complete(const std::vector<ReaderState>& readers) {
  return std::none_of(readers.begin(), readers.end(),
                      [](const ReaderState& reader) { return reader.state == SCARD_STATE_UNAWARE; });
}

}  // namespace

std::shared_ptr<Monitor> Monitor::start(Seen seen) {
  const std::shared_ptr<Monitor> monitor(new Monitor(std::move(seen)));
  try {
    std::thread([monitor] { monitor->main(); }).detach();
  } catch (const std::system_error& error) {
    throw no_thread(Layer::kPcsc, static_cast<uint32_t>(SCARD_E_NO_MEMORY), error);
  }
  return monitor;
}

void Monitor::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
    if (ended_) return;
  }
  try {
    // SCardCancel itself waits for pcscd.
    std::thread([self = shared_from_this()] { self->cancel_until_ended(); }).detach();
  } catch (const std::system_error&) {
    // No thread can be started: the call that waits ends by itself, after kLongestWait.
  }
}

bool Monitor::wait(std::chrono::milliseconds time) noexcept {
  std::unique_lock lock(mutex_);
  return wake_.wait_for(lock, time, [this] { return ended_; });
}

void Monitor::cancel_until_ended() {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    if (waiting_ != nullptr) api().Cancel(waiting_->get());
    wake_.wait_for(lock, std::chrono::milliseconds(kCancel), [this] { return ended_; });
  }
}

bool Monitor::wait_until_stopped(unsigned milliseconds) {
  std::unique_lock lock(mutex_);
  return wake_.wait_for(lock, std::chrono::milliseconds(milliseconds), [this] { return stopping_; });
}

void Monitor::report(std::unique_ptr<Sight> sight) {
  if (last_ && same(*last_, *sight)) return;
  last_ = std::make_unique<Sight>();
  last_->readers = sight->readers;
  if (sight->failure) last_->failure = std::make_unique<Failure>(*sight->failure);
  seen_(std::move(sight));
}

// Watches with one context, until it fails or the end is requested.
void Monitor::watch() {
  const Context context;
  std::vector<ReaderState> readers;
  while (!wait_until_stopped(0)) {
    readers = listed(context, readers);
    if (complete(readers)) {
      auto sight = std::make_unique<Sight>();
      sight->readers = readers;
      report(std::move(sight));
    }
    {
      const std::lock_guard lock(mutex_);
      waiting_ = &context;
    }
    std::unique_ptr<Failure> failure;
    try {
      watch_readers(context, readers, kLongestWait);
    } catch (const Failure& caught) {
      failure = std::make_unique<Failure>(caught);
    }
    {
      const std::lock_guard lock(mutex_);
      waiting_ = nullptr;
    }
    if (failure && failure->rc != static_cast<uint32_t>(SCARD_E_CANCELLED)) throw Failure(*failure);
  }
}

void Monitor::main() {
  do {
    try {
      watch();
    } catch (const Failure& failure) {
      auto sight = std::make_unique<Sight>();
      sight->failure = std::make_unique<Failure>(failure);
      report(std::move(sight));
    }
  } while (!wait_until_stopped(kRetry));
  const std::lock_guard lock(mutex_);
  ended_ = true;
  wake_.notify_all();
}

}  // namespace tessera::pcsc
