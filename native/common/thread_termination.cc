#include "thread_termination.h"

namespace tessera {
namespace {

thread_local napi_env watched = nullptr;

}  // namespace

void watch_termination(napi_env env) {
  // The addon may be loaded more than once in a thread; the hook may be added only once.
  if (watched != nullptr) return;
  watched = env;
  napi_add_env_cleanup_hook(
      env, [](void*) { watched = nullptr; }, nullptr);
}

bool is_watched() {
  return watched != nullptr;
}

bool is_terminating() {
  if (watched == nullptr) return false;
  napi_handle_scope scope;
  if (napi_open_handle_scope(watched, &scope) != napi_ok) return false;
  // The cheapest call that Node refuses once JavaScript may not run any more. It runs no JavaScript itself.
  napi_value value;
  const bool ends =
      napi_get_boolean(watched, true, &value) != napi_ok || napi_coerce_to_bool(watched, value, &value) != napi_ok;
  napi_close_handle_scope(watched, scope);
  return ends;
}

}  // namespace tessera
