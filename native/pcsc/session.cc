#include "session.h"

#include <openssl/crypto.h>

#include <algorithm>

namespace tessera::pcsc {

Transaction::Transaction(SCARDHANDLE card) : card_(card) {
  ensure(api().BeginTransaction(card_), "SCardBeginTransaction");
}

Transaction::~Transaction() {
  api().EndTransaction(card_, SCARD_LEAVE_CARD);
}

const Context& Session::context() {
  if (!context_) context_ = std::make_unique<Context>();
  return *context_;
}

Session::Card& Session::card() {
  if (!card_) ensure(SCARD_E_INVALID_HANDLE, "There is no connection to a card");
  return *card_;
}

void Session::forget() noexcept {
  transaction_.reset();
  depth_ = 0;
  card_.reset();
  context_.reset();
}

void Session::check(LONG rv, const char* what) {
  if (is_service_loss(static_cast<uint32_t>(rv))) forget();
  ensure(rv, what);
}

// Runs `work` again when it fails because pcscd was restarted since the last call.
template <typename Work>
auto Session::afresh(const Work& work) {
  const bool had_context = context_ != nullptr;
  try {
    return work();
  } catch (const Failure& failure) {
    if (!is_service_loss(failure.rc)) throw;
    forget();
    if (!had_context) throw;
  }
  return work();
}

std::vector<ReaderState> Session::readers() {
  return afresh([this] {
    std::vector<ReaderState> found;
    for (std::string& name : list_readers(context())) {
      found.emplace_back();
      found.back().name = std::move(name);
    }
    const std::lock_guard lock(reader_table());
    watch_readers(context(), found, 0);
    return found;
  });
}

Connected Session::connect(const std::string& reader, uint32_t share, uint32_t protocols) {
  disconnect(SCARD_LEAVE_CARD);
  return afresh([&] {
    Card fresh;
    fresh.share = share;
    fresh.protocols = protocols;
    check(api().Connect(context().get(), reader.c_str(), share, protocols, &fresh.handle, &fresh.protocol),
          "SCardConnect");
    card_ = fresh;
    return connected();
  });
}

Connected Session::reconnect(uint32_t initialization) {
  Card& known = card();
  check(api().Reconnect(known.handle, known.share, known.protocols, initialization, &known.protocol), "SCardReconnect");
  return connected();
}

Connected Session::connected() {
  return {static_cast<uint32_t>(card().protocol), atr()};
}

// By attribute where the driver has it: SCardStatus uses the table of readers, which other threads fill.
Bytes Session::atr() {
  try {
    return attribute(SCARD_ATTR_ATR_STRING);
  } catch (const Failure&) {
    if (!card_) throw;
  }
  const std::lock_guard lock(reader_table());
  Bytes value(MAX_ATR_SIZE);
  DWORD length = value.size();
  check(api().Status(card_->handle, nullptr, nullptr, nullptr, nullptr, value.data(), &length), "SCardStatus");
  value.resize(std::min<size_t>(length, value.size()));
  return value;
}

void Session::disconnect(uint32_t disposition) noexcept {
  transaction_.reset();
  depth_ = 0;
  if (card_) api().Disconnect(card_->handle, disposition);
  card_.reset();
}

void Session::begin() {
  if (!transaction_) {
    try {
      transaction_.emplace(card().handle);
    } catch (const Failure& failure) {
      if (is_service_loss(failure.rc)) forget();
      throw;
    }
  }
  ++depth_;
}

void Session::end() {
  if (depth_ > 0 && --depth_ == 0) transaction_.reset();
}

Secret Session::transmit(ByteView apdu) {
  const Card& known = card();
  const SCARD_IO_REQUEST protocol{known.protocol, sizeof(SCARD_IO_REQUEST)};
  DWORD length = answer_.size();
  check(api().Transmit(known.handle, &protocol, apdu.data(), apdu.size(), nullptr, answer_.data(), &length),
        "SCardTransmit");
  const std::span<uint8_t> used(answer_.data(), std::min<size_t>(length, answer_.size()));
  Secret answer{ByteView(used)};
  OPENSSL_cleanse(used.data(), used.size());
  return answer;
}

Bytes Session::control(uint32_t code, ByteView data) {
  Bytes answer(kMaxApdu);
  DWORD length = 0;
  check(api().Control(card().handle, code, data.data(), data.size(), answer.data(), answer.size(), &length),
        "SCardControl");
  answer.resize(std::min<size_t>(length, answer.size()));
  return answer;
}

Bytes Session::attribute(uint32_t id) {
  Bytes value(MAX_BUFFER_SIZE);
  DWORD length = value.size();
  check(api().GetAttrib(card().handle, id, value.data(), &length), "SCardGetAttrib");
  value.resize(std::min<size_t>(length, value.size()));
  return value;
}

std::map<uint32_t, uint32_t> Session::features() {
  std::map<uint32_t, uint32_t> found;
  const Bytes list = control(CM_IOCTL_GET_FEATURE_REQUEST, {});
  // Tag, length 4, control code with the most significant octet first.
  for (size_t at = 0; at + 6 <= list.size() && list[at + 1] == 4; at += 6) {
    uint32_t code = 0;
    for (size_t i = 0; i < 4; ++i) code = code << 8 | list[at + 2 + i];
    found[list[at]] = code;
  }
  return found;
}

}  // namespace tessera::pcsc
