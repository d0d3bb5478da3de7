#include "library.h"

#include <dlfcn.h>

#include "failure.h"

namespace tessera {

void* Library::symbol(const char* name) {
  if (void* const inside = built_in(name)) return inside;
  const std::lock_guard lock(mutex_);
  if (handle_ == nullptr) {
    int flags = RTLD_NOW | RTLD_LOCAL;
#ifndef TESSERA_SANITIZE  // sanitizer runtimes refuse RTLD_DEEPBIND
    if (deep_bind_) flags |= RTLD_DEEPBIND;
#endif
    handle_ = dlopen(file_, flags);
    if (handle_ == nullptr) {
      const char* const why = dlerror();  // names another library where one of its own is what is missing
      throw Failure(Layer::kLibrary, 0, "missing",
                    std::string(file_) + " cannot be loaded (" + (why == nullptr ? "no reason given" : why) +
                        "). Install it (Debian: apt-get install " + package_ + ").");
    }
  }
  void* address = dlsym(handle_, name);
  if (address == nullptr) {
    throw Failure(Layer::kLibrary, 0, "missing",
                  std::string(file_) + " has no " + name + ". Install a newer one (Debian package " + package_ + ").");
  }
  return address;
}

}  // namespace tessera
