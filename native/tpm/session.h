// Commands under sessions of our own: salted, every answer verified. TPM 2.0 Library, Part 1, sections 17-21.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "commands.h"
#include "crypto.h"
#include "interrupt.h"
#include "resource_manager.h"
#include "tcti.h"
#include "transport.h"

namespace tessera {

struct Authorization {
  uint32_t session = TPM2_RS_PW;  // TPM2_RS_PW: a password authorisation
  Secret auth_value;              // of the entity that the session authorises; never with a policy session of ours
  uint8_t attributes = TPMA_SESSION_CONTINUESESSION;
};

struct Call {
  const CommandRow* row = nullptr;
  std::vector<uint32_t> handles;
  std::vector<Bytes> names;  // Name of each handle; empty: the handle is its own Name (permanent handles, sessions)
  std::vector<Authorization> authorizations;
  Secret parameters;
  // The parameters of a PolicyTicket that one of our sessions needs again before each use, in place of those above. See
  // `work_ahead`.
  std::shared_ptr<const Secret> ticket{};

  ByteView wire() const { return ticket ? ticket->view() : parameters.view(); }
};

struct SessionRequest {
  bool policy = false;
  uint32_t salt_key = TPM2_RH_NULL;  // storage key to salt to
  std::optional<Bytes> salt_public;  // its TPMT_PUBLIC in wire form; without it there is no salt
};

struct StartedSession {
  uint32_t handle;
  Bytes nonce_tpm;
};

// One connection to one TPM, with the sessions and transient objects that were made over it. Used from one thread,
// except `cancel`, `nonce_tpm` and the counters. Other connections of this process may use the same TPM in turn.
class Connection {
 public:
  // `interrupt` ends every wait, also while opening, and must outlive the connection.
  Connection(const OpenOptions& options, const Interrupt& interrupt);
  ~Connection();  // flushes what is left, as far as the TPM still answers

  // Waits until no other thread of this process uses the TPM. Everything below except `work_ahead` needs it.
  ResourceManager::Turn turn() { return manager_->wait(interrupt_, deadline_after(kLongestWait)); }

  // Where the command was done ahead, nothing is sent and the result is empty.
  Bytes run(Call& call);
  // For sessions that were used, repeats what they need before their next use, while nobody waits, in this thread or in
  // others. If the TPM refuses, the next use gets the error.
  void work_ahead();
  StartedSession start_session(const SessionRequest& request);
  // The raw octets of one command, for diagnosis and tests; what it loads is not tracked.
  Bytes transmit(ByteView command);

  void cancel() noexcept { transport_->cancel(); }
  // nonceTPM of a session of ours; empty when there is no such session.
  Bytes nonce_tpm(uint32_t session) const;
  std::map<std::string, uint64_t> counters() const;

 private:
  struct Session {
    bool policy;
    bool encrypts;
    Bytes nonce_tpm;
    Secret key;
    // What it needs before each use; empty where that is not known, or its owner has dropped it.
    std::weak_ptr<const Secret> ticket{};
    bool standing = false;  // that was done since the last use
  };
  // What one session contributes to one command.
  struct Prepared {
    Session* session = nullptr;  // null: a password
    Bytes nonce_caller;
    Secret key;  // sessionKey || authValue: for the HMAC, and for parameter encryption (Part 1, 21.2)
  };

  Bytes send(Call& call);
  Bytes exchange(Call& call);
  Session* find(uint32_t session);
  void start_up(std::chrono::milliseconds wait);
  void flush_strangers();
  void flush(uint32_t handle) noexcept;
  uint32_t actual(uint32_t handle, uint32_t missing, const CommandRow& row) const;
  void authorize(Call& call, std::vector<Prepared>& prepared);
  bool authentic(const Call& call, std::vector<Prepared>& prepared, TSS2L_SYS_AUTH_RESPONSE& responses);
  void decrypt_answer(const Prepared& own);
  void verify(const Call& call, std::vector<Prepared>& prepared);
  Bytes finish(const Call& call, std::vector<Prepared>& prepared);
  void forget(uint32_t handle);
  void count(TPM2_CC command);

  static constexpr std::chrono::seconds kLongestWait{300};

  const Interrupt& interrupt_;
  std::unique_ptr<Transport> transport_;
  const std::shared_ptr<ResourceManager> manager_;
  const std::shared_ptr<Room> room_;  // what was made over this connection and is in the TPM
  const ResourceManager::Transmit transmit_;
  Tcti tcti_;
  SysContext sys_;
  mutable std::mutex mutex_;  // guards sessions_ (nonces) against readers on other threads
  std::map<uint32_t, Session> sessions_;
  std::array<std::atomic<uint64_t>, TPM2_CC_LAST - TPM2_CC_FIRST + 1> counters_{};  // by command code
};

}  // namespace tessera
