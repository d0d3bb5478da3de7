// Octets that are overwritten when they are destroyed.
#pragma once

#include <openssl/crypto.h>

#include <utility>

#include "bytes.h"

namespace tessera {

class Secret {
 public:
  Secret() = default;
  explicit Secret(ByteView octets) : octets_(octets.begin(), octets.end()) {}
  explicit Secret(size_t size) : octets_(size) {}
  Secret(Secret&& other) noexcept : octets_(std::move(other.octets_)) { other.octets_.clear(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe();
      octets_ = std::move(other.octets_);
      other.octets_.clear();
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(); }

  uint8_t* data() { return octets_.data(); }
  size_t size() const { return octets_.size(); }
  bool empty() const { return octets_.empty(); }
  ByteView view() const { return octets_; }
  void wipe() {
    if (!octets_.empty()) OPENSSL_cleanse(octets_.data(), octets_.size());
    octets_.clear();
  }

 private:
  Bytes octets_;
};

}  // namespace tessera
