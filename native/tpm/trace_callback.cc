#include "trace_callback.h"

#include <utility>

namespace tessera {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

}  // namespace

TraceCallback::TraceCallback(Napi::Env env, Napi::Function function)
    : callback_(Callback::New(env, function, "trace", 0, 1)) {
  callback_.Unref(env);
}

void TraceCallback::tell(Exchange exchange) {
  auto* told = new Exchange(std::move(exchange));
  if (callback_.NonBlockingCall(told) != napi_ok) delete told;
}

void TraceCallback::release() {
  if (!std::exchange(released_, true)) callback_.Release();
}

// Without an environment: it is going away.
void TraceCallback::call_js(Napi::Env env, Napi::Function function, void*, Exchange* exchange) {
  const std::unique_ptr<Exchange> told(exchange);
  if (env == nullptr) return;
  const Napi::HandleScope scope(env);
  try {
    auto object = Napi::Object::New(env);
    object.Set("command", Napi::String::New(env, told->command));
    if (!told->answer.empty()) object.Set("answer", Napi::String::New(env, told->answer));
    object.Set("began", Napi::Number::New(env, Milliseconds(told->began.time_since_epoch()).count()));
    object.Set("took", Napi::Number::New(env, Milliseconds(told->took).count()));
    function.Call({object});
  } catch (const Napi::Error&) {
    // JavaScript was stopped (Worker.terminate). The function itself throws nothing.
  }
}

}  // namespace tessera
