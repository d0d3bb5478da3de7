// A connection to one card, used by one thread. `connect` makes what does not exist yet, or was lost with pcscd.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../common/secret.h"
#include "readers.h"

namespace tessera::pcsc {

// The largest command or answer: extended in both directions.
inline constexpr size_t kMaxApdu = MAX_BUFFER_SIZE_EXTENDED;

struct Connected {
  uint32_t protocol = 0;  // SCARD_PROTOCOL_T0 or _T1
  Bytes atr;
};

// Keeps other programs out as long as it lives.
class Transaction {
 public:
  explicit Transaction(SCARDHANDLE card);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

 private:
  SCARDHANDLE card_;
};

class Session {
 public:
  ~Session() { disconnect(SCARD_LEAVE_CARD); }

  std::vector<ReaderState> readers();

  Connected connect(const std::string& reader, uint32_t share, uint32_t protocols);
  // `initialization`: SCARD_LEAVE_CARD, SCARD_RESET_CARD or SCARD_UNPOWER_CARD.
  Connected reconnect(uint32_t initialization);
  void disconnect(uint32_t disposition) noexcept;

  // Waits without limit while another program has the card. May be nested.
  void begin();
  void end();

  Secret transmit(ByteView apdu);
  Bytes control(uint32_t code, ByteView data);
  Bytes attribute(uint32_t id);
  // Control codes of the reader by feature tag (PC/SC part 10, 2.2).
  std::map<uint32_t, uint32_t> features();

 private:
  struct Card {
    SCARDHANDLE handle = 0;
    DWORD share = SCARD_SHARE_SHARED;
    DWORD protocols = SCARD_PROTOCOL_ANY;
    DWORD protocol = 0;
  };

  const Context& context();
  Card& card();
  Connected connected();
  Bytes atr();
  void forget() noexcept;
  // The context and the card are dropped where `rc` says that pcscd has lost them.
  void check(LONG rv, const char* what);
  template <typename Work>
  auto afresh(const Work& work);

  std::unique_ptr<Context> context_;
  std::optional<Card> card_;
  std::optional<Transaction> transaction_;
  unsigned depth_ = 0;
  Bytes answer_ = Bytes(kMaxApdu);
};

}  // namespace tessera::pcsc
