// The one way in which the native PC/SC layer fails.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace tessera::pcsc {

// `layer`, as JavaScript sees it: "pcsc" (`rc` is PC/SC's return code), "library" (libpcsclite is missing) or "closed"
// (the connection was given up while the call waited).
struct Failure : std::runtime_error {
  Failure(const char* who, uint32_t code, const std::string& text) : std::runtime_error(text), layer(who), rc(code) {}

  const char* layer;
  uint32_t rc;
};

// A limit of the process, the user or the machine.
inline Failure no_thread(const std::exception& why) {
  return Failure("pcsc", static_cast<uint32_t>(0x80100006),  // SCARD_E_NO_MEMORY
                 std::string("No thread can be started (") + why.what() +
                     "). Raise the limit (ulimit -u), or end programs that are not needed.");
}

}  // namespace tessera::pcsc
