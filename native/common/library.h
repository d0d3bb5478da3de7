// Shared libraries, opened when first needed: on a machine without one, everything else still works. In a build with
// libraries inside (TESSERA_STATIC), their functions are found there instead, and nothing is opened for them.
#pragma once

#include <mutex>
#include <string>

namespace tessera {

#ifdef TESSERA_STATIC
// Address of a function that is inside this addon; a null pointer for others. Generated: native/static/symbols.cmake.
void* built_in(const char* name);
#else
inline void* built_in(const char*) {
  return nullptr;
}
#endif

// A library that stays open for the life of the process. libtss2 and libtpms keep global state, and closing them while
// a thread may still return into them is never safe.
class Library {
 public:
  // `deep_bind`: the library must not see Node's own OpenSSL. A libtpms of the system was linked with the system's
  // libcrypto, whose data it shares with nobody else here; without this it would bind 171 functions to Node's, whatever
  // version that is. A libtpms inside the addon has no other libcrypto: it uses Node's through the same stable
  // functions as the addon, and scripts/release refuses to ship it where a supported Node lacks one of them.
  Library(const char* file, const char* package, bool deep_bind = false)
      : file_(file), package_(package), deep_bind_(deep_bind) {}

  // Address of `name`. Throws Failure{kLibrary, "missing"} that names the Debian package to install.
  void* symbol(const char* name);

  template <typename Function>
  Function* function(const char* name) {
    return reinterpret_cast<Function*>(symbol(name));
  }

 private:
  const char* file_;
  const char* package_;
  bool deep_bind_;
  std::mutex mutex_;
  void* handle_ = nullptr;
};

}  // namespace tessera
