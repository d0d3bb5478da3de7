// What JavaScript sees of sockets; its types are in src/native.ts.
#include <napi.h>

#include "../common/convert.h"
#include "peer.h"
#include "quick_ack.h"

namespace tessera::net {

namespace {

Napi::Value js_set_quick_ack(const Napi::CallbackInfo& info) {
  const auto fd = static_cast<int>(to_u32(info[0], "fd", INT32_MAX));
  return Napi::Boolean::New(info.Env(), set_quick_ack(fd));
}

Napi::Value js_peer_user(const Napi::CallbackInfo& info) {
  const auto user = peer_user(static_cast<int>(to_u32(info[0], "fd", INT32_MAX)));
  return user ? Napi::Number::New(info.Env(), *user) : info.Env().Undefined();
}

}  // namespace

void init(Napi::Env env, Napi::Object exports) {
  exports.Set("setQuickAck", Napi::Function::New<js_set_quick_ack>(env, "setQuickAck"));
  exports.Set("peerUser", Napi::Function::New<js_peer_user>(env, "peerUser"));
}

}  // namespace tessera::net
