// An ENGINE of the name `tessera` in the OpenSSL inside Node: keys that a desk signs with. tls.connect takes it as
// `privateKeyEngine`, with `privateKeyIdentifier` "DESK.CONNECTION".
#pragma once

namespace tessera::tls {

// Registers it, once in a process. False in a Node whose OpenSSL has no ENGINE.
bool register_engine();

}  // namespace tessera::tls
