#include "api.h"

namespace tessera::pcsc {

Library& pcsclite() {
  static Library library("libpcsclite.so.1", "libpcsclite1");
  return library;
}

const Api& api() {
  static const Api functions;  // where this throws, the next call tries again
  return functions;
}

std::mutex& reader_table() {
  static std::mutex mutex;
  return mutex;
}

void ensure(LONG rv, const char* what) {
  if (rv != SCARD_S_SUCCESS) throw Failure(Layer::kPcsc, static_cast<uint32_t>(rv), "", what);
}

bool is_service_loss(uint32_t rc) {
  switch (rc) {
    case static_cast<uint32_t>(SCARD_E_NO_SERVICE):
    case static_cast<uint32_t>(SCARD_E_SERVICE_STOPPED):
    case static_cast<uint32_t>(SCARD_E_INVALID_HANDLE):
    case static_cast<uint32_t>(SCARD_F_COMM_ERROR):
    case static_cast<uint32_t>(SCARD_F_INTERNAL_ERROR):
      return true;
    default:
      return false;
  }
}

Context::Context() {
  ensure(api().EstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &handle_), "SCardEstablishContext");
}

}  // namespace tessera::pcsc
