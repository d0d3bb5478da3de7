#include "request.h"

#include <algorithm>
#include <cstdio>

#include "command.h"

namespace tessera::witness {
namespace {

using Fields = std::vector<std::string_view>;

Fields split(std::string_view text, char by) {
  Fields fields;
  while (!text.empty()) {
    const size_t end = text.find(by);
    fields.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
    if (text.empty()) fields.push_back(text);
  }
  return fields;
}

uint8_t nibble(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint8_t>(c - 'a' + 10);
  throw BadRequest("not lower-case hex");
}

Bytes bytes_of(std::string_view hex) {
  if (hex.size() % 2 != 0) throw BadRequest("odd number of hex digits");
  Bytes bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(nibble(hex[i]) << 4 | nibble(hex[i + 1])));
  }
  return bytes;
}

uint32_t number(std::string_view hex) {
  if (hex.empty() || hex.size() > 8) throw BadRequest("not a 32-bit number in hex");
  uint32_t value = 0;
  for (const char c : hex) value = value << 4 | nibble(c);
  return value;
}

std::string hex_of(ByteView bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const uint8_t octet : bytes) {
    hex += kDigits[octet >> 4];
    hex += kDigits[octet & 15];
  }
  return hex;
}

std::string hex_of(uint32_t value) {
  char text[9];
  std::snprintf(text, sizeof(text), "%08x", value);
  return text;
}

// The value of `key=`, or `otherwise`.
std::string_view option(const Fields& fields, std::string_view key, std::string_view otherwise) {
  for (const std::string_view field : fields) {
    if (field.starts_with(key) && field.substr(key.size()).starts_with('=')) return field.substr(key.size() + 1);
  }
  return otherwise;
}

void refuse_unknown(const Fields& fields, size_t first, std::initializer_list<std::string_view> keys) {
  for (size_t i = first; i < fields.size(); ++i) {
    const std::string_view key = fields[i].substr(0, fields[i].find('='));
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) throw BadRequest("unknown option");
  }
}

template <typename T>
T choice(std::string_view word, std::initializer_list<std::pair<std::string_view, T>> words) {
  for (const auto& [name, value] : words) {
    if (name == word) return value;
  }
  throw BadRequest("unknown word: " + std::string(word));
}

Auth auth_of(std::string_view text) {
  const Fields parts = split(text, ':');
  Auth auth;
  if (parts.empty() || parts[0] == "none") return auth;
  if (parts[0] == "pw" && parts.size() == 2) {
    auth.kind = Auth::Kind::kPassword;
    auth.value = bytes_of(parts[1]);
  } else if (parts[0] == "s" && parts.size() >= 2 && parts.size() <= 4) {
    auth.kind = Auth::Kind::kSession;
    auth.session = number(parts[1]);
    auth.flags = parts.size() > 2 ? static_cast<uint8_t>(number(parts[2])) : TPMA_SESSION_CONTINUESESSION;
    if (parts.size() > 3) auth.value = bytes_of(parts[3]);
  } else {
    throw BadRequest("authorisations are pw:AUTH, s:HANDLE[:FLAGS[:AUTH]] or none");
  }
  return auth;
}

bool is_session(uint32_t handle) {
  return handle >> 24 == 2 || handle >> 24 == 3;
}

// References that are closed when the call is over.
struct Borrowed {
  Context& context;
  std::vector<ESYS_TR> references{};
  ~Borrowed() {
    for (const ESYS_TR reference : references) context.close(reference);
  }
  ESYS_TR of(uint32_t handle) { return context.reference(handle, references); }
};

Bytes perform(Context& context, const Command& command, const Request& request) {
  if (request.handles.size() != command.handles) throw BadRequest("wrong number of handles");
  if (request.auths.size() > (command.sessions ? kSessions : 0)) throw BadRequest("too many authorisations");
  Borrowed borrowed{context};
  References references;
  references.fill(ESYS_TR_NONE);
  for (size_t i = 0; i < request.handles.size(); ++i) {
    // one reference for an index that authorises itself, so that its authValue is set where it is used
    const auto same =
        std::find(request.handles.begin(), request.handles.begin() + static_cast<ptrdiff_t>(i), request.handles[i]);
    references[i] = references[static_cast<size_t>(same - request.handles.begin())];
    if (references[i] == ESYS_TR_NONE) references[i] = borrowed.of(request.handles[i]);
  }
  for (size_t i = 0; i < request.auths.size(); ++i) {
    const Auth& auth = request.auths[i];
    if (auth.kind == Auth::Kind::kNone) continue;
    const bool entity = i < request.handles.size() && !is_session(request.handles[i]);
    if (entity) context.set_auth(request.handles[i], references[i], auth.value);
    ESYS_TR session = ESYS_TR_PASSWORD;
    if (auth.kind == Auth::Kind::kSession) {
      session = borrowed.of(auth.session);
      check(Esys_TRSess_SetAttributes(context.esys(), session, auth.flags, 0xff));
    }
    references[kMaxHandles + i] = session;
  }
  Bytes out = command.invoke(context, references, request.params);
  for (const Auth& auth : request.auths) {
    const bool over = auth.kind == Auth::Kind::kSession && (auth.flags & TPMA_SESSION_CONTINUESESSION) == 0;
    if (over) context.forget(auth.session);
  }
  if (std::string_view(command.name) == "FlushContext") context.forget(request.handles[0]);
  return out;
}

std::string call(Context& context, const Fields& words) {
  if (words.size() < 2) throw BadRequest("call needs a command");
  refuse_unknown(words, 2, {"handles", "params", "auths"});
  const Command* command = find_command(words[1]);
  if (command == nullptr) throw BadRequest("unknown command: " + std::string(words[1]));
  Request request;
  for (const auto handle : split(option(words, "handles", ""), ',')) request.handles.push_back(number(handle));
  request.params = bytes_of(option(words, "params", ""));
  for (const auto auth : split(option(words, "auths", ""), ',')) request.auths.push_back(auth_of(auth));
  return hex_of(perform(context, *command, request));
}

std::string nonce_of(Context& context, ESYS_TR session) {
  TPM2B_NONCE* nonce = nullptr;
  check(Esys_TRSess_GetNonceTPM(context.esys(), session, &nonce));
  const std::string hex = hex_of(ByteView(nonce->buffer, nonce->size));
  Esys_Free(nonce);
  return hex;
}

std::string start(Context& context, const Fields& words) {
  if (words.size() < 2) throw BadRequest("start needs a session type");
  refuse_unknown(words, 2, {"salt", "bind", "sym", "hash", "nonce"});
  const auto type =
      choice<TPM2_SE>(words[1], {{"hmac", TPM2_SE_HMAC}, {"policy", TPM2_SE_POLICY}, {"trial", TPM2_SE_TRIAL}});
  const auto hash =
      choice<TPM2_ALG_ID>(option(words, "hash", "sha256"), {{"sha256", TPM2_ALG_SHA256}, {"sha384", TPM2_ALG_SHA384}});
  TPMT_SYM_DEF symmetric{};
  symmetric.algorithm =
      choice<TPM2_ALG_ID>(option(words, "sym", "null"), {{"null", TPM2_ALG_NULL}, {"aes128cfb", TPM2_ALG_AES}});
  symmetric.keyBits.aes = 128;
  symmetric.mode.aes = TPM2_ALG_CFB;
  Borrowed borrowed{context};
  const auto entity = [&](std::string_view key, bool with_auth) -> ESYS_TR {
    const std::string_view text = option(words, key, "none");
    if (text == "none") return ESYS_TR_NONE;
    const ESYS_TR reference = borrowed.of(number(text));
    if (with_auth) context.set_auth(number(text), reference, std::nullopt);
    return reference;
  };
  const Bytes own = bytes_of(option(words, "nonce", ""));
  TPM2B_NONCE nonce{};
  if (own.size() > sizeof(nonce.buffer)) throw BadRequest("nonce is too long");
  nonce.size = static_cast<UINT16>(own.size());
  std::copy(own.begin(), own.end(), nonce.buffer);
  const ESYS_TR salt = entity("salt", false);
  const ESYS_TR bind = entity("bind", true);
  ESYS_TR session = ESYS_TR_NONE;
  check(Esys_StartAuthSession(context.esys(), salt, bind, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              own.empty() ? nullptr : &nonce, type, &symmetric, hash, &session));
  return hex_of(context.adopt(session)) + ' ' + nonce_of(context, session);
}

std::string perform(Context& context, const Fields& words) {
  const std::string_view verb = words.empty() ? "" : words[0];
  if (verb == "call") return call(context, words);
  if (verb == "start") return start(context, words);
  if (verb == "raw" && words.size() == 2) return hex_of(context.raw(bytes_of(words[1])));
  if (verb == "reset" && words.size() == 1) return context.reset(), "";
  if (verb == "nonce" && words.size() == 2) {
    Borrowed borrowed{context};
    return nonce_of(context, borrowed.of(number(words[1])));
  }
  if (verb == "setauth" && (words.size() == 2 || words.size() == 3)) {
    context.remember_auth(number(words[1]), words.size() == 3 ? bytes_of(words[2]) : Bytes{});
    return "";
  }
  throw BadRequest("unknown request");
}

}  // namespace

std::string answer(Context& context, std::string_view line) {
  try {
    const std::string result = perform(context, split(line, ' '));
    return result.empty() ? "ok" : "ok " + result;
  } catch (const BadRequest& bad) {
    return std::string("err ") + bad.what();
  } catch (const std::runtime_error& failed) {  // reset could not connect again
    return std::string("err ") + failed.what();
  } catch (const Refused& refused) {
    return "rc 0x" + hex_of(refused.rc);
  }
}

}  // namespace tessera::witness
