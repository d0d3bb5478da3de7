// libpcsclite, opened when first needed. Its DWORD and LONG are as wide as a pointer on Linux, but codes and flags have
// 32 bits, and only these leave this directory.
#pragma once

#include <reader.h>
#include <winscard.h>

#include <mutex>

#include "../common/failure.h"
#include "../common/library.h"

namespace tessera::pcsc {

Library& pcsclite();

// The functions of libpcsclite, resolved once, all or none: each is named here and nowhere else.
struct Api {
#define PCSC_FUNCTION(NAME) \
  decltype(&::SCard##NAME) NAME = pcsclite().function<std::remove_pointer_t<decltype(&::SCard##NAME)>>("SCard" #NAME)
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
};

// Throws Failure of layer "library" that says what to install.
const Api& api();

// Held during a call that fills the table of readers: libpcsclite has one for the whole process.
std::mutex& reader_table();

// Throws unless `rv` is success.
void ensure(LONG rv, const char* what);

// Losses that no context or card handle survives: pcscd is gone, or does not know us.
bool is_service_loss(uint32_t rc);

// A connection to pcscd.
class Context {
 public:
  Context();
  ~Context() { api().ReleaseContext(handle_); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  SCARDCONTEXT get() const { return handle_; }

 private:
  SCARDCONTEXT handle_ = 0;
};

}  // namespace tessera::pcsc
