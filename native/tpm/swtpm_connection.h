// A connection to a swtpm, which serves one client: shared by all threads of this process that use that swtpm.
#pragma once

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "../common/posix.h"
#include "interrupt.h"
#include "message.h"
#include "resource_manager.h"
#include "swtpm_address.h"

namespace tessera {

class SwtpmConnection {
 public:
  explicit SwtpmConnection(const SwtpmAddress& address)
      : address_(address), manager_(std::make_shared<ResourceManager>()) {}

  // The one to this address; a new one where there is none, or it was lost. It may not be open yet.
  static std::shared_ptr<SwtpmConnection> to(const SwtpmAddress& address);

  const std::shared_ptr<ResourceManager>& manager() const { return manager_; }

  // Whether it is of no further use. Its transports have to be opened anew.
  bool lost() const { return lost_; }

  // The rest needs a turn of the manager. `who` names the TPM in messages.
  void open(const std::string& who, const Interrupt& interrupt, Deadline deadline);
  Bytes transmit(ByteView command, const std::string& who, const Interrupt& interrupt, Deadline deadline);

 private:
  // Who waits, and until when.
  struct Wait {
    const std::string& who;
    const Interrupt& interrupt;
    Deadline deadline;
  };

  void connect_tcp(const Wait& wait);
  void connect_unix(const Wait& wait);
  int connect_one(int family, const sockaddr* address, unsigned length, const Wait& wait);
  Bytes exchange(ByteView command, const Wait& wait);
  void take_owed(const Wait& wait);
  void refuse_stale_octets(const Wait& wait);
  void send_all(ByteView command, const Wait& wait);
  Bytes receive(const Wait& wait);
  Bytes receive_rest(const Wait& wait);
  void wait_for_socket(short events, const Wait& wait);

  const SwtpmAddress address_;
  const std::shared_ptr<ResourceManager> manager_;
  Fd socket_;
  std::atomic<bool> lost_{false};
  // The command whose answer nobody has taken, because who sent it had to stop.
  std::optional<uint32_t> owed_;
  std::array<uint8_t, kMaxMessage + 1> incoming_{};  // of the answer under way; one more, to see that there is more
  size_t have_ = 0;
};

}  // namespace tessera
