#include "errors.h"

#include <openssl/err.h>

#include <map>
#include <mutex>

namespace tessera::provider {
namespace {

constexpr const char* kSynchronous = "ERR_KEY_SYNCHRONOUS";
constexpr const char* kAdvice =
    "this thread has the card, and cannot wait for itself: call crypto.subtle (sign, decrypt, deriveBits), or "
    "crypto.sign "
    "with a callback";

// Reasons from here on are numbers of requests; OpenSSL leaves 18 bits for reasons.
constexpr uint64_t kFirstRequest = 1'000;
constexpr uint64_t kRequests = 200'000;

// OpenSSL keeps texts of errors by address, for ever.
ERR_STRING_DATA* texts(int library, int reason, const char* text) {
  return new ERR_STRING_DATA[2]{{ERR_PACK(library, 0, reason), text}, {0, nullptr}};
}

int library_number() {
  static const int number = [] {
    const int next = ERR_get_next_error_library();
    ERR_load_strings(next, texts(next, 0, "tessera"));
    return next;
  }();
  return number;
}

// The reason with that text. The texts are error codes and little else, so there are never many.
int reason_of(const std::string& text) {
  static std::mutex mutex;
  static auto* const reasons = new std::map<std::string, int>();
  const std::lock_guard lock(mutex);
  const auto [found, made] = reasons->emplace(text, static_cast<int>(reasons->size()) + 1);
  if (made) ERR_load_strings(library_number(), texts(library_number(), found->second, found->first.c_str()));
  return found->second;
}

}  // namespace

void raise(const std::string& code) {
  const int reason = reason_of(code);
  ERR_raise(library_number(), reason);
}

void raise_refusal(const std::string& code, uint64_t request) {
  raise(code);
  ERR_raise(library_number(), static_cast<int>(kFirstRequest + request % kRequests));
}

void raise_synchronous() {
  raise(kSynchronous);
  raise(kAdvice);
}

}  // namespace tessera::provider
