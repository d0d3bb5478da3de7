// Keeps an event loop turning for a moment instead of letting it sleep, so that what another thread has for it arrives
// at once: to wake a thread of a processor that has gone idle takes a tenth of the time of a signature.
#pragma once

#include <node_api.h>
#include <sched.h>
#include <uv.h>

#include <chrono>
#include <memory>
#include <utility>

namespace tessera {

class Awake {
 public:
  using Clock = std::chrono::steady_clock;

  // To be let go before the environment's end has come so far that loops are closed.
  explicit Awake(napi_env env) {
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env, &loop);
    auto idle = std::make_unique<Idle>();
    if (loop == nullptr || uv_idle_init(loop, &idle->handle) != 0) return;
    uv_unref(reinterpret_cast<uv_handle_t*>(&idle->handle));  // who waits for something holds the loop by that
    idle_ = idle.release();
    idle_->handle.data = idle_;
    napi_add_async_cleanup_hook(env, at_env_end, this, &hook_);
  }
  ~Awake() {
    if (hook_ != nullptr) napi_remove_async_cleanup_hook(hook_);
    close(nullptr);
  }
  Awake(const Awake&) = delete;
  Awake& operator=(const Awake&) = delete;

  void until(Clock::time_point end) {
    if (idle_ == nullptr) return;
    idle_->end = end;
    uv_idle_start(&idle_->handle, turned);
  }

  void stop() {
    if (idle_ != nullptr) uv_idle_stop(&idle_->handle);
  }

 private:
  struct Idle {
    uv_idle_t handle{};
    Clock::time_point end;
    napi_async_cleanup_hook_handle hook = nullptr;
  };

  // Gives way to whatever else would run on this processor: perhaps that is what is waited for.
  static void turned(uv_idle_t* handle) {
    if (Clock::now() >= static_cast<Idle*>(handle->data)->end) uv_idle_stop(handle);
    sched_yield();
  }

  static void at_env_end(napi_async_cleanup_hook_handle hook, void* self) {
    static_cast<Awake*>(self)->hook_ = nullptr;
    static_cast<Awake*>(self)->close(hook);
  }

  // The loop has the handle until it says that it is closed; `hook` keeps the environment for so long.
  void close(napi_async_cleanup_hook_handle hook) {
    Idle* idle = std::exchange(idle_, nullptr);
    if (idle == nullptr) return;
    idle->hook = hook;
    uv_close(reinterpret_cast<uv_handle_t*>(&idle->handle), [](uv_handle_t* handle) {
      const std::unique_ptr<Idle> closed(static_cast<Idle*>(handle->data));
      if (closed->hook != nullptr) napi_remove_async_cleanup_hook(closed->hook);
    });
  }

  Idle* idle_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
};

}  // namespace tessera
