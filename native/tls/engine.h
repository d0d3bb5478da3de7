// An ENGINE in Node's OpenSSL: a RemoteSigner answers for its keys. tls.connect takes its name (`tessera`, for the
// first copy of the addon in a process) as `privateKeyEngine`, with `privateKeyIdentifier` "SIGNER.CONNECTION".
#pragma once

namespace tessera::tls {

// Registers it once for this copy of the addon and returns its name; null where Node's OpenSSL has no ENGINE.
const char* register_engine();

}  // namespace tessera::tls
