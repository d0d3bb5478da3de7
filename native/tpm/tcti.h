// The way from libtss2-sys to a Transport, and the SAPI context that uses it.
#pragma once

#include <tss2/tss2_sys.h>
#include <tss2/tss2_tcti.h>

#include <exception>

#include "transport.h"

namespace tessera {

class Interrupt;

// A TSS2_TCTI_CONTEXT over a Transport. Callbacks from C cannot throw: `rethrow` throws the stored failure later.
class Tcti {
 public:
  Tcti(Transport& transport, const Interrupt& interrupt);
  ~Tcti() { forget(); }
  Tcti(const Tcti&) = delete;
  Tcti& operator=(const Tcti&) = delete;

  TSS2_TCTI_CONTEXT* context() { return reinterpret_cast<TSS2_TCTI_CONTEXT*>(&context_); }
  void set_limit(std::chrono::milliseconds limit) { limit_ = limit; }
  void rethrow();

  // The last answer, as it came, until `forget` wipes it.
  ByteView answer() const { return answer_; }
  void forget();

 private:
  static Tcti& self(TSS2_TCTI_CONTEXT* context);
  static TSS2_RC transmit(TSS2_TCTI_CONTEXT* context, size_t size, const uint8_t* command);
  static TSS2_RC receive(TSS2_TCTI_CONTEXT* context, size_t* size, uint8_t* response, int32_t timeout);
  Bytes exchange(ByteView command);

  // The context that libtss2-sys has; the pointer after the common part leads its callbacks back here.
  struct Context {
    TSS2_TCTI_CONTEXT_COMMON_V2 common;
    Tcti* self;
  };

  Context context_{};
  Transport& transport_;
  const Interrupt& interrupt_;
  std::chrono::milliseconds limit_{30000};
  Bytes answer_;
  std::exception_ptr failure_;
};

// Owns a TSS2_SYS_CONTEXT.
class SysContext {
 public:
  explicit SysContext(Tcti& tcti);
  ~SysContext();
  SysContext(const SysContext&) = delete;
  SysContext& operator=(const SysContext&) = delete;

  TSS2_SYS_CONTEXT* get() { return reinterpret_cast<TSS2_SYS_CONTEXT*>(memory_.data()); }

 private:
  std::vector<std::max_align_t> memory_;
};

}  // namespace tessera
