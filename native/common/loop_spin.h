// Keeps an event loop turning for a moment instead of letting it sleep, so that an answer from another thread arrives
// at once: waking a thread on an idle processor takes a tenth of the time of a signature.
#pragma once

#include <node_api.h>
#include <uv.h>

#include <chrono>
#include <memory>
#include <utility>

#include "busy_processor.h"

namespace tessera {

class LoopSpin {
 public:
  using Clock = std::chrono::steady_clock;

  explicit LoopSpin(napi_env env) {
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env, &loop);
    auto idle = std::make_unique<Idle>();
    if (loop == nullptr || uv_idle_init(loop, &idle->handle) != 0) return;
    uv_unref(reinterpret_cast<uv_handle_t*>(&idle->handle));  // a pending call keeps the loop alive, not this
    idle_ = idle.release();
    idle_->handle.data = idle_;
    idle_->owner = this;
    napi_add_async_cleanup_hook(env, at_env_end, idle_, &idle_->hook);
  }
  ~LoopSpin() {
    if (idle_ != nullptr) idle_->close();
  }
  LoopSpin(const LoopSpin&) = delete;
  LoopSpin& operator=(const LoopSpin&) = delete;

  void until(Clock::time_point end) {
    if (idle_ == nullptr || !idle_->processor.quiet(Clock::now())) return;
    idle_->end = end;
    uv_idle_start(&idle_->handle, turned);
  }

  void stop() {
    if (idle_ != nullptr) uv_idle_stop(&idle_->handle);
  }

 private:
  // It belongs to the loop until the handle is closed; the environment waits for that.
  struct Idle {
    void close() {
      if (owner == nullptr) return;  // closed before
      std::exchange(owner, nullptr)->idle_ = nullptr;
      uv_close(reinterpret_cast<uv_handle_t*>(&handle), [](uv_handle_t* closed) {
        const std::unique_ptr<Idle> self(static_cast<Idle*>(closed->data));
        if (self->hook != nullptr) napi_remove_async_cleanup_hook(self->hook);
      });
    }

    uv_idle_t handle{};
    Clock::time_point end;
    BusyProcessor processor;
    LoopSpin* owner = nullptr;
    napi_async_cleanup_hook_handle hook = nullptr;
  };

  static void turned(uv_idle_t* handle) {
    Idle& idle = *static_cast<Idle*>(handle->data);
    const auto now = idle.processor.give_way();
    if (now >= idle.end || !idle.processor.quiet(now)) uv_idle_stop(handle);
  }

  static void at_env_end(napi_async_cleanup_hook_handle, void* idle) { static_cast<Idle*>(idle)->close(); }

  Idle* idle_ = nullptr;
};

}  // namespace tessera
