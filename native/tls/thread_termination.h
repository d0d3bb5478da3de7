// Whether a JavaScript thread is being terminated: by Worker.terminate(), or because the thread that started it ends.
// Node runs no cleanup hook before the thread has returned, so a thread that waits has to check by itself.
#pragma once

#include <node_api.h>

namespace tessera::tls {

// Makes is_terminating() work on this thread, for as long as its environment exists.
void watch_termination(napi_env env);

// Always false on a thread without watch_termination().
bool is_terminating();

}  // namespace tessera::tls
