#include "readers.h"

#include <algorithm>

namespace tessera::pcsc {
namespace {

constexpr char kPlugAndPlay[] = "\\\\?PnP?\\Notification";
constexpr DWORD kMostText = 64 * 1024;  // of all names together; pcsc-lite has 16 readers of 128 octets
// pcsc-lite takes no more in one call, the notification of new readers included.
constexpr size_t kMostWatched = PCSCLITE_MAX_READERS_CONTEXTS - 1;

bool is(LONG rv, LONG code) {
  return static_cast<uint32_t>(rv) == static_cast<uint32_t>(code);
}

}  // namespace

std::vector<std::string> list_readers(const Context& context) {
  const std::lock_guard lock(reader_table());
  std::vector<std::string> names;
  std::string text(kMostText, '\0');
  DWORD length = kMostText;
  const LONG rv = api().ListReaders(context.get(), nullptr, text.data(), &length);
  if (is(rv, SCARD_E_NO_READERS_AVAILABLE)) return names;
  ensure(rv, "SCardListReaders");
  text.resize(std::min<size_t>(length, kMostText));
  for (size_t at = 0; at < text.size() && text[at] != '\0';) {
    const size_t end = text.find('\0', at);
    names.push_back(text.substr(at, end - at));
    if (end == std::string::npos) break;
    at = end + 1;
  }
  return names;
}

bool watch_readers(const Context& context, std::vector<ReaderState>& readers, DWORD milliseconds) {
  std::vector<SCARD_READERSTATE> states;
  for (const ReaderState& reader : readers) {
    if (states.size() == kMostWatched) break;
    SCARD_READERSTATE state{};
    state.szReader = reader.name.c_str();
    state.dwCurrentState = reader.state;
    states.push_back(state);
  }
  const size_t watched = states.size();
  SCARD_READERSTATE news{};
  news.szReader = kPlugAndPlay;
  states.push_back(news);
  const LONG rv = api().GetStatusChange(context.get(), milliseconds, states.data(), static_cast<DWORD>(states.size()));
  if (is(rv, SCARD_E_UNKNOWN_READER)) return true;
  if (!is(rv, SCARD_E_TIMEOUT)) ensure(rv, "SCardGetStatusChange");
  for (size_t i = 0; i < watched; ++i) {
    readers[i].state = states[i].dwEventState & ~static_cast<DWORD>(SCARD_STATE_CHANGED);
    const size_t length = std::min<size_t>(states[i].cbAtr, sizeof(states[i].rgbAtr));
    readers[i].atr.assign(states[i].rgbAtr, states[i].rgbAtr + length);
  }
  for (size_t i = watched; i < readers.size(); ++i) readers[i].state = SCARD_STATE_UNKNOWN;
  return (states.back().dwEventState & SCARD_STATE_CHANGED) != 0;
}

}  // namespace tessera::pcsc
