// TPM commands as rows of one table. TPM 2.0 Library, Part 3; parameters in TCG wire form on both sides.
#pragma once

#include <tss2/tss2_sys.h>

#include <span>

#include "transport.h"

namespace tessera {

struct CommandRow {
  const char* name;    // as Part 3 has it, without "TPM2_"
  TPM2_CC code;        // by which it is asked for; src/tpm/constants.ts has the same
  size_t handles;      // in the handle area
  bool gives;          // the answer begins with the handle of a new transient object or session
  bool shows_command;  // its parameters hold no secret: a trace may show them
  bool shows_answer;   // and so for those of its answer
  bool slow;           // may make a key or test itself: minutes on slow chips
  // Puts the command into the context: Tss2_Sys_X_Prepare.
  void (*prepare)(TSS2_SYS_CONTEXT* context, const uint32_t* handles, ByteView parameters);
  // Takes the answer out of it: Tss2_Sys_X_Complete; response handle first, where there is one.
  Bytes (*complete)(TSS2_SYS_CONTEXT* context);
};

std::span<const CommandRow> commands();

// The row for `code`. Throws Failure{kSapi, "usage"} when there is none.
const CommandRow& find_command(TPM2_CC code);

}  // namespace tessera
