// The witness's way to a TPM: a Unix socket that speaks plain TPM commands. Blocking, one command at a time.
#pragma once

#include <tss2/tss2_tcti.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tessera::witness {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;

inline constexpr size_t kHeader = 10;
inline constexpr size_t kMaxMessage = 4096;

// Owns the socket and is the TCTI that ESAPI is given. Own code, not the project's: a witness shares nothing.
class Tcti {
 public:
  // Connects; throws std::runtime_error.
  explicit Tcti(const std::string& path);
  ~Tcti();
  Tcti(const Tcti&) = delete;
  Tcti& operator=(const Tcti&) = delete;

  TSS2_TCTI_CONTEXT* context() { return reinterpret_cast<TSS2_TCTI_CONTEXT*>(&common_); }

  TSS2_RC send(ByteView command);
  TSS2_RC receive(Bytes& answer);

 private:
  struct Common {
    TSS2_TCTI_CONTEXT_COMMON_V1 v1;
    Tcti* self;
  };

  static TSS2_RC transmit_entry(TSS2_TCTI_CONTEXT* context, size_t size, const uint8_t* command);
  static TSS2_RC receive_entry(TSS2_TCTI_CONTEXT* context, size_t* size, uint8_t* response, int32_t timeout);
  bool read_exactly(uint8_t* to, size_t size);

  Common common_{};
  int socket_ = -1;
};

}  // namespace tessera::witness
