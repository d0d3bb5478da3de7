#include "ending.h"

namespace tessera::tls {
namespace {

thread_local napi_env watched = nullptr;

}  // namespace

void watch_this_thread(napi_env env) {
  // The addon may have been read in twice; what either of them asks is the thread's, and a hook may be added once.
  if (watched != nullptr) return;
  watched = env;
  napi_add_env_cleanup_hook(
      env, [](void*) { watched = nullptr; }, nullptr);
}

bool this_thread_ends() {
  if (watched == nullptr) return false;
  napi_handle_scope scope;
  if (napi_open_handle_scope(watched, &scope) != napi_ok) return false;
  // The least of all calls that Node refuses where JavaScript may not run any more. It runs none.
  napi_value value;
  const bool ends =
      napi_get_boolean(watched, true, &value) != napi_ok || napi_coerce_to_bool(watched, value, &value) != napi_ok;
  napi_close_handle_scope(watched, scope);
  return ends;
}

}  // namespace tessera::tls
