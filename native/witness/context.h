// One ESAPI context and what lies behind its references: TPM handles in, ESYS_TR out.
#pragma once

#include <tss2/tss2_esys.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wire.h"

namespace tessera::witness {

// How one authorisation slot of a command is filled.
struct Auth {
  enum class Kind { kNone, kPassword, kSession } kind = Kind::kNone;
  uint32_t session = 0;
  uint8_t flags = 0;           // TPMA_SESSION
  std::optional<Bytes> value;  // authValue of the entity that this slot authorises
};

class Context {
 public:
  explicit Context(std::string path);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  ESYS_CONTEXT* esys() { return esys_; }

  // Sends whole command octets past ESAPI; returns the whole answer.
  Bytes raw(ByteView command);

  // Flushes what this witness loaded, then starts anew on a new connection. After a forged answer ESAPI refuses
  // every call (pin-lock.md, E29); this is the only way on.
  void reset();

  // What this witness loaded is kept by handle. Everything else (persistent objects, NV indices, objects of others)
  // is read anew for each call, since Names change; `borrowed` collects those for the caller to close.
  ESYS_TR reference(uint32_t handle, std::vector<ESYS_TR>& borrowed);
  void close(ESYS_TR reference) { Esys_TR_Close(esys_, &reference); }

  // Keeps a reference that ESAPI made; returns its TPM handle.
  uint32_t adopt(ESYS_TR reference);
  TPM2B_NAME name(ESYS_TR reference);
  void forget(uint32_t handle) { loaded_.erase(handle); }

  // The authValue that sessions use for this entity from now on, where a request names none.
  void remember_auth(uint32_t handle, Bytes value) { auths_[handle] = std::move(value); }
  void set_auth(uint32_t handle, ESYS_TR reference, const std::optional<Bytes>& value);

 private:
  void open();
  void shut() noexcept;

  std::string path_;
  std::unique_ptr<Tcti> tcti_;
  ESYS_CONTEXT* esys_ = nullptr;
  std::map<uint32_t, ESYS_TR> loaded_;
  std::map<uint32_t, Bytes> auths_;
};

}  // namespace tessera::witness
