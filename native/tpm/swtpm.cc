// A swtpm over its own socket: one write per command, one read per answer. The TCTI of tpm2-tss reads header and rest
// separately and connects anew for each command; its smallest command takes 95 us, this one's 15 us.
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>

#include "../common/failure.h"
#include "interrupt.h"
#include "message.h"
#include "swtpm_address.h"
#include "transport.h"

namespace tessera {

namespace {

Failure failure(const std::string& reason, const std::string& text) {
  return Failure(Layer::kTcti, 0, reason, text);
}

bool would_block(int code) {
  return code == EAGAIN || code == EWOULDBLOCK;
}

class SwtpmTransport final : public Transport {
 public:
  SwtpmTransport(const OpenOptions& options, const Interrupt& interrupt) : name_(options.tcti), interrupt_(interrupt) {
    const SwtpmAddress address = parse_swtpm(options.tcti);
    const Deadline deadline = deadline_after(options.wait);
    if (address.path.empty()) {
      connect_tcp(address, deadline);
    } else {
      connect_unix(address.path, deadline);
    }
  }

  Bytes transmit(ByteView command, std::chrono::milliseconds limit) override {
    check_command(command);
    if (interrupt_.raised() || !usable_)
      throw failure("gone", "The connection to " + name_ + " is closed. Open it again.");
    usable_ = false;  // until an exchange was whole: after anything else nobody knows what the next octets belong to
    const Deadline deadline = deadline_after(limit);
    refuse_stale_octets();
    send_all(command, deadline);
    Bytes answer = receive(deadline);
    usable_ = true;
    return answer;
  }

  bool sole_client() const override { return true; }

 private:
  void connect_tcp(const SwtpmAddress& address, Deadline deadline) {
    addrinfo hints = {};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int result = getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found);
    if (result != 0) throw failure("absent", name_ + " was not found: " + gai_strerror(result) + ". Check the host.");
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(found, freeaddrinfo);
    int code = 0;
    for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
      code = connect_one(at->ai_family, at->ai_addr, at->ai_addrlen, deadline);
      if (code == 0) break;
    }
    if (code != 0) refuse(code);
    const int yes = 1;
    setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  }

  void connect_unix(const std::string& path, Deadline deadline) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path.c_str(), path.size() + 1);
    int code;
    // A Unix socket with a full queue answers EAGAIN, and there is nothing to poll for.
    while (would_block(code = connect_one(AF_UNIX, reinterpret_cast<sockaddr*>(&address), sizeof address, deadline)) &&
           milliseconds_left(deadline) > 0) {
      if (interrupt_.wait(std::chrono::milliseconds(20))) given_up();
    }
    if (code != 0) refuse(code);
  }

  // Returns an errno, 0 when connected.
  int connect_one(int family, const sockaddr* address, socklen_t length, Deadline deadline) {
    socket_ = Fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_) return errno;
    if (connect(socket_.get(), address, length) == 0) return 0;
    if (errno != EINPROGRESS && errno != EINTR) return errno;
    const Waited waited = wait_for(socket_.get(), POLLOUT, interrupt_, deadline);
    if (waited == Waited::kInterrupted) given_up();
    if (waited == Waited::kTimeout) return ETIMEDOUT;
    int code = 0;
    socklen_t size = sizeof code;
    return getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &code, &size) == 0 ? code : errno;
  }

  [[noreturn]] void refuse(int code) const {
    if (code == EACCES || code == EPERM) {
      throw failure("permission", "No permission to connect to " + name_ + ". Run as a user who may use that socket.");
    }
    if (code == ETIMEDOUT || would_block(code)) {
      throw failure("busy", name_ + " does not accept a connection. It serves one client: close the other one.");
    }
    throw failure("absent", name_ + " does not listen: " + errno_text(code) + ". Start swtpm, or check the address.");
  }

  [[noreturn]] void given_up() const {
    throw failure("gone", "The connection to " + name_ + " was closed here while it waited.");
  }

  [[noreturn]] void lost(int code) const {
    throw failure("gone", "The connection to " + name_ + " ended" + (code == 0 ? "" : ": " + errno_text(code)) +
                              ". Whether the last command ran is not known. Start swtpm again if it stopped.");
  }

  void wait(short events, Deadline deadline) {
    switch (wait_for(socket_.get(), events, interrupt_, deadline)) {
      case Waited::kReady:
        return;
      case Waited::kInterrupted:
        given_up();
      case Waited::kTimeout:
        throw failure("timeout", name_ + " gave no answer in time. It serves one client: another one may hold it.");
    }
  }

  // Unrequested octets would be taken for the answer to the next command.
  void refuse_stale_octets() {
    uint8_t octet;
    const ssize_t count = recv(socket_.get(), &octet, 1, MSG_PEEK | MSG_DONTWAIT);
    if (count > 0) throw failure("answer", name_ + " sent more than it was asked for. Check what listens there.");
    if (count == 0) lost(0);
    if (!would_block(errno) && errno != EINTR) lost(errno);
  }

  void send_all(ByteView command, Deadline deadline) {
    while (!command.empty()) {
      const ssize_t count = send(socket_.get(), command.data(), command.size(), MSG_NOSIGNAL);
      if (count >= 0) {
        command = command.subspan(static_cast<size_t>(count));
      } else if (would_block(errno)) {
        wait(POLLOUT, deadline);
      } else if (errno != EINTR) {
        lost(errno);
      }
    }
  }

  Bytes receive(Deadline deadline) {
    std::array<uint8_t, kMaxMessage + 1> buffer;  // one more, to see that there is more
    size_t have = 0;
    size_t size = kHeaderSize;
    while (have < size) {
      wait(POLLIN, deadline);
      const ssize_t count = recv(socket_.get(), buffer.data() + have, buffer.size() - have, 0);
      if (count == 0) lost(0);
      if (count < 0) {
        if (!would_block(errno) && errno != EINTR) lost(errno);
        continue;
      }
      have += static_cast<size_t>(count);
      if (have >= kHeaderSize) size = answer_size({buffer.data(), have}, name_);
    }
    Bytes answer(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(have));
    check_answer(answer, name_);
    return answer;
  }

  const std::string name_;
  const Interrupt& interrupt_;
  bool usable_ = true;
  Fd socket_;
};

}  // namespace

std::unique_ptr<Transport> open_swtpm(const OpenOptions& options, const Interrupt& interrupt) {
  return std::make_unique<SwtpmTransport>(options, interrupt);
}

}  // namespace tessera
