#include "trace.h"

#include <algorithm>
#include <utility>

#include "commands.h"
#include "message.h"

namespace tessera {
namespace {

using Clock = std::chrono::steady_clock;

// Octets of a message, of which those that were passed by `show` are seen. Nothing is read behind their end.
class Shown {
 public:
  explicit Shown(ByteView octets) : octets_(octets) {}

  void show(size_t count) {
    for (const uint8_t octet : take(count)) {
      text_ += kDigits[octet >> 4];
      text_ += kDigits[octet & 0x0f];
    }
  }
  void hide(size_t count) {
    for (size_t left = take(count).size(); left > 0; --left) text_ += "xx";
  }
  uint32_t show_number(size_t size) {
    const ByteView number = octets_.subspan(at_, std::min(size, left()));
    show(size);
    uint32_t value = 0;
    for (const uint8_t octet : number) value = value << 8 | octet;
    return value;
  }
  size_t left() const { return octets_.size() - at_; }
  std::string take_text() {
    hide(left());
    return std::move(text_);
  }

 private:
  static constexpr char kDigits[] = "0123456789abcdef";

  ByteView take(size_t count) {
    const ByteView taken = octets_.subspan(at_, std::min(count, left()));
    at_ += taken.size();
    return taken;
  }

  const ByteView octets_;
  size_t at_ = 0;
  std::string text_;
};

const CommandRow* row_of(uint32_t code) {
  const auto rows = commands();
  const auto found = std::ranges::find(rows, code, &CommandRow::code);
  return found == rows.end() ? nullptr : &*found;
}

// TPMS_AUTH_COMMAND, Part 2, 10.13.2.
void show_authorizations(Shown& shown) {
  const size_t size = shown.show_number(4);
  if (size > shown.left()) return;
  const size_t end = shown.left() - size;
  while (shown.left() > end) {
    shown.show(4);
    shown.show(shown.show_number(2));
    shown.show(1);
    shown.hide(shown.show_number(2));
  }
}

class TracedTransport final : public Transport {
 public:
  TracedTransport(std::unique_ptr<Transport> inner, Trace trace) : inner_(std::move(inner)), trace_(std::move(trace)) {}

  Bytes transmit(ByteView command, std::chrono::milliseconds limit) override {
    Exchange exchange;
    exchange.began = std::chrono::system_clock::now();
    exchange.command = shown_command(command);
    const auto began = Clock::now();
    const auto tell = [&] {
      exchange.took = Clock::now() - began;
      trace_(std::move(exchange));
    };
    try {
      Bytes answer = inner_->transmit(command, limit);
      exchange.answer = shown_answer(answer, command);
      tell();
      return answer;
    } catch (...) {
      tell();
      throw;
    }
  }

  void cancel() noexcept override { inner_->cancel(); }
  std::shared_ptr<ResourceManager> manager() override { return inner_->manager(); }
  bool sole_client() const override { return inner_->sole_client(); }
  uint64_t state_writes() const override { return inner_->state_writes(); }

 private:
  const std::unique_ptr<Transport> inner_;
  const Trace trace_;
};

}  // namespace

std::string shown_command(ByteView command) {
  Shown shown(command);
  shown.show(kHeaderSize);
  const CommandRow* row = command.size() < kHeaderSize ? nullptr : row_of(big_endian32(&command[6]));
  if (row == nullptr) return shown.take_text();
  shown.show(4 * row->handles);
  if (command[1] == (TPM2_ST_SESSIONS & 0xff)) show_authorizations(shown);
  if (row->shows_command) shown.show(shown.left());
  return shown.take_text();
}

std::string shown_answer(ByteView answer, ByteView command) {
  Shown shown(answer);
  shown.show(kHeaderSize);
  const CommandRow* row = command.size() < kHeaderSize ? nullptr : row_of(big_endian32(&command[6]));
  const bool done = answer.size() >= kHeaderSize && big_endian32(&answer[6]) == TPM2_RC_SUCCESS;
  if (row == nullptr || !done) return shown.take_text();
  if (row->gives) shown.show(4);
  size_t parameters = shown.left();
  if (answer[1] == (TPM2_ST_SESSIONS & 0xff)) parameters = shown.show_number(4);
  if (row->shows_answer) shown.show(parameters);
  return shown.take_text();
}

std::unique_ptr<Transport> traced(std::unique_ptr<Transport> inner, Trace trace) {
  return std::make_unique<TracedTransport>(std::move(inner), std::move(trace));
}

}  // namespace tessera
