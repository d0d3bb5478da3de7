// TCG wire form to and from the C types of tpm2-tss, by libtss2-mu. TPM 2.0 Library, Part 2.
#pragma once

#include <openssl/crypto.h>
#include <tss2/tss2_mu.h>

#include <algorithm>
#include <type_traits>

#include "../common/failure.h"
#include "libraries.h"
#include "transport.h"

namespace tessera {

// The pair of libtss2-mu functions for one type. Their addresses are looked up once.
template <typename T>
struct Mu;

#define TESSERA_MU(TYPE)                                                                                            \
  template <>                                                                                                       \
  struct Mu<TYPE> {                                                                                                 \
    static auto* marshal() {                                                                                        \
      static auto* found = tss2_mu().function<decltype(Tss2_MU_##TYPE##_Marshal)>("Tss2_MU_" #TYPE "_Marshal");     \
      return found;                                                                                                 \
    }                                                                                                               \
    static auto* unmarshal() {                                                                                      \
      static auto* found = tss2_mu().function<decltype(Tss2_MU_##TYPE##_Unmarshal)>("Tss2_MU_" #TYPE "_Unmarshal"); \
      return found;                                                                                                 \
    }                                                                                                               \
  }

TESSERA_MU(UINT8);
TESSERA_MU(UINT16);
TESSERA_MU(UINT32);
TESSERA_MU(INT32);
TESSERA_MU(TPM2B_DIGEST);
TESSERA_MU(TPM2B_DATA);
TESSERA_MU(TPM2B_NAME);
TESSERA_MU(TPM2B_PUBLIC);
TESSERA_MU(TPM2B_PRIVATE);
TESSERA_MU(TPM2B_SENSITIVE);
TESSERA_MU(TPM2B_SENSITIVE_CREATE);
TESSERA_MU(TPM2B_SENSITIVE_DATA);
TESSERA_MU(TPM2B_ENCRYPTED_SECRET);
TESSERA_MU(TPM2B_ID_OBJECT);
TESSERA_MU(TPM2B_PUBLIC_KEY_RSA);
TESSERA_MU(TPM2B_ECC_POINT);
TESSERA_MU(TPM2B_MAX_BUFFER);
TESSERA_MU(TPM2B_MAX_NV_BUFFER);
TESSERA_MU(TPM2B_NV_PUBLIC);
TESSERA_MU(TPM2B_CREATION_DATA);
TESSERA_MU(TPM2B_ATTEST);
TESSERA_MU(TPML_PCR_SELECTION);
TESSERA_MU(TPMS_CAPABILITY_DATA);
TESSERA_MU(TPMS_TIME_INFO);
TESSERA_MU(TPMT_SYM_DEF);
TESSERA_MU(TPMT_SYM_DEF_OBJECT);
TESSERA_MU(TPMT_SIG_SCHEME);
TESSERA_MU(TPMT_SIGNATURE);
TESSERA_MU(TPMT_RSA_DECRYPT);
TESSERA_MU(TPMT_TK_AUTH);
TESSERA_MU(TPMT_TK_CREATION);
TESSERA_MU(TPMT_TK_HASHCHECK);
TESSERA_MU(TPMT_TK_VERIFIED);
#undef TESSERA_MU

// `octets` must fit. Not with memcpy, which does not allow a null pointer even for no octets.
inline void assign(TPM2B_DIGEST& target, ByteView octets) {
  target.size = static_cast<UINT16>(octets.size());
  std::copy(octets.begin(), octets.end(), target.buffer);
}

class WireReader {
 public:
  explicit WireReader(ByteView wire) : wire_(wire) {}

  template <typename T>
  void read(T& value) {
    const TSS2_RC rc = Mu<T>::unmarshal()(wire_.data(), wire_.size(), &offset_, &value);
    if (rc != TSS2_RC_SUCCESS) throw Failure(Layer::kSapi, rc, "usage", "A parameter is not in TCG wire form.");
  }

  // TPM2_LoadExternal of a public key alone has an empty TPM2B_SENSITIVE, which libtss2-mu rejects: SAPI requires a
  // null pointer for it, and therefore a `size` of 0 here.
  void read(TPM2B_SENSITIVE& value) {
    if (wire_.size() >= offset_ + 2 && wire_[offset_] == 0 && wire_[offset_ + 1] == 0) {
      offset_ += 2;
    } else {
      read<TPM2B_SENSITIVE>(value);
    }
  }

  void end() const {
    if (offset_ != wire_.size()) throw Failure(Layer::kSapi, 0, "usage", "Octets follow the last parameter.");
  }

 private:
  ByteView wire_;
  size_t offset_ = 0;
};

class WireWriter {
 public:
  template <typename T>
  void write(const T& value) {
    TSS2_RC rc;
    if constexpr (std::is_arithmetic_v<T>) {
      rc = Mu<T>::marshal()(value, buffer_, sizeof buffer_, &offset_);
    } else {
      rc = Mu<T>::marshal()(&value, buffer_, sizeof buffer_, &offset_);
    }
    if (rc != TSS2_RC_SUCCESS) throw Failure(Layer::kSapi, rc, "answer", "An answer cannot be marshalled.");
  }

  Bytes take() const { return Bytes(buffer_, buffer_ + offset_); }

  ~WireWriter() { OPENSSL_cleanse(buffer_, offset_); }

 private:
  uint8_t buffer_[2 * kMaxMessage];
  size_t offset_ = 0;
};

}  // namespace tessera
