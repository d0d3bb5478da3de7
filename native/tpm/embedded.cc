#include "embedded.h"

#include <cstdlib>

#include "../common/failure.h"
#include "interrupt.h"
#include "message.h"

namespace tessera {

namespace {

Failure busy(const std::string& text) {
  return Failure(Layer::kTcti, 0, "busy", text);
}

Failure held_elsewhere(const std::string& lock_path) {
  const pid_t pid = FileLock::holder(lock_path);
  return busy("Another process" + (pid > 0 ? " (" + std::to_string(pid) + ")" : std::string()) +
              " holds the embedded TPM (" + lock_path + "). Close it or wait for it to end, then try again.");
}

Failure gone(const std::string& why) {
  return Failure(Layer::kTcti, 0, "gone", "The embedded TPM is gone: " + why);
}

}  // namespace

EmbeddedTpm& EmbeddedTpm::instance() {
  static EmbeddedTpm* const one = std::make_unique<EmbeddedTpm>().release();
  return *one;
}

std::shared_ptr<ResourceManager> EmbeddedTpm::acquire(const OpenOptions& options, const Interrupt& interrupt) {
  const std::string lock_path = options.state_file + ".lock";
  const Deadline deadline = deadline_after(options.wait);
  for (;;) {
    {
      // The mutex is not held while sleeping, so that other threads can join as soon as one has the TPM.
      const std::lock_guard guard(mutex_);
      if (join(options)) return manager_;
      lock_ = FileLock::attempt(lock_path);
      if (lock_) {
        start(options);
        return manager_;
      }
    }
    if (milliseconds_left(deadline) == 0) throw held_elsewhere(lock_path);
    if (interrupt.wait(FileLock::kPause)) throw gone("it was closed here while it waited for another process.");
  }
}

// Whether the TPM is already on; if so, adds a user.
bool EmbeddedTpm::join(const OpenOptions& options) {
  if (exiting_) throw gone("the process is ending.");
  if (process_ != 0 && process_ != getpid()) throw gone("it belongs to the process that this one was forked from.");
  if (!tpm_) {
    settle();
    return false;
  }
  if (file_->path() != options.state_file) {
    throw busy("This process has another embedded TPM open (" + file_->path() +
               "), and libtpms is one TPM per process. Close its cards first, or use another process.");
  }
  ++users_;
  return true;
}

void EmbeddedTpm::start(const OpenOptions& options) {
  try {
    file_.emplace(options.state_file);
    tpm_.emplace(*file_, options.create_state);
    manager_ = std::make_shared<ResourceManager>();
  } catch (...) {
    tpm_.reset();
    file_.reset();
    lock_.reset();
    throw;
  }
  process_ = getpid();
  users_ = 1;
  // Registered after libcrypto's own handler, hence run before it: no thread is in libtpms when libcrypto is torn down.
  static const int registered = std::atexit([] { instance().at_exit(); });
  static_cast<void>(registered);
}

// With the TPM off. A state that a failed store left in memory is written to the disk first, or nothing continues.
void EmbeddedTpm::settle() {
  if (!file_) return;
  file_->flush();
  file_.reset();
  lock_.reset();
}

void EmbeddedTpm::release() noexcept {
  if (process_ != getpid()) return;
  const std::lock_guard guard(mutex_);
  if (exiting_ || --users_ > 0) return;
  tpm_.reset();
  try {
    settle();
  } catch (const std::exception&) {
    // The lock stays with this process, and the next acquire tries again.
  }
}

Bytes EmbeddedTpm::process(ByteView command, const Transport& user) {
  if (process_ != getpid()) throw gone("it belongs to the process that this one was forked from.");
  const std::lock_guard guard(mutex_);
  if (exiting_) throw gone("the process is ending.");
  struct Running {
    Running(EmbeddedTpm& owner, const Transport* user_now) : tpm(owner) { set(user_now); }
    ~Running() { set(nullptr); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    void set(const Transport* user_now) {
      const std::lock_guard lock(tpm.running_mutex_);
      tpm.running_ = user_now;
    }
    EmbeddedTpm& tpm;
  } const running(*this, &user);
  return tpm_->process(command);
}

void EmbeddedTpm::cancel(const Transport& user) noexcept {
  const std::lock_guard lock(running_mutex_);
  if (running_ == &user) Libtpms::cancel();
}

void EmbeddedTpm::at_exit() noexcept {
  if (process_ != getpid()) return;
  Libtpms::cancel();
  const std::lock_guard guard(mutex_);
  exiting_ = true;
  try {
    if (file_) file_->flush();
  } catch (const std::exception&) {
  }
}

namespace {

class EmbeddedTransport final : public Transport {
 public:
  EmbeddedTransport(const OpenOptions& options, const Interrupt& interrupt)
      : manager_(EmbeddedTpm::instance().acquire(options, interrupt)) {}
  ~EmbeddedTransport() override { EmbeddedTpm::instance().release(); }
  EmbeddedTransport(const EmbeddedTransport&) = delete;
  EmbeddedTransport& operator=(const EmbeddedTransport&) = delete;

  // Neither limit nor interrupt: a call into libtpms always ends by itself, earlier when it is cancelled.
  Bytes transmit(ByteView command, std::chrono::milliseconds) override {
    check_command(command);
    return EmbeddedTpm::instance().process(command, *this);
  }
  void cancel() noexcept override { EmbeddedTpm::instance().cancel(*this); }
  std::shared_ptr<ResourceManager> manager() override { return manager_; }
  bool sole_client() const override { return true; }
  uint64_t state_writes() const override { return Libtpms::writes(); }

 private:
  const std::shared_ptr<ResourceManager> manager_;
};

}  // namespace

std::unique_ptr<Transport> open_embedded(const OpenOptions& options, const Interrupt& interrupt) {
  if (options.tcti != "embedded:") {
    throw Failure(Layer::kTcti, 0, "usage",
                  "Write embedded: with the colon, and nothing after it. Its state is in the folder of the cards "
                  "(TESSERA_HOME).");
  }
  if (!options.state_file.starts_with('/')) {
    throw Failure(Layer::kState, 0, "usage", "The embedded TPM needs the absolute path of its state file.");
  }
  return std::make_unique<EmbeddedTransport>(options, interrupt);
}

}  // namespace tessera
