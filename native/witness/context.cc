#include "context.h"

#include <algorithm>
#include <exception>

namespace tessera::witness {
namespace {

constexpr uint32_t kTypeMask = 0xff000000;
constexpr uint32_t kPcr = 0x00000000;
constexpr uint32_t kPermanent = 0x40000000;

}  // namespace

Context::Context(std::string path) : path_(std::move(path)) {
  open();
}

Context::~Context() {
  shut();
}

void Context::open() {
  tcti_ = std::make_unique<Tcti>(path_);
  TSS2_ABI_VERSION abi = TSS2_ABI_VERSION_CURRENT;
  check(Esys_Initialize(&esys_, tcti_->context(), &abi));
}

void Context::shut() noexcept {
  try {
    for (const auto& [handle, reference] : loaded_) {
      const auto octet = [handle = handle](int shift) { return static_cast<uint8_t>(handle >> shift); };
      // TPM2_FlushContext by hand: ESAPI may be stuck
      raw(Bytes{0x80, 0x01, 0, 0, 0, 14, 0, 0, 0x01, 0x65, octet(24), octet(16), octet(8), octet(0)});
    }
  } catch (const std::exception&) {  // the connection is gone: nothing left to tidy
  } catch (const Refused&) {
  }
  loaded_.clear();
  Esys_Finalize(&esys_);
  tcti_.reset();
}

void Context::reset() {
  shut();
  open();
}

Bytes Context::raw(ByteView command) {
  if (tcti_ == nullptr) throw Refused{TSS2_TCTI_RC_NO_CONNECTION};
  check(tcti_->send(command));
  Bytes answer;
  check(tcti_->receive(answer));
  return answer;
}

ESYS_TR Context::reference(uint32_t handle, std::vector<ESYS_TR>& borrowed) {
  const uint32_t type = handle & kTypeMask;
  if (type == kPermanent) return 0x100 + (handle & 0xff);  // ESYS_TR_RH_*
  if (type == kPcr) return handle;                         // ESYS_TR_PCR*
  if (const auto known = loaded_.find(handle); known != loaded_.end()) return known->second;
  ESYS_TR reference = ESYS_TR_NONE;
  check(Esys_TR_FromTPMPublic(esys_, handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &reference));
  borrowed.push_back(reference);
  return reference;
}

uint32_t Context::adopt(ESYS_TR reference) {
  TPM2_HANDLE handle = 0;
  check(Esys_TR_GetTpmHandle(esys_, reference, &handle));
  loaded_[handle] = reference;
  auths_.erase(handle);
  return handle;
}

TPM2B_NAME Context::name(ESYS_TR reference) {
  TPM2B_NAME* name = nullptr;
  check(Esys_TR_GetName(esys_, reference, &name));
  const TPM2B_NAME copy = *name;
  Esys_Free(name);
  return copy;
}

void Context::set_auth(uint32_t handle, ESYS_TR reference, const std::optional<Bytes>& value) {
  Bytes chosen;
  if (value) {
    chosen = *value;
  } else if (const auto known = auths_.find(handle); known != auths_.end()) {
    chosen = known->second;
  }
  TPM2B_AUTH auth{};
  if (chosen.size() > sizeof(auth.buffer)) throw BadRequest("authValue is too long");
  auth.size = static_cast<UINT16>(chosen.size());
  std::copy(chosen.begin(), chosen.end(), auth.buffer);
  check(Esys_TR_SetAuth(esys_, reference, &auth));
}

}  // namespace tessera::witness
