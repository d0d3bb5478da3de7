// The cryptography of TPM sessions, over Node's own OpenSSL. TPM 2.0 Library, Part 1, sections 11.4, 17-21 and annex C.
#pragma once

#include "../common/secret.h"

namespace tessera {

inline constexpr size_t kDigest = 32;  // SHA-256 everywhere
inline constexpr size_t kNonce = 16;   // of sessions; the TPM answers with nonces of the same size

Bytes random_bytes(size_t size);
Bytes sha256(std::initializer_list<ByteView> parts);
Bytes hmac_sha256(ByteView key, std::initializer_list<ByteView> parts);
bool equal_constant_time(ByteView left, ByteView right);

// KDFa (SP 800-108 counter mode, HMAC-SHA-256). Part 1, 11.4.10.2.
Secret kdfa(ByteView key, const char* label, ByteView context_u, ByteView context_v, unsigned bits);

// KDFe (SP 800-56A concatenation KDF), one block of SHA-256. Part 1, 11.4.10.3.
Secret kdfe(ByteView z, const char* label, ByteView party_u, ByteView party_v);

// AES-128 in CFB mode over `data` in place, for parameter encryption. Part 1, 21.3.
void aes128_cfb(bool encrypt, ByteView key, ByteView iv, uint8_t* data, size_t size);

struct Salt {
  Secret value;
  Bytes encrypted;  // the contents of a TPM2B_ENCRYPTED_SECRET
};

// A fresh salt that only the holder of the storage key can read. `public_area` is its TPMT_PUBLIC in wire form:
// P-256 (Part 1, C.6.1) or RSA (B.10.2), name algorithm SHA-256. Throws Failure{kSession, "usage"} for other keys.
Salt make_salt(ByteView public_area);

}  // namespace tessera
