// A connection to one TPM: whole commands in, whole answers out.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "../common/bytes.h"
#include "resource_manager.h"

namespace tessera {

class Interrupt;

class Transport {
 public:
  virtual ~Transport() = default;

  // Sends one command and returns its whole answer: a header (tag, size, code) and exactly `size` octets.
  // Called from one thread only. Throws Failure{kTcti, reason "gone" | "timeout" | "answer"}; the transport is then of
  // no further use. A wait ends with "gone" when the Interrupt of the transport is raised; a library call may not.
  virtual Bytes transmit(ByteView command, std::chrono::milliseconds limit) = 0;

  // From any thread: asks the TPM to cancel the command that it runs for this transport, where that is possible.
  virtual void cancel() noexcept {}

  // What the transports to this TPM share; by default it has no other. Used only in a turn of it, once it is open.
  virtual std::shared_ptr<ResourceManager> manager() { return std::make_shared<ResourceManager>(); }

  // True where no other process can have anything loaded, so that what is there before the first connection of this one
  // was left behind, and flushing it is safe.
  virtual bool sole_client() const = 0;

  // Count of state writes so far (embedded TPM), or 0 where it is unknown.
  virtual uint64_t state_writes() const { return 0; }
};

// A command and its answer, as a trace may show them.
struct Exchange {
  std::string command;
  std::string answer;  // empty where there was none
  std::chrono::system_clock::time_point began;
  std::chrono::steady_clock::duration took{};
};
using Trace = std::function<void(Exchange)>;  // called on the TPM's thread

struct OpenOptions {
  std::string tcti;           // "embedded:", "swtpm:host=..,port=..", "swtpm:path=..", or a string for the TCTI loader
  std::string state_file;     // embedded: only; absolute path of its state
  bool create_state = false;  // embedded: only; whether a TPM may be manufactured when there is no state file
  std::chrono::milliseconds wait{10000};  // how long to wait for a TPM that somebody else holds
  Trace trace;                            // may be empty
};

// One factory for each kind; open_transport picks by the TCTI string's prefix. `interrupt` must outlive the transport.
std::unique_ptr<Transport> open_transport(const OpenOptions& options, const Interrupt& interrupt);
std::unique_ptr<Transport> open_embedded(const OpenOptions& options, const Interrupt& interrupt);
std::unique_ptr<Transport> open_swtpm(const OpenOptions& options, const Interrupt& interrupt);
std::unique_ptr<Transport> open_loader(const OpenOptions& options, const Interrupt& interrupt);

}  // namespace tessera
