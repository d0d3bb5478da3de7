#include "api.h"

#include "../common/failure.h"
#include "../common/library.h"

namespace tessera::pcsc {
namespace {

Api load() {
  static Library library("libpcsclite.so.1", "libpcsclite1");
  Api functions{};
#define PCSC_FUNCTION(NAME) \
  functions.NAME = library.function<std::remove_pointer_t<decltype(&::SCard##NAME)>>("SCard" #NAME)
  PCSC_FUNCTION(EstablishContext);
  PCSC_FUNCTION(ReleaseContext);
  PCSC_FUNCTION(Cancel);
  PCSC_FUNCTION(ListReaders);
  PCSC_FUNCTION(GetStatusChange);
  PCSC_FUNCTION(Connect);
  PCSC_FUNCTION(Reconnect);
  PCSC_FUNCTION(Disconnect);
  PCSC_FUNCTION(Status);
  PCSC_FUNCTION(BeginTransaction);
  PCSC_FUNCTION(EndTransaction);
  PCSC_FUNCTION(Transmit);
  PCSC_FUNCTION(Control);
  PCSC_FUNCTION(GetAttrib);
#undef PCSC_FUNCTION
  return functions;
}

}  // namespace

const Api& api() {
  static const Api functions = load();  // tried again by the next call when it fails
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
