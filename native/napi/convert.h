// Between JavaScript values and octets. The only shapes that cross the seam are numbers, strings, Uint8Arrays and
// plain objects of these; src/native.ts has the types.
#pragma once

#include <napi.h>

#include <string>

#include "../tpm/error.h"
#include "../tpm/transport.h"

namespace tessera {

// The octets of a Uint8Array, copied: JavaScript may change or move its own at any time.
inline Bytes to_bytes(const Napi::Value& value, const char* what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw Napi::TypeError::New(value.Env(), std::string(what) + " must be a Uint8Array.");
  }
  const auto array = value.As<Napi::Uint8Array>();
  return Bytes(array.Data(), array.Data() + array.ElementLength());
}

inline Napi::Value to_js(Napi::Env env, ByteView octets) {
  auto buffer = Napi::ArrayBuffer::New(env, octets.size());
  std::copy(octets.begin(), octets.end(), static_cast<uint8_t*>(buffer.Data()));
  return Napi::Uint8Array::New(env, octets.size(), buffer, 0);
}

inline uint32_t to_u32(const Napi::Value& value, const char* what) {
  if (!value.IsNumber()) throw Napi::TypeError::New(value.Env(), std::string(what) + " must be a number.");
  return value.As<Napi::Number>().Uint32Value();
}

inline std::string to_text(const Napi::Value& value, const char* what) {
  if (!value.IsString()) throw Napi::TypeError::New(value.Env(), std::string(what) + " must be a string.");
  return value.As<Napi::String>().Utf8Value();
}

// The error that src/tpm/failure.ts reads.
inline Napi::Error to_error(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.what());
  error.Set("layer", Napi::String::New(env, layer_name(failure.layer)));
  error.Set("rc", Napi::Number::New(env, failure.rc));
  error.Set("reason", Napi::String::New(env, failure.reason));
  return error;
}

}  // namespace tessera
