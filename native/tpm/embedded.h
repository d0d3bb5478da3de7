// The embedded TPM: libtpms inside the process, one TPM per process, shared by all its transports and threads.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "file_lock.h"
#include "libtpms.h"
#include "state_file.h"
#include "transport.h"

namespace tessera {

// The process's one TPM and its users. Never destroyed: threads may still be in it while the process ends.
class EmbeddedTpm {
 public:
  static EmbeddedTpm& instance();

  // Adds a user of the TPM whose state is options.state_file. Returns whether this one powered it on. Waits up to
  // options.wait for another process. Throws Failure{kTcti, "busy"} where that is in vain or this process has another
  // embedded TPM open, Failure{kState} where the state cannot be read or written.
  bool acquire(const OpenOptions& options);

  // The last one powers it off and lets go of the lock, unless a state could not be written (see libtpms.cc).
  void release() noexcept;

  Bytes process(ByteView command, const std::atomic<bool>& interrupted);

 private:
  bool join(const OpenOptions& options);
  bool start(const OpenOptions& options);
  void settle();
  void at_exit() noexcept;

  std::mutex mutex_;
  pid_t process_ = 0;  // a forked child has a copy of all this, but neither the lock nor the right to write
  unsigned users_ = 0;
  bool exiting_ = false;
  std::optional<FileLock> lock_;
  std::optional<StateFile> file_;  // present while the TPM is on, and after that while a state is unsaved
  std::optional<Libtpms> tpm_;
};

}  // namespace tessera
