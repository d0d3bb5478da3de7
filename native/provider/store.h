// From the URI of a key that its program gave a name to that key: `tessera:NAME`. Nothing is opened and no card is
// looked for: a URI may come from anywhere, and names only what the program has named.
#pragma once

#include <openssl/core_dispatch.h>

namespace tessera::provider {

extern const OSSL_DISPATCH store_functions[];

}  // namespace tessera::provider
