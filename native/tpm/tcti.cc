#include "tcti.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "../common/failure.h"
#include "interrupt.h"
#include "libraries.h"

namespace tessera {
namespace {

constexpr uint64_t kMagic = 0x5445535345524131;  // "TESSERA1"
constexpr size_t kHeader = 10;                   // tag, size, response code

uint32_t response_code(ByteView answer) {
  return head_u32(answer.subspan(6));
}

// Part 2, 6.6.3: the command was not started, or not finished; the same octets have to be sent again.
bool wants_retry(uint32_t rc) {
  return rc == TPM2_RC_RETRY || rc == TPM2_RC_YIELDED || rc == TPM2_RC_TESTING;
}

}  // namespace

Tcti::Tcti(Transport& transport, const Interrupt& interrupt) : transport_(transport), interrupt_(interrupt) {
  context_.common.v1.magic = kMagic;
  context_.common.v1.version = 2;
  context_.common.v1.transmit = transmit;
  context_.common.v1.receive = receive;
  context_.self = this;
}

Tcti& Tcti::self(TSS2_TCTI_CONTEXT* context) {
  return *reinterpret_cast<Context*>(context)->self;
}

Bytes Tcti::exchange(ByteView command) {
  constexpr int kTries = 40;  // with the waits below about eight seconds
  for (int attempt = 1;; ++attempt) {
    Bytes answer = transport_.transmit(command, limit_);
    if (!wants_retry(response_code(answer)) || attempt == kTries) return answer;
    if (interrupt_.wait(std::chrono::milliseconds(std::min(attempt * 10, 200)))) return answer;
  }
}

TSS2_RC Tcti::transmit(TSS2_TCTI_CONTEXT* context, size_t size, const uint8_t* command) {
  Tcti& tcti = self(context);
  try {
    tcti.forget();
    tcti.answer_ = tcti.exchange({command, size});
    return TSS2_RC_SUCCESS;
  } catch (...) {
    tcti.failure_ = std::current_exception();
    return TSS2_TCTI_RC_IO_ERROR;
  }
}

TSS2_RC Tcti::receive(TSS2_TCTI_CONTEXT* context, size_t* size, uint8_t* response, int32_t) {
  Tcti& tcti = self(context);
  if (tcti.answer_.size() < kHeader) return TSS2_TCTI_RC_BAD_SEQUENCE;
  if (response == nullptr) {
    *size = tcti.answer_.size();
    return TSS2_RC_SUCCESS;
  }
  if (*size < tcti.answer_.size()) return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
  *size = tcti.answer_.size();
  std::memcpy(response, tcti.answer_.data(), *size);
  return TSS2_RC_SUCCESS;
}

void Tcti::forget() {
  if (!answer_.empty()) OPENSSL_cleanse(answer_.data(), answer_.size());
  answer_.clear();
}

void Tcti::rethrow() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

SysContext::SysContext(Tcti& tcti) {
  static auto* context_size = tss2_sys().function<decltype(Tss2_Sys_GetContextSize)>("Tss2_Sys_GetContextSize");
  static auto* initialize = tss2_sys().function<decltype(Tss2_Sys_Initialize)>("Tss2_Sys_Initialize");
  // A few octets more than any answer has: Tss2_Sys_GetRspAuths of tpm2-tss 3 reads two past the end of one.
  const size_t size = context_size(kMaxMessage + 16);
  memory_.resize((size + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t));
  TSS2_ABI_VERSION abi = TSS2_ABI_VERSION_CURRENT;
  const TSS2_RC rc = initialize(get(), size, tcti.context(), &abi);
  if (rc != TSS2_RC_SUCCESS) throw Failure(Layer::kSapi, rc, "usage", "libtss2-sys cannot be initialised.");
}

SysContext::~SysContext() {
  static auto* finalize = tss2_sys().function<decltype(Tss2_Sys_Finalize)>("Tss2_Sys_Finalize");
  finalize(get());
  OPENSSL_cleanse(memory_.data(), memory_.size() * sizeof(std::max_align_t));
}

}  // namespace tessera
