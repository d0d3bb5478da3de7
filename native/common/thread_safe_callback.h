// Calls JavaScript's thread from a thread of ours, for as long as its environment exists.
#pragma once

#include <napi.h>

#include <memory>
#include <mutex>
#include <utility>

namespace tessera {

// `Owner::arrived(env, std::unique_ptr<Item>)` is called on JavaScript's thread.
template <typename Owner, typename Item>
class ThreadSafeCallback {
 public:
  explicit ThreadSafeCallback(Napi::Env env, Owner* owner) : function_(Function::New(env, "tessera", 0, 1, owner)) {}

  // From any thread. Items sent after `close` are dropped.
  void send(std::unique_ptr<Item> item) {
    const std::lock_guard lock(mutex_);
    if (open_ && function_.NonBlockingCall(item.get()) == napi_ok) static_cast<void>(item.release());
  }

  // Drops the items under way; the owner is not called again.
  void close() {
    const std::lock_guard lock(mutex_);
    if (std::exchange(open_, false)) function_.Abort();
  }

  // Whether the process stays alive for further items. JavaScript's thread only.
  void hold(Napi::Env env, bool hold) { hold ? function_.Ref(env) : function_.Unref(env); }

 private:
  // `env` is null where the environment goes away, or the callback was closed.
  static void call_js(Napi::Env env, Napi::Function, Owner* owner, Item* raw) {
    std::unique_ptr<Item> item(raw);
    if (env == nullptr) return;
    const Napi::HandleScope scope(env);
    try {
      owner->arrived(env, std::move(item));
    } catch (const Napi::Error& error) {
      // A listener threw: report it as Node does. This does nothing once JavaScript was stopped.
      napi_fatal_exception(env, error.Value());
    }
  }
  using Function = Napi::TypedThreadSafeFunction<Owner, Item, call_js>;

  std::mutex mutex_;
  Function function_;
  bool open_ = true;
};

}  // namespace tessera
