// An ENGINE in the OpenSSL inside Node: keys that a desk signs with. tls.connect takes its name (`tessera`, of the
// first copy of the addon in a process) as `privateKeyEngine`, with `privateKeyIdentifier` "DESK.CONNECTION".
#pragma once

namespace tessera::tls {

// Registers it, once for this copy of the addon, and says by which name. Null in a Node whose OpenSSL has no ENGINE.
const char* register_engine();

}  // namespace tessera::tls
