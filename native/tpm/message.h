// The form that a TPM command and a TPM answer must have before anything else is done with them.
#pragma once

#include "transport.h"

namespace tessera {

// Tag, size, code (TPM 2.0 Library, Part 1, section 18).
inline constexpr size_t kHeaderSize = 10;

inline uint32_t big_endian32(const uint8_t* at) {
  return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | uint32_t{at[3]};
}

// Throws Failure{kTcti, "usage"} unless `command` is one whole command: a mistake of the caller, and nothing is sent.
void check_command(ByteView command);

// The size that the header of an answer claims. Throws Failure{kTcti, "answer"} unless `header` begins with a tag that
// a TPM gives and claims between 10 and kMaxMessage octets. `who` names the TPM in the message.
size_t answer_size(ByteView header, const std::string& who);

// Throws Failure{kTcti, "answer"} unless `answer` is exactly one whole answer.
void check_answer(ByteView answer, const std::string& who);

// The parts of an answer of response code 0.
struct AnswerParts {
  ByteView handles;
  ByteView parameters;
  ByteView sessions;  // empty where the command had none
};

// Splits such an answer; the views point into it. `handles`: how many the command's answer has. `sessions`: whether the
// command had any. Throws Failure{kTcti, "answer"} where its sizes contradict each other.
AnswerParts answer_parts(ByteView answer, size_t handles, bool sessions);

// For an answer that is whole but does not have the form of the command's answer.
[[noreturn]] void malformed_answer(uint32_t rc);

}  // namespace tessera
