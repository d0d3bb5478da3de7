// The line protocol of the witness (main.cc says what the lines are).
#pragma once

#include <string>
#include <string_view>

#include "context.h"

namespace tessera::witness {

// Does what one request line says. Never throws for what the request or the TPM did wrong: that is in the answer.
std::string answer(Context& context, std::string_view line);

}  // namespace tessera::witness
