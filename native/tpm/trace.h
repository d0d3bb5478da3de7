// What is said to a TPM, for a trace.
#pragma once

#include <memory>
#include <string>

#include "transport.h"

namespace tessera {

// `inner`, which tells `trace` of each exchange once it is over.
std::unique_ptr<Transport> traced(std::unique_ptr<Transport> inner, Trace trace);

// A command and an answer to it in hex digits, `xx` for each octet that is not shown: HMACs and passwords, and the
// parameters of every command for which the table in commands.cc does not say that they hold no secret.
std::string shown_command(ByteView command);
std::string shown_answer(ByteView answer, ByteView command);

}  // namespace tessera
