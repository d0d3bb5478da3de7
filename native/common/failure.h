// The one way in which native code fails.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace tessera {

// The source of the failure. The names are the strings that JavaScript sees as `layer`.
enum class Layer {
  kTpm,      // the TPM answered with a response code
  kTcti,     // transport: connecting, sending, waiting, or an answer that is no answer
  kSapi,     // libtss2-sys or libtss2-mu refused what it was given
  kSession,  // an answer whose HMAC does not verify, or a session that is gone
  kLibrary,  // a shared library or a function in it is missing
  kState,    // the embedded TPM's state file
  kPcsc,     // PC/SC: `rc` is its return code
  kClosed,   // the object was closed while the call waited
};

inline const char* layer_name(Layer layer) {
  switch (layer) {
    case Layer::kTpm:
      return "tpm";
    case Layer::kTcti:
      return "tcti";
    case Layer::kSapi:
      return "sapi";
    case Layer::kSession:
      return "session";
    case Layer::kLibrary:
      return "library";
    case Layer::kState:
      return "state";
    case Layer::kPcsc:
      return "pcsc";
    case Layer::kClosed:
      return "closed";
  }
  return "tpm";
}

// `reason` is a short stable word that TypeScript turns into an error code ("busy", "gone", "timeout", "answer",
// "permission", "absent", "missing", "corrupt", "forged", "full", "openssl", "usage"); empty when `rc` says it all.
struct Failure : std::runtime_error {
  Failure(Layer who, uint32_t code, std::string word, const std::string& text)
      : std::runtime_error(text), layer(who), rc(code), reason(std::move(word)) {}

  Layer layer;
  uint32_t rc;
  std::string reason;
};

// No thread can be started: a limit of the process, the user or the machine is reached.
inline Failure no_thread(Layer who, uint32_t code, const std::exception& why) {
  return Failure(who, code, "io",
                 std::string("No thread can be started (") + why.what() +
                     "). Raise the limit (ulimit -u), or end programs that are not needed.");
}

}  // namespace tessera
