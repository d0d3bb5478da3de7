// A swtpm over its own socket: one write per command, one read per answer. The TCTI of tpm2-tss reads header and rest
// separately and connects anew for each command; its smallest command takes 95 us, this one's 15 us.
#include "swtpm_connection.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <map>
#include <mutex>

#include "../common/failure.h"

namespace tessera {
namespace {

Failure failure(const std::string& reason, const std::string& text) {
  return Failure(Layer::kTcti, 0, reason, text);
}

bool would_block(int code) {
  return code == EAGAIN || code == EWOULDBLOCK;
}

[[noreturn]] void given_up(const std::string& who) {
  throw failure("gone", "The connection to " + who + " was closed here while it waited.");
}

[[noreturn]] void ended(const std::string& who, int code) {
  throw failure("gone", "The connection to " + who + " ended" + (code == 0 ? "" : ": " + errno_text(code)) +
                            ". Whether the last command ran is not known. Start swtpm again if it stopped.");
}

[[noreturn]] void refuse(const std::string& who, int code) {
  if (code == EACCES || code == EPERM) {
    throw failure("permission", "No permission to connect to " + who + ". Run as a user who may use that socket.");
  }
  if (code == ETIMEDOUT || would_block(code)) {
    throw failure("busy", who + " does not accept a connection. It serves one client: close the other one.");
  }
  throw failure("absent", who + " does not listen: " + errno_text(code) + ". Start swtpm, or check the address.");
}

// Whether the answer to this command begins with the handle of something that the TPM has made.
bool makes_something(uint32_t code) {
  return code == TPM2_CC_StartAuthSession || code == TPM2_CC_Load || code == TPM2_CC_LoadExternal ||
         code == TPM2_CC_CreatePrimary || code == TPM2_CC_ContextLoad;
}

}  // namespace

std::shared_ptr<SwtpmConnection> SwtpmConnection::to(const SwtpmAddress& address) {
  static std::mutex mutex;
  static auto& all = *std::make_unique<std::map<std::string, std::weak_ptr<SwtpmConnection>>>().release();
  const std::lock_guard lock(mutex);
  std::erase_if(all, [](const auto& entry) { return entry.second.expired(); });
  auto& known = all[address.path.empty() ? address.host + '\0' + address.port : address.path];
  std::shared_ptr<SwtpmConnection> found = known.lock();
  if (!found || found->lost()) known = found = std::make_shared<SwtpmConnection>(address);
  return found;
}

void SwtpmConnection::open(const std::string& who, const Interrupt& interrupt, Deadline deadline) {
  if (socket_) return;
  const Wait wait{who, interrupt, deadline};
  address_.path.empty() ? connect_tcp(wait) : connect_unix(wait);
}

void SwtpmConnection::connect_tcp(const Wait& wait) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int result = getaddrinfo(address_.host.c_str(), address_.port.c_str(), &hints, &found);
  if (result != 0) throw failure("absent", wait.who + " was not found: " + gai_strerror(result) + ". Check the host.");
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(found, freeaddrinfo);
  int code = 0;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    code = connect_one(at->ai_family, at->ai_addr, at->ai_addrlen, wait);
    if (code == 0) break;
  }
  if (code != 0) refuse(wait.who, code);
  const int yes = 1;
  setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

void SwtpmConnection::connect_unix(const Wait& wait) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, address_.path.c_str(), address_.path.size() + 1);
  int code;
  // A Unix socket with a full queue answers EAGAIN, and there is nothing to poll for.
  while (would_block(code = connect_one(AF_UNIX, reinterpret_cast<sockaddr*>(&address), sizeof address, wait)) &&
         milliseconds_left(wait.deadline) > 0) {
    if (wait.interrupt.wait(std::chrono::milliseconds(20))) given_up(wait.who);
  }
  if (code != 0) refuse(wait.who, code);
}

// Returns an errno, 0 when connected.
int SwtpmConnection::connect_one(int family, const sockaddr* address, unsigned length, const Wait& wait) {
  Fd attempt(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!attempt) return errno;
  if (connect(attempt.get(), address, length) != 0) {
    if (errno != EINPROGRESS && errno != EINTR) return errno;
    const Waited waited = wait_for(attempt.get(), POLLOUT, wait.interrupt, wait.deadline);
    if (waited == Waited::kInterrupted) given_up(wait.who);
    if (waited == Waited::kTimeout) return ETIMEDOUT;
    int code = 0;
    socklen_t size = sizeof code;
    if (getsockopt(attempt.get(), SOL_SOCKET, SO_ERROR, &code, &size) != 0) return errno;
    if (code != 0) return code;
  }
  socket_ = std::move(attempt);
  return 0;
}

Bytes SwtpmConnection::transmit(ByteView command, const std::string& who, const Interrupt& interrupt,
                                Deadline deadline) {
  check_command(command);
  if (interrupt.raised() || lost_) throw failure("gone", "The connection to " + who + " is closed. Open it again.");
  const Wait wait{who, interrupt, deadline};
  if (owed_) take_owed(wait);
  return exchange(command, wait);
}

// A command that is not sent whole, or whose answer is not one, leaves a connection on which nobody knows what the next
// octets belong to. Where only the wait for the answer is given up, the next one takes it.
Bytes SwtpmConnection::exchange(ByteView command, const Wait& wait) {
  try {
    refuse_stale_octets(wait);
    send_all(command, wait);
  } catch (const Failure&) {
    lost_ = true;
    throw;
  }
  owed_ = head_u32(command.subspan(6));
  return receive(wait);
}

// What the TPM has made for somebody who does not know of it is flushed.
void SwtpmConnection::take_owed(const Wait& wait) {
  const uint32_t code = *owed_;
  const Bytes answer = receive(wait);
  const bool made =
      makes_something(code) && answer.size() >= kHeaderSize + 4 && head_u32(ByteView(answer).subspan(6)) == 0;
  if (!made) return;
  const Bytes head{0x80, 0x01, 0, 0, 0, 14, 0, 0, 0x01, 0x65};  // TPM2_FlushContext
  exchange(join({head, ByteView(answer).subspan(kHeaderSize, 4)}), wait);
}

void SwtpmConnection::wait_for_socket(short events, const Wait& wait) {
  switch (wait_for(socket_.get(), events, wait.interrupt, wait.deadline)) {
    case Waited::kReady:
      return;
    case Waited::kInterrupted:
      given_up(wait.who);
    case Waited::kTimeout:
      throw failure("timeout", wait.who + " gave no answer in time. It serves one client: another one may hold it.");
  }
}

// Unrequested octets would be taken for the answer to the next command.
void SwtpmConnection::refuse_stale_octets(const Wait& wait) {
  uint8_t octet;
  const ssize_t count = recv(socket_.get(), &octet, 1, MSG_PEEK | MSG_DONTWAIT);
  if (count > 0) throw failure("answer", wait.who + " sent more than it was asked for. Check what listens there.");
  if (count == 0) ended(wait.who, 0);
  if (!would_block(errno) && errno != EINTR) ended(wait.who, errno);
}

void SwtpmConnection::send_all(ByteView command, const Wait& wait) {
  while (!command.empty()) {
    const ssize_t count = send(socket_.get(), command.data(), command.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      command = command.subspan(static_cast<size_t>(count));
    } else if (would_block(errno)) {
      wait_for_socket(POLLOUT, wait);
    } else if (errno != EINTR) {
      ended(wait.who, errno);
    }
  }
}

Bytes SwtpmConnection::receive(const Wait& wait) {
  try {
    Bytes answer = receive_rest(wait);
    OPENSSL_cleanse(incoming_.data(), have_);
    have_ = 0;
    owed_.reset();
    return answer;
  } catch (const Failure&) {
    if (!wait.interrupt.raised()) lost_ = true;
    throw;
  }
}

Bytes SwtpmConnection::receive_rest(const Wait& wait) {
  size_t size = kHeaderSize;
  for (;;) {
    if (have_ >= kHeaderSize) size = answer_size({incoming_.data(), have_}, wait.who);
    if (have_ >= size) break;
    wait_for_socket(POLLIN, wait);
    const ssize_t count = recv(socket_.get(), incoming_.data() + have_, incoming_.size() - have_, 0);
    if (count == 0) ended(wait.who, 0);
    if (count < 0) {
      if (!would_block(errno) && errno != EINTR) ended(wait.who, errno);
      continue;
    }
    have_ += static_cast<size_t>(count);
  }
  Bytes answer(incoming_.begin(), incoming_.begin() + static_cast<ptrdiff_t>(have_));
  check_answer(answer, wait.who);
  return answer;
}

}  // namespace tessera
