// Whether a JavaScript thread is being terminated: by Worker.terminate(), or because the thread that started it ends.
// Node runs no cleanup hook before the thread has returned, so a thread that waits has to check by itself.
#pragma once

#include <node_api.h>

namespace tessera {

// Makes is_terminating() work on this thread, for as long as its environment exists.
void watch_termination(napi_env env);

// Whether watch_termination() was called on this thread: then it runs JavaScript.
bool is_watched();

// Always false on a thread without watch_termination().
bool is_terminating();

}  // namespace tessera
