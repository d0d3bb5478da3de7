// Errors of this provider in OpenSSL's queue, from which Node makes its own.
#pragma once

#include <cstdint>
#include <string>

namespace tessera::provider {

// Puts `code` there, an error code of src/errors.ts: Node's message ends with it.
void raise(const std::string& code);

// The same for the request with that number. JavaScript, which knows why it refused the request, finds the number in
// Node's error: `reason(NUMBER)`.
void raise_refusal(const std::string& code, uint64_t request);

// Synchronous use on the thread that answers.
void raise_synchronous();

}  // namespace tessera::provider
