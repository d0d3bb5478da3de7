// Tells JavaScript what is said to a TPM.
#pragma once

#include <napi.h>

#include <memory>

#include "transport.h"

namespace tessera {

// Calls `function` with `{ command, answer, began, took }` for each exchange: hex digits, and milliseconds since 1970
// and of the exchange. `answer` is undefined where there was none. Keeps no process running.
class TraceCallback {
 public:
  TraceCallback(Napi::Env env, Napi::Function function);
  ~TraceCallback() { release(); }
  TraceCallback(const TraceCallback&) = delete;
  TraceCallback& operator=(const TraceCallback&) = delete;

  // From any thread, until `release`.
  void tell(Exchange exchange);
  void release();

 private:
  static void call_js(Napi::Env env, Napi::Function function, void*, Exchange* exchange);
  using Callback = Napi::TypedThreadSafeFunction<void, Exchange, call_js>;

  Callback callback_;
  bool released_ = false;
};

}  // namespace tessera
