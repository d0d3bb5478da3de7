// Whether a thread of JavaScript's is told to end: by Worker.terminate(), or since the thread that began it ends. Node
// runs no hook of anybody's then before it has waited for the thread, and a thread that waits itself has to look.
#pragma once

#include <node_api.h>

namespace tessera::tls {

// From now on this thread can be asked, for as long as its environment is there.
void watch_this_thread(napi_env env);

// Not on a thread that is not watched.
bool this_thread_ends();

}  // namespace tessera::tls
