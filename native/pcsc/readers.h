// The readers that pcscd has, and the cards in them.
#pragma once

#include <string>
#include <vector>

#include "../common/bytes.h"
#include "api.h"

namespace tessera::pcsc {

struct ReaderState {
  std::string name;
  DWORD state = SCARD_STATE_UNAWARE;  // flags of SCARD_STATE_, with pcsc-lite's count of events above them
  Bytes atr;                          // of the card that is in it
};

std::vector<std::string> list_readers(const Context& context);

// Brings `readers` up to date. Waits until something differs from it, or the time is over. The caller makes the list
// itself: true where it has to be made anew. Throws Failure, also for SCardCancel.
bool watch_readers(const Context& context, std::vector<ReaderState>& readers, DWORD milliseconds);

}  // namespace tessera::pcsc
