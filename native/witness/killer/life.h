// One life of a process with an embedded TPM: the product's transport and state file, and raw commands.
#pragma once

#include <string>

#include "tpm/interrupt.h"
#include "tpm/transport.h"

namespace tessera::killer {

class Life {
 public:
  // Powers the TPM on and starts it. Throws Failure, or std::runtime_error for an answer that is not success.
  Life(const std::string& state_file, uint32_t index);

  // Wrong tries that the index has counted, by the owner's empty password.
  uint32_t counted();

  // Guesses the PIN, wrongly; returns the TPM's response code.
  uint32_t guess();

 private:
  Bytes must(const Bytes& command, const char* what);

  const uint32_t index_;
  Interrupt interrupt_;
  std::unique_ptr<Transport> transport_;
  uint32_t session_ = 0;
};

inline constexpr uint32_t kBadAuth = 0x9a2;      // TPM_RC_BAD_AUTH, session 1: wrong, and counted
inline constexpr uint32_t kUnavailable = 0x12f;  // TPM_RC_AUTH_UNAVAILABLE: blocked

}  // namespace tessera::killer
