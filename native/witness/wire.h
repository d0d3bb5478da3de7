// TCG wire form of the types that commands carry, by libtss2-mu.
#pragma once

#include <tss2/tss2_mu.h>
#include <tss2/tss2_tpm2_types.h>

#include <cstdint>
#include <stdexcept>

#include "tcti.h"

namespace tessera::witness {

// The request is no good; nothing was sent for it.
struct BadRequest : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// ESAPI, the transport or the TPM said no.
struct Refused {
  TSS2_RC rc;
};

inline void check(TSS2_RC rc) {
  if (rc != TSS2_RC_SUCCESS) throw Refused{rc};
}

// Mu<T>: the pair of functions for one type. Typedefs of one type share a row, as they share their wire form.
template <typename T>
struct Mu;

#define WITNESS_VALUE(T, NAME)                                              \
  template <>                                                               \
  struct Mu<T> {                                                            \
    static TSS2_RC put(const T& value, uint8_t* to, size_t n, size_t* at) { \
      return Tss2_MU_##NAME##_Marshal(value, to, n, at);                    \
    }                                                                       \
    static constexpr auto get = Tss2_MU_##NAME##_Unmarshal;                 \
  };
#define WITNESS_STRUCT(T)                                                   \
  template <>                                                               \
  struct Mu<T> {                                                            \
    static TSS2_RC put(const T& value, uint8_t* to, size_t n, size_t* at) { \
      return Tss2_MU_##T##_Marshal(&value, to, n, at);                      \
    }                                                                       \
    static constexpr auto get = Tss2_MU_##T##_Unmarshal;                    \
  };

WITNESS_VALUE(uint8_t, UINT8)
WITNESS_VALUE(uint16_t, UINT16)
WITNESS_VALUE(uint32_t, UINT32)
WITNESS_VALUE(int32_t, INT32)
WITNESS_STRUCT(TPM2B_ATTEST)
WITNESS_STRUCT(TPM2B_CREATION_DATA)
WITNESS_STRUCT(TPM2B_DATA)
WITNESS_STRUCT(TPM2B_DIGEST)
WITNESS_STRUCT(TPM2B_ECC_POINT)
WITNESS_STRUCT(TPM2B_ENCRYPTED_SECRET)
WITNESS_STRUCT(TPM2B_ID_OBJECT)
WITNESS_STRUCT(TPM2B_MAX_BUFFER)
WITNESS_STRUCT(TPM2B_MAX_NV_BUFFER)
WITNESS_STRUCT(TPM2B_NAME)
WITNESS_STRUCT(TPM2B_NV_PUBLIC)
WITNESS_STRUCT(TPM2B_PRIVATE)
WITNESS_STRUCT(TPM2B_PUBLIC)
WITNESS_STRUCT(TPM2B_PUBLIC_KEY_RSA)
WITNESS_STRUCT(TPM2B_SENSITIVE)
WITNESS_STRUCT(TPM2B_SENSITIVE_CREATE)
WITNESS_STRUCT(TPM2B_SENSITIVE_DATA)
WITNESS_STRUCT(TPML_DIGEST)
WITNESS_STRUCT(TPML_PCR_SELECTION)
WITNESS_STRUCT(TPMS_CAPABILITY_DATA)
WITNESS_STRUCT(TPMS_TIME_INFO)
WITNESS_STRUCT(TPMT_RSA_DECRYPT)
WITNESS_STRUCT(TPMT_SIGNATURE)
WITNESS_STRUCT(TPMT_SIG_SCHEME)
WITNESS_STRUCT(TPMT_SYM_DEF_OBJECT)
WITNESS_STRUCT(TPMT_TK_AUTH)
WITNESS_STRUCT(TPMT_TK_CREATION)
WITNESS_STRUCT(TPMT_TK_HASHCHECK)
WITNESS_STRUCT(TPMT_TK_VERIFIED)

#undef WITNESS_VALUE
#undef WITNESS_STRUCT

class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}

  template <typename T>
  void get(T& value) {
    if (Mu<T>::get(bytes_.data(), bytes_.size(), &at_, &value) != TSS2_RC_SUCCESS) {
      throw BadRequest("params do not have the command's wire form");
    }
  }
  // Takes the two zero octets of an absent TPM2B; false (and nothing taken) where there is more to it.
  bool take_empty() {
    if (bytes_.size() < at_ + 2 || bytes_[at_] != 0 || bytes_[at_ + 1] != 0) return false;
    at_ += 2;
    return true;
  }
  bool done() const { return at_ == bytes_.size(); }

 private:
  ByteView bytes_;
  size_t at_ = 0;
};

class Writer {
 public:
  template <typename T>
  void put(const T& value) {
    const size_t old = bytes_.size();
    bytes_.resize(old + kMaxMessage);
    size_t at = old;
    check(Mu<T>::put(value, bytes_.data(), bytes_.size(), &at));
    bytes_.resize(at);
  }
  Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

}  // namespace tessera::witness
