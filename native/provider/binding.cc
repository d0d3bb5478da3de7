// What JavaScript sees of the provider; its types are in src/native.ts.
#include <napi.h>

#include <utility>

#include "../common/convert.h"
#include "../common/thread_safe_callback.h"
#include "../common/thread_termination.h"
#include "key.h"
#include "provider.h"

namespace tessera::provider {
namespace {

const char* name_of(Use use) {
  return use == Use::kSign ? "sign" : use == Use::kDecrypt ? "decrypt" : "derive";
}

// new ProviderKey(spki, request => ...)
class JsKey : public Napi::ObjectWrap<JsKey> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "ProviderKey",
                       {InstanceMethod<&JsKey::answer>("answer"), InstanceMethod<&JsKey::refuse>("refuse"),
                        InstanceMethod<&JsKey::name>("name"), InstanceMethod<&JsKey::close>("close")});
  }

  explicit JsKey(const Napi::CallbackInfo& info) : Napi::ObjectWrap<JsKey>(info) {
    const Bytes spki = to_bytes(info[0], "publicKey");
    if (!info[1].IsFunction()) tessera::refuse(info[1], "listener", "a function");
    listener_ = Napi::Persistent(info[1].As<Napi::Function>());
    callback_ = std::make_shared<Exit>(info.Env(), this);
    callback_->hold(info.Env(), false);
    watch_termination(info.Env());
    try {
      key_ = CardKey::make(spki, [callback = callback_](auto request) { callback->send(std::move(request)); });
      if (!key_) tessera::refuse(info[0], "publicKey", "a SubjectPublicKeyInfo of EC or RSA");
      // A value, not a getter: Node checks the receiver of a method, but not of a getter.
      info.This().As<Napi::Object>().DefineProperty(
          Napi::PropertyDescriptor::Value("token", Napi::String::New(info.Env(), key_->token()), napi_enumerable));
      Ref();  // until it is closed
    } catch (...) {
      finish();  // no destructor runs for an object whose constructor threw
      throw;
    }
    napi_add_env_cleanup_hook(info.Env(), at_env_end, this);
    hooked_ = true;
  }

  ~JsKey() override {
    if (hooked_) napi_remove_env_cleanup_hook(Env(), at_env_end, this);
    finish();
  }

  // Without a request, a thread asks whether anybody will answer: once JavaScript has been stopped nobody will, and
  // Node waits for that thread before it runs a cleanup hook.
  void arrived(Napi::Env env, std::unique_ptr<Request> request) {
    if (finished_) return;
    if (is_terminating()) return void(finish());
    if (!request) return;
    auto object = Napi::Object::New(env);
    // Counted from 1 in steps of one: it stays exact as a number.
    object.Set("id", Napi::Number::New(env, static_cast<double>(request->id)));
    object.Set("pooled", Napi::Boolean::New(env, request->pooled));
    object.Set("use", Napi::String::New(env, name_of(request->use)));
    object.Set("octets", to_js(env, ByteView(request->octets)));
    object.Set("hash", Napi::String::New(env, request->hash));
    object.Set("padding", Napi::String::New(env, request->padding));
    object.Set("saltLength", Napi::Number::New(env, request->salt_length));
    object.Set("label", to_js(env, ByteView(request->label)));
    listener_.Call({object});
  }

 private:
  using Exit = ThreadSafeCallback<JsKey, Request>;

  static void at_env_end(void* raw) { static_cast<JsKey*>(raw)->finish(); }

  bool finish() {
    if (std::exchange(finished_, true)) return false;
    if (callback_) callback_->close();
    if (key_) key_->close();
    return true;
  }

  Napi::Value settle(const Napi::CallbackInfo& info, Answer answer) {
    const double id = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -1;
    if (!(id >= 0 && id <= 9007199254740991)) tessera::refuse(info[0], "id", "a whole number");
    return Napi::Boolean::New(info.Env(), key_->answer(static_cast<uint64_t>(id), std::move(answer)));
  }

  Napi::Value answer(const Napi::CallbackInfo& info) { return settle(info, {to_secret(info[1], "octets"), ""}); }

  Napi::Value refuse(const Napi::CallbackInfo& info) {
    std::string code = to_text(info[1], "code");
    if (code.empty()) tessera::refuse(info[1], "code", "a code of an error");
    return settle(info, {Secret(), std::move(code)});
  }

  Napi::Value name(const Napi::CallbackInfo& info) {
    const std::string name = to_text(info[0], "name");
    if (name.empty()) tessera::refuse(info[0], "name", "a name");
    if (!key_->give_name(name)) return info.Env().Null();
    return Napi::String::New(info.Env(), std::string(provider_name()) + ':' + name);
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    if (finish()) Unref();
    return info.Env().Undefined();
  }

  Napi::FunctionReference listener_;
  std::shared_ptr<Exit> callback_;
  std::shared_ptr<CardKey> key_;
  bool finished_ = false;
  bool hooked_ = false;
};

Napi::Value js_register_provider(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), register_provider());
}

Napi::Value js_watch_termination(const Napi::CallbackInfo& info) {
  watch_termination(info.Env());
  return info.Env().Undefined();
}

}  // namespace

void init(Napi::Env env, Napi::Object exports) {
  exports.Set("ProviderKey", JsKey::define(env));
  exports.Set("registerProvider", Napi::Function::New<js_register_provider>(env, "registerProvider"));
  exports.Set("watchThreadTermination", Napi::Function::New<js_watch_termination>(env, "watchThreadTermination"));
}

}  // namespace tessera::provider
