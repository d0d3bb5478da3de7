// Debian's libtpms.a is position-independent but for one reference to stderr, which a shared library cannot have. The
// release renames it to this (scripts/release).
#include <stdio.h>

__attribute__((visibility("hidden"))) FILE* tessera_stderr;

__attribute__((constructor)) static void set_stderr(void) {
  tessera_stderr = stderr;
}
