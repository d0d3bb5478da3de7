#include "message.h"

#include <tss2/tss2_tpm2_types.h>

#include "../common/failure.h"

namespace tessera {

namespace {

[[noreturn]] void broken(const std::string& who, const std::string& why) {
  throw Failure(Layer::kTcti, 0, "answer",
                who + " gave an answer that is not from a TPM 2.0: " + why +
                    ". The connection was given up; check what listens there, then open it again.");
}

}  // namespace

void check_command(ByteView command) {
  if (command.size() < kHeaderSize || command.size() > kMaxMessage || big_endian32(&command[2]) != command.size()) {
    throw Failure(Layer::kTcti, 0, "usage",
                  "A TPM command has 10 to 4096 octets, and its header says how many. Nothing was sent.");
  }
}

size_t answer_size(ByteView header, const std::string& who) {
  if (header.size() < kHeaderSize) broken(who, "it has only " + std::to_string(header.size()) + " octets");
  // TPM_ST_NO_SESSIONS, TPM_ST_SESSIONS, and TPM_ST_RSP_COMMAND: the answer of a TPM to an unknown tag.
  const unsigned tag = header[0] * 256U + header[1];
  if (tag != 0x8001 && tag != 0x8002 && tag != 0x00c4) broken(who, "its tag is " + std::to_string(tag));
  const size_t size = big_endian32(&header[2]);
  if (size < kHeaderSize || size > kMaxMessage) broken(who, "it claims " + std::to_string(size) + " octets");
  return size;
}

void check_answer(ByteView answer, const std::string& who) {
  const size_t size = answer_size(answer, who);
  if (size != answer.size()) {
    broken(who, "it claims " + std::to_string(size) + " octets and has " + std::to_string(answer.size()));
  }
}

void malformed_answer(uint32_t rc) {
  throw Failure(Layer::kTcti, rc, "answer",
                "The TPM's answer is malformed. The connection was given up; check what stands between, then open it "
                "again.");
}

AnswerParts answer_parts(ByteView answer, size_t handles, bool sessions) {
  const bool tagged = answer[0] * 256U + answer[1] == TPM2_ST_SESSIONS;
  const size_t before = kHeaderSize + 4 * handles + (tagged ? 4 : 0);
  if (tagged != sessions || answer.size() < before) malformed_answer(0);
  AnswerParts parts;
  parts.handles = answer.subspan(kHeaderSize, 4 * handles);
  parts.parameters = answer.subspan(before);
  if (tagged) {
    const size_t size = big_endian32(&answer[before - 4]);
    if (size > parts.parameters.size()) malformed_answer(0);
    parts.sessions = parts.parameters.subspan(size);
    parts.parameters = parts.parameters.first(size);
  }
  return parts;
}

}  // namespace tessera
