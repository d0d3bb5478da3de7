#include "tcti.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace tessera::witness {
namespace {

// Longer than any key generation on a busy machine; ends a wait on a TPM that never answers.
constexpr timeval kPatience{120, 0};

}  // namespace

Tcti::Tcti(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) throw std::runtime_error("socket path is too long: " + path);
  std::copy(path.begin(), path.end(), address.sun_path);
  socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0 || ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    const std::string why = std::strerror(errno);
    if (socket_ >= 0) ::close(socket_);
    throw std::runtime_error("cannot connect to " + path + ": " + why);
  }
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));

  common_.v1.version = 1;
  common_.v1.transmit = transmit_entry;
  common_.v1.receive = receive_entry;
  common_.self = this;
}

Tcti::~Tcti() {
  ::close(socket_);
}

TSS2_RC Tcti::send(ByteView command) {
  size_t sent = 0;
  while (sent < command.size()) {
    const ssize_t n = ::send(socket_, command.data() + sent, command.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return TSS2_TCTI_RC_IO_ERROR;
    sent += static_cast<size_t>(n);
  }
  return TSS2_RC_SUCCESS;
}

bool Tcti::read_exactly(uint8_t* to, size_t size) {
  size_t have = 0;
  while (have < size) {
    const ssize_t n = ::recv(socket_, to + have, size - have, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    have += static_cast<size_t>(n);
  }
  return true;
}

TSS2_RC Tcti::receive(Bytes& answer) {
  answer.resize(kHeader);
  if (!read_exactly(answer.data(), kHeader)) return TSS2_TCTI_RC_IO_ERROR;
  const uint32_t size = static_cast<uint32_t>(answer[2]) << 24 | static_cast<uint32_t>(answer[3]) << 16 |
                        static_cast<uint32_t>(answer[4]) << 8 | static_cast<uint32_t>(answer[5]);
  if (size < kHeader || size > kMaxMessage) return TSS2_TCTI_RC_MALFORMED_RESPONSE;
  answer.resize(size);
  if (!read_exactly(answer.data() + kHeader, size - kHeader)) return TSS2_TCTI_RC_IO_ERROR;
  return TSS2_RC_SUCCESS;
}

TSS2_RC Tcti::transmit_entry(TSS2_TCTI_CONTEXT* context, size_t size, const uint8_t* command) {
  return reinterpret_cast<Common*>(context)->self->send({command, size});
}

TSS2_RC Tcti::receive_entry(TSS2_TCTI_CONTEXT* context, size_t* size, uint8_t* response, int32_t) {
  if (response == nullptr) {
    *size = kMaxMessage;
    return TSS2_RC_SUCCESS;
  }
  Bytes answer;
  const TSS2_RC rc = reinterpret_cast<Common*>(context)->self->receive(answer);
  if (rc != TSS2_RC_SUCCESS) return rc;
  if (answer.size() > *size) return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
  std::copy(answer.begin(), answer.end(), response);
  *size = answer.size();
  return TSS2_RC_SUCCESS;
}

}  // namespace tessera::witness
