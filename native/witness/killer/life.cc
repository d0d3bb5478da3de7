#include "life.h"

#include <stdexcept>

namespace tessera::killer {

namespace {

constexpr uint32_t kOwner = 0x40000001;
constexpr uint32_t kNull = 0x40000007;
constexpr uint32_t kPassword = 0x40000009;

Bytes command(bool sessions, uint32_t code, std::initializer_list<ByteView> parts) {
  const Bytes body = join(parts);
  const Bytes tag{0x80, uint8_t(sessions ? 2 : 1)};
  return join({tag, big_endian(static_cast<uint32_t>(10 + body.size())), big_endian(code), body});
}

// One password authorisation, with its length before it.
Bytes password(const Bytes& auth_value) {
  const Bytes head{0, 0, 1, 0, uint8_t(auth_value.size())};  // no nonce, continueSession, length of the password
  const Bytes area = join({big_endian(kPassword), head, auth_value});
  return join({big_endian(static_cast<uint32_t>(area.size())), area});
}

uint32_t code_of(const Bytes& answer) {
  return head_u32(ByteView(answer).subspan(6));
}

}  // namespace

Life::Life(const std::string& state_file, uint32_t index) : index_(index) {
  OpenOptions options;
  options.tcti = "embedded:";
  options.state_file = state_file;
  transport_ = open_embedded(options, interrupt_);
  must(command(false, 0x144, {Bytes{0, 0}}), "TPM2_Startup");
  // A policy session that proves nothing but the guess: no salt, no symmetric algorithm, SHA-256.
  const Bytes parameters = join({Bytes{0, 16}, Bytes(16, 0x5a), Bytes{0, 0, 1, 0, 0x10, 0, 0x0b}});
  const Bytes answer =
      must(command(false, 0x176, {big_endian(kNull), big_endian(kNull), parameters}), "TPM2_StartAuthSession");
  session_ = head_u32(ByteView(answer).subspan(10));
}

uint32_t Life::counted() {
  const Bytes eight_octets{0, 8, 0, 0};
  const Bytes answer =
      must(command(true, 0x14e, {big_endian(kOwner), big_endian(index_), password({}), eight_octets}), "TPM2_NV_Read");
  return head_u32(ByteView(answer).subspan(16));  // after header, parameterSize and the length of the data
}

uint32_t Life::guess() {
  const Bytes nothing(10, 0);  // no nonceTPM, cpHashA or policyRef; expiration 0
  return code_of(transport_->transmit(
      command(true, 0x151, {big_endian(index_), big_endian(session_), password(Bytes(32, 0x77)), nothing}),
      std::chrono::seconds(30)));
}

Bytes Life::must(const Bytes& octets, const char* what) {
  Bytes answer = transport_->transmit(octets, std::chrono::seconds(30));
  if (code_of(answer) != 0) {
    char text[64];
    snprintf(text, sizeof text, "%s answered 0x%x", what, code_of(answer));
    throw std::runtime_error(text);
  }
  return answer;
}

}  // namespace tessera::killer
