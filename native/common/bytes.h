// Octets.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

namespace tessera {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;

// Largest command or answer taken from or given to a TPM, octets (TPM2_MAX_COMMAND_SIZE of the reference code).
inline constexpr size_t kMaxMessage = 4096;

inline Bytes join(std::initializer_list<ByteView> parts) {
  size_t size = 0;
  for (const ByteView part : parts) size += part.size();
  Bytes whole;
  whole.reserve(size);
  for (const ByteView part : parts) whole.insert(whole.end(), part.begin(), part.end());
  return whole;
}

inline Bytes big_endian(uint32_t value) {
  return {uint8_t(value >> 24), uint8_t(value >> 16), uint8_t(value >> 8), uint8_t(value)};
}

// The 32-bit number at the head of `octets`, which has at least four.
inline uint32_t head_u32(ByteView octets) {
  return uint32_t{octets[0]} << 24 | uint32_t{octets[1]} << 16 | uint32_t{octets[2]} << 8 | octets[3];
}

}  // namespace tessera
