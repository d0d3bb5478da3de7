// Between JavaScript values and octets. The only shapes that cross the seam are numbers, strings, Uint8Arrays and
// plain objects of these; src/native.ts has the types. Anything else is a TypeError, and never more than that.
#pragma once

#include <napi.h>

#include <string>

#include "failure.h"
#include "secret.h"

namespace tessera {

[[noreturn]] inline void refuse(const Napi::Value& value, const char* what, const std::string& wanted) {
  throw Napi::TypeError::New(value.Env(), std::string(what) + " must be " + wanted + ".");
}

inline Napi::Object to_object(const Napi::Value& value, const char* what) {
  if (!value.IsObject()) refuse(value, what, "an object");
  return value.As<Napi::Object>();
}

inline Napi::Array to_list(const Napi::Value& value, const char* what, uint32_t most) {
  if (!value.IsArray() || value.As<Napi::Array>().Length() > most) {
    refuse(value, what, "an array of at most " + std::to_string(most));
  }
  return value.As<Napi::Array>();
}

// The octets of a Uint8Array in place: to be copied before JavaScript runs again.
inline ByteView view_of(const Napi::Value& value, const char* what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    refuse(value, what, "a Uint8Array");
  }
  const auto array = value.As<Napi::Uint8Array>();
  if (array.ElementLength() > kMaxMessage) refuse(value, what, "a Uint8Array that fits into a TPM command");
  return {array.Data(), array.ElementLength()};
}

inline Bytes to_bytes(const Napi::Value& value, const char* what) {
  const ByteView view = view_of(value, what);
  return Bytes(view.begin(), view.end());
}

inline Secret to_secret(const Napi::Value& value, const char* what) {
  return Secret(view_of(value, what));
}

inline Napi::Value to_js(Napi::Env env, ByteView octets) {
  auto buffer = Napi::ArrayBuffer::New(env, octets.size());
  std::copy(octets.begin(), octets.end(), static_cast<uint8_t*>(buffer.Data()));
  return Napi::Uint8Array::New(env, octets.size(), buffer, 0);
}

inline uint32_t to_u32(const Napi::Value& value, const char* what, uint32_t most = UINT32_MAX) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  // Written so that NaN fails too.
  if (!(number >= 0 && number <= most && number == static_cast<uint32_t>(number))) {
    refuse(value, what, "a whole number from 0 to " + std::to_string(most));
  }
  return static_cast<uint32_t>(number);
}

inline std::string to_text(const Napi::Value& value, const char* what) {
  if (!value.IsString()) refuse(value, what, "a string");
  std::string text = value.As<Napi::String>().Utf8Value();
  if (text.find('\0') != std::string::npos) refuse(value, what, "a string without a zero in it");
  return text;
}

// The error in the form that src/tpm/failure.ts reads.
inline Napi::Error to_error(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.what());
  error.Set("layer", Napi::String::New(env, layer_name(failure.layer)));
  error.Set("rc", Napi::Number::New(env, failure.rc));
  error.Set("reason", Napi::String::New(env, failure.reason));
  return error;
}

// Runs `work`; a Failure becomes that error, and so does any other exception that a process without memory, threads or
// descriptors may throw.
template <typename Work>
auto guarded(Napi::Env env, const Work& work) {
  try {
    return work();
  } catch (const Napi::Error&) {
    throw;
  } catch (const Failure& failure) {
    throw to_error(env, failure);
  } catch (const std::exception& error) {
    throw to_error(env, Failure(Layer::kTcti, 0, "io", error.what()));
  }
}

}  // namespace tessera
