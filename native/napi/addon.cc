// The module: each domain adds its own exports.
#include <napi.h>

namespace tessera {
void init_tpm(Napi::Env env, Napi::Object exports);
}

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  tessera::init_tpm(env, exports);
  return exports;
}

NODE_API_MODULE(tessera, init)
