// The module: each domain adds its own exports.
#include <napi.h>

namespace tessera {
namespace kdf {
void init(Napi::Env env, Napi::Object exports);
}
namespace net {
void init(Napi::Env env, Napi::Object exports);
}
namespace pcsc {
void init(Napi::Env env, Napi::Object exports);
}
namespace provider {
void init(Napi::Env env, Napi::Object exports);
}
namespace terminal {
void init(Napi::Env env, Napi::Object exports);
}
void init_tpm(Napi::Env env, Napi::Object exports);
}  // namespace tessera

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  tessera::init_tpm(env, exports);
  tessera::pcsc::init(env, exports);
  tessera::net::init(env, exports);
  tessera::kdf::init(env, exports);
  tessera::terminal::init(env, exports);
  tessera::provider::init(env, exports);
  return exports;
}

NODE_API_MODULE(tessera, init)
