// Shared libraries, opened when first needed: on a machine without one, everything else still works.
#pragma once

#include <mutex>
#include <string>

namespace tessera {

// A library that stays open for the life of the process. libtss2 and libtpms keep global state, and closing them while
// a thread may still return into them is never safe.
class Library {
 public:
  // `deep_bind`: the library must not see Node's own OpenSSL (libtpms would bind 171 of its functions to it).
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
