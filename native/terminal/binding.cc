// What JavaScript sees of terminals; its types are in src/native.ts.
#include <napi.h>

#include "../common/convert.h"
#include "echo.h"

namespace tessera::terminal {

namespace {

Napi::Value js_set_terminal_echo(const Napi::CallbackInfo& info) {
  const auto fd = static_cast<int>(to_u32(info[0], "fd", INT32_MAX));
  return Napi::Boolean::New(info.Env(), set_echo(fd, info[1].ToBoolean().Value()));
}

}  // namespace

void init(Napi::Env env, Napi::Object exports) {
  exports.Set("setTerminalEcho", Napi::Function::New<js_set_terminal_echo>(env, "setTerminalEcho"));
}

}  // namespace tessera::terminal
