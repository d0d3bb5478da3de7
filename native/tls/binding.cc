// What JavaScript sees of TLS with a card's key; its types are in src/native.ts.
#include <napi.h>

#include <utility>

#include "../common/convert.h"
#include "../common/thread_safe_callback.h"
#include "../common/thread_termination.h"
#include "engine.h"
#include "remote_signer.h"

namespace tessera::tls {
namespace {

// new TlsSigner(spki, request => ..., { patience? })
class JsSigner : public Napi::ObjectWrap<JsSigner> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "TlsSigner",
                       {InstanceMethod<&JsSigner::answer>("answer"), InstanceMethod<&JsSigner::refuse>("refuse"),
                        InstanceMethod<&JsSigner::close>("close")});
  }

  explicit JsSigner(const Napi::CallbackInfo& info) : Napi::ObjectWrap<JsSigner>(info) {
    Bytes spki = to_bytes(info[0], "publicKey");
    if (!info[1].IsFunction()) tessera::refuse(info[1], "listener", "a function");
    const auto patience = info[2].IsUndefined()
                              ? RemoteSigner::kPatience
                              : std::chrono::milliseconds(to_u32(info[2], "patience", RemoteSigner::kPatience.count()));
    listener_ = Napi::Persistent(info[1].As<Napi::Function>());
    callback_ = std::make_shared<Exit>(info.Env(), this);
    callback_->hold(info.Env(), false);
    const auto ask = [callback = callback_](std::unique_ptr<Request> request) { callback->send(std::move(request)); };
    number_ = add_signer(std::make_shared<RemoteSigner>(std::move(spki), ask, patience));
    try {
      // A value, not a getter: Node checks the receiver of a method, but not of a getter.
      info.This().As<Napi::Object>().DefineProperty(
          Napi::PropertyDescriptor::Value("number", Napi::Number::New(info.Env(), number_), napi_enumerable));
      Ref();  // until it is closed
    } catch (...) {
      finish();  // the thread is being ended, and no destructor runs for an object whose constructor threw
      throw;
    }
    napi_add_env_cleanup_hook(info.Env(), at_env_end, this);
  }

  ~JsSigner() override {
    napi_remove_env_cleanup_hook(Env(), at_env_end, this);
    finish();
  }

  void arrived(Napi::Env env, std::unique_ptr<Request> request) {
    if (finished_) return;
    auto object = Napi::Object::New(env);
    // Counted from 1 in steps of one: it stays exact as a number.
    object.Set("id", Napi::Number::New(env, static_cast<double>(request->id)));
    object.Set("connection", Napi::Number::New(env, request->connection));
    object.Set("kind", Napi::String::New(env, request->kind == Kind::kDigest ? "digest" : "block"));
    object.Set("octets", to_js(env, ByteView(request->octets)));
    listener_.Call({object});
  }

 private:
  using Exit = ThreadSafeCallback<JsSigner, Request>;

  static void at_env_end(void* raw) { static_cast<JsSigner*>(raw)->finish(); }

  bool finish() {
    if (std::exchange(finished_, true)) return false;
    if (callback_) callback_->close();
    remove_signer(number_);
    return true;
  }

  Napi::Value settle(const Napi::CallbackInfo& info, std::optional<Bytes> signature) {
    const double id = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -1;
    if (!(id >= 0 && id <= 9007199254740991)) tessera::refuse(info[0], "id", "a whole number");
    const auto signer = find_signer(number_);
    return Napi::Boolean::New(info.Env(), signer && signer->answer(static_cast<uint64_t>(id), std::move(signature)));
  }

  Napi::Value answer(const Napi::CallbackInfo& info) { return settle(info, to_bytes(info[1], "signature")); }

  Napi::Value refuse(const Napi::CallbackInfo& info) { return settle(info, std::nullopt); }

  Napi::Value close(const Napi::CallbackInfo& info) {
    if (finish()) Unref();
    return info.Env().Undefined();
  }

  Napi::FunctionReference listener_;
  std::shared_ptr<Exit> callback_;
  uint32_t number_ = 0;
  bool finished_ = false;
};

Napi::Value js_register_engine(const Napi::CallbackInfo& info) {
  const char* id = register_engine();
  return id == nullptr ? info.Env().Undefined() : Napi::String::New(info.Env(), id);
}

Napi::Value js_watch_termination(const Napi::CallbackInfo& info) {
  watch_termination(info.Env());
  return info.Env().Undefined();
}

}  // namespace

void init(Napi::Env env, Napi::Object exports) {
  exports.Set("TlsSigner", JsSigner::define(env));
  exports.Set("registerTlsEngine", Napi::Function::New<js_register_engine>(env, "registerTlsEngine"));
  exports.Set("watchThreadTermination", Napi::Function::New<js_watch_termination>(env, "watchThreadTermination"));
}

}  // namespace tessera::tls
