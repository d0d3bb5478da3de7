// Between JavaScript values and those of PC/SC, as convert.h has it for all; src/native.ts has the types.
#pragma once

#include <napi.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../common/convert.h"
#include "../common/failure.h"
#include "readers.h"
#include "session.h"

namespace tessera::pcsc {

using tessera::to_error;
using tessera::to_js;

struct Nothing {};

inline Napi::Value to_js(Napi::Env env, const Nothing&) {
  return env.Undefined();
}

inline Napi::Value to_js(Napi::Env env, const Secret& secret) {
  return to_js(env, secret.view());
}

inline Napi::Value to_js(Napi::Env env, const Connected& connected) {
  auto object = Napi::Object::New(env);
  object.Set("protocol", Napi::Number::New(env, connected.protocol));
  object.Set("atr", to_js(env, ByteView(connected.atr)));
  return object;
}

inline Napi::Value to_js(Napi::Env env, const std::vector<ReaderState>& readers) {
  auto array = Napi::Array::New(env, readers.size());
  for (uint32_t i = 0; i < readers.size(); ++i) {
    auto object = Napi::Object::New(env);
    object.Set("name", Napi::String::New(env, readers[i].name));
    object.Set("state", Napi::Number::New(env, readers[i].state & 0xFFFF));
    object.Set("events", Napi::Number::New(env, readers[i].state >> 16 & 0xFFFF));
    object.Set("atr", to_js(env, ByteView(readers[i].atr)));
    array.Set(i, object);
  }
  return array;
}

inline Napi::Value to_js(Napi::Env env, const std::map<uint32_t, uint32_t>& numbers) {
  auto object = Napi::Object::New(env);
  for (const auto& [name, number] : numbers) object.Set(name, Napi::Number::New(env, number));
  return object;
}

// A copy that is overwritten when it has been sent: it may hold a PIN.
inline std::shared_ptr<Secret> to_apdu(const Napi::Value& value, const char* what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array ||
      value.As<Napi::Uint8Array>().ElementLength() > kMaxApdu) {
    refuse(value, what, "a Uint8Array of at most " + std::to_string(kMaxApdu));
  }
  const auto array = value.As<Napi::Uint8Array>();
  return std::make_shared<Secret>(ByteView(array.Data(), array.ElementLength()));
}

}  // namespace tessera::pcsc
