// The address of a swtpm.
#pragma once

#include <string>

namespace tessera {

struct SwtpmAddress {
  std::string path;  // of a Unix socket; empty: TCP
  std::string host = "127.0.0.1";
  std::string port = "2321";
};

// Parses "swtpm:", "swtpm:host=H,port=N" (either may be left out) or "swtpm:path=/run/x.sock". Throws
// Failure{kTcti, "usage"} on anything else: a mistyped setting must not lead to another TPM.
SwtpmAddress parse_swtpm(const std::string& tcti);

}  // namespace tessera
