// The embedded TPM: libtpms inside the process, one TPM per process, shared by all its transports and threads.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "file_lock.h"
#include "libtpms.h"
#include "state_file.h"
#include "transport.h"

namespace tessera {

// The process's only TPM, and its users. Never destroyed: threads may still be in it while the process ends.
class EmbeddedTpm {
 public:
  static EmbeddedTpm& instance();

  // Adds a user of the TPM whose state is options.state_file. Returns what its users share. Waits up to options.wait,
  // or until `interrupt`, for another process. Throws Failure{kTcti, "busy"} where that is in vain or this process has
  // another embedded TPM open, Failure{kState} where the state cannot be read or written.
  std::shared_ptr<ResourceManager> acquire(const OpenOptions& options, const Interrupt& interrupt);

  // The last user powers it off and releases the lock, unless a state could not be written (see libtpms.cc).
  void release() noexcept;

  // Waits for the commands of other users before it.
  Bytes process(ByteView command, const Transport& user);

  // From any thread: makes the running command end early (TPM_RC_CANCELED), if it belongs to this user.
  void cancel(const Transport& user) noexcept;

 private:
  bool join(const OpenOptions& options);
  void start(const OpenOptions& options);
  void settle();
  void at_exit() noexcept;

  std::mutex mutex_;
  pid_t process_ = 0;  // a forked child has a copy of all this, but neither the lock nor the right to write
  unsigned users_ = 0;
  bool exiting_ = false;
  std::optional<FileLock> lock_;
  std::optional<StateFile> file_;  // present while the TPM is on, and after that while a state is unsaved
  std::optional<Libtpms> tpm_;
  std::shared_ptr<ResourceManager> manager_;  // as long as this TPM is on
  std::mutex running_mutex_;
  const Transport* running_ = nullptr;  // whose command libtpms runs now
};

}  // namespace tessera
