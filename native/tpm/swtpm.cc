// A swtpm, which all threads of this process reach over one connection.
#include "../common/failure.h"
#include "swtpm_connection.h"
#include "transport.h"

namespace tessera {
namespace {

class SwtpmTransport final : public Transport {
 public:
  SwtpmTransport(const OpenOptions& options, const Interrupt& interrupt) : name_(options.tcti), interrupt_(interrupt) {
    const SwtpmAddress address = parse_swtpm(options.tcti);
    const Deadline deadline = deadline_after(options.wait);
    // While this one waits for its turn, another thread may find out that nobody answers there.
    do {
      connection_ = SwtpmConnection::to(address);
      const auto turn = connection_->manager()->wait(interrupt, deadline);
      if (!connection_->lost()) connection_->open(name_, interrupt, deadline);
    } while (connection_->lost());
  }

  Bytes transmit(ByteView command, std::chrono::milliseconds limit) override {
    return connection_->transmit(command, name_, interrupt_, deadline_after(limit));
  }
  std::shared_ptr<ResourceManager> manager() override { return connection_->manager(); }
  bool sole_client() const override { return true; }

 private:
  const std::string name_;
  const Interrupt& interrupt_;
  std::shared_ptr<SwtpmConnection> connection_;
};

}  // namespace

std::unique_ptr<Transport> open_swtpm(const OpenOptions& options, const Interrupt& interrupt) {
  return std::make_unique<SwtpmTransport>(options, interrupt);
}

}  // namespace tessera
