// libtpms as one TPM that is on while this object exists. A process can have one at a time.
#pragma once

#include <optional>

#include "../common/failure.h"
#include "state_file.h"
#include "transport.h"

namespace tessera {

class Libtpms {
 public:
  // Powers the TPM on with the state in `file`; a missing file means a new TPM if `create`. When this returns, a write
  // of the state has succeeded. TPM2_Startup is up to the caller. Throws Failure{kState} or {kLibrary, "missing"}.
  Libtpms(StateFile& file, bool create);

  // Shuts down in order where that can still be stored, then powers off.
  ~Libtpms();
  Libtpms(const Libtpms&) = delete;
  Libtpms& operator=(const Libtpms&) = delete;

  // One command, one whole answer. Throws Failure{kState} where the state cannot be written.
  Bytes process(ByteView command);

  // The total of successful state writes by this process.
  static uint64_t writes();

  // Makes a long command (making a key) end early, from any thread: for the end of the process.
  static void cancel() noexcept;

 private:
  friend struct Callbacks;
  void power_on(bool create);
  void power_off() noexcept;

  StateFile& file_;
  bool making_ = false;            // whether power_on makes a new TPM
  Bytes fresh_;                    // that TPM's state, for libtpms asks for it at once
  std::optional<Failure> broken_;  // why the state could not be stored: no further command is run
};

}  // namespace tessera
