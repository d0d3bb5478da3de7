#include "libraries.h"

namespace tessera {

Library& tss2_sys() {
  static Library library("libtss2-sys.so.1", "libtss2-sys1");
  return library;
}

Library& tss2_mu() {
  static Library library("libtss2-mu.so.0", "libtss2-mu0");
  return library;
}

Library& tss2_tctildr() {
  static Library library("libtss2-tctildr.so.0", "libtss2-tctildr0");
  return library;
}

Library& tpms() {
  static Library library("libtpms.so.0", "libtpms0", /*deep_bind=*/true);
  return library;
}

}  // namespace tessera
