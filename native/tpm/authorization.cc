// How a command is authorised and its answer verified. TPM 2.0 Library, Part 1, sections 17-21.
#include <openssl/crypto.h>

#include "../common/failure.h"
#include "libraries.h"
#include "marshal.h"
#include "message.h"
#include "session.h"

namespace tessera {
namespace {

// The functions of libtss2-sys that every command uses.
struct Sapi {
#define FUNCTION(NAME) \
  decltype(Tss2_Sys_##NAME)* NAME = tss2_sys().function<decltype(Tss2_Sys_##NAME)>("Tss2_Sys_" #NAME)
  FUNCTION(GetCpBuffer);
  FUNCTION(SetCmdAuths);
  FUNCTION(GetRspAuths);
  FUNCTION(GetDecryptParam);
  FUNCTION(SetDecryptParam);
  FUNCTION(GetEncryptParam);
  FUNCTION(SetEncryptParam);
#undef FUNCTION
};

const Sapi& sapi() {
  static const Sapi functions;
  return functions;
}

void ensure(TSS2_RC rc, const char* what) {
  if (rc != TSS2_RC_SUCCESS) throw Failure(Layer::kSapi, rc, "usage", std::string("libtss2-sys cannot ") + what + ".");
}

// authValues are compared without their trailing zeros. Part 1, 19.6.5.
ByteView stripped(ByteView auth_value) {
  while (!auth_value.empty() && auth_value.back() == 0) auth_value = auth_value.first(auth_value.size() - 1);
  return auth_value;
}

[[noreturn]] void refuse(const char* why) {
  throw Failure(Layer::kSapi, 0, "usage", std::string(why) + " Nothing was sent.");
}

}  // namespace

void Connection::authorize(Call& call, std::vector<Prepared>& prepared) {
  const Prepared* decrypts = nullptr;
  const Prepared* encrypts = nullptr;
  for (size_t i = 0; i < prepared.size(); ++i) {
    const Authorization& authorization = call.authorizations[i];
    if (authorization.auth_value.size() > sizeof(TPMU_HA)) refuse("An authValue is longer than any TPM takes.");
    const auto found = sessions_.find(authorization.session);
    const bool password = authorization.session == TPM2_RS_PW;
    if (!password && found == sessions_.end()) {
      throw Failure(Layer::kSession, 0, "gone", "The session is no longer there.");
    }
    // The TPM would refuse it too, but only after the secret was sent in clear.
    const bool ciphers = (authorization.attributes & (TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT)) != 0;
    if (ciphers && (password || !found->second.encrypts)) refuse("Only an HMAC session encrypts parameters.");
    if (password) continue;
    for (size_t j = 0; j < i; ++j) {
      if (prepared[j].session == &found->second) refuse("A session can stand in a command only once.");
    }
    Prepared& own = prepared[i];
    own.session = &found->second;
    own.nonce_caller = random_bytes(kNonce);
    const ByteView key = own.session->key.view();
    const ByteView auth_value = stripped(authorization.auth_value.view());
    Bytes joined = join({key, auth_value});
    own.key = Secret(joined);
    OPENSSL_cleanse(joined.data(), joined.size());
    if ((authorization.attributes & TPMA_SESSION_DECRYPT) != 0) decrypts = &own;
    if ((authorization.attributes & TPMA_SESSION_ENCRYPT) != 0) encrypts = &own;
  }

  if (decrypts != nullptr) {
    size_t size = 0;
    const uint8_t* clear = nullptr;
    ensure(sapi().GetDecryptParam(sys_.get(), &size, &clear), "find the parameter to encrypt");
    Bytes parameter(clear, clear + size);
    const Secret key = kdfa(decrypts->key.view(), "CFB", decrypts->nonce_caller, decrypts->session->nonce_tpm, 256);
    aes128_cfb(true, key.view().first(16), key.view().subspan(16), parameter.data(), parameter.size());
    ensure(sapi().SetDecryptParam(sys_.get(), size, parameter.data()), "encrypt a parameter");
  }

  size_t size = 0;
  const uint8_t* parameters = nullptr;
  ensure(sapi().GetCpBuffer(sys_.get(), &size, &parameters), "show the command");
  Bytes names;
  for (size_t i = 0; i < call.handles.size(); ++i) {
    const Bytes name = i < call.names.size() && !call.names[i].empty() ? call.names[i] : big_endian(call.handles[i]);
    names.insert(names.end(), name.begin(), name.end());
  }
  const Bytes cp_hash = sha256({big_endian(call.row->code), names, {parameters, size}});

  TSS2L_SYS_AUTH_COMMAND commands{};
  commands.count = static_cast<uint16_t>(prepared.size());
  for (size_t i = 0; i < prepared.size(); ++i) {
    const Authorization& authorization = call.authorizations[i];
    const Prepared& own = prepared[i];
    TPMS_AUTH_COMMAND& command = commands.auths[i];
    command.sessionHandle = actual(authorization.session, TPM2_RC_REFERENCE_S0 + static_cast<uint32_t>(i), *call.row);
    command.sessionAttributes = authorization.attributes;
    if (own.session == nullptr) {
      assign(command.hmac, authorization.auth_value.view());
      continue;
    }
    assign(command.nonce, own.nonce_caller);
    if (own.key.empty() && own.session->policy) continue;  // Part 1, 19.6.4: nothing to key it with
    // The first session also authenticates the nonces of the sessions that encrypt. Part 1, 19.6.5.
    const bool first = i == 0;
    const Bytes none;
    const Bytes& other_decrypt = first && decrypts != nullptr && decrypts != &own ? decrypts->session->nonce_tpm : none;
    const Bytes& other_encrypt =
        first && encrypts != nullptr && encrypts != &own && encrypts != decrypts ? encrypts->session->nonce_tpm : none;
    assign(command.hmac, hmac_sha256(own.key.view(), {cp_hash,
                                                      own.nonce_caller,
                                                      own.session->nonce_tpm,
                                                      other_decrypt,
                                                      other_encrypt,
                                                      {&authorization.attributes, 1}}));
  }
  const TSS2_RC rc = sapi().SetCmdAuths(sys_.get(), &commands);
  OPENSSL_cleanse(&commands, sizeof commands);
  ensure(rc, "authorise the command");
}

bool Connection::authentic(const Call& call, std::vector<Prepared>& prepared, TSS2L_SYS_AUTH_RESPONSE& responses) {
  if (sapi().GetRspAuths(sys_.get(), &responses) != TSS2_RC_SUCCESS || responses.count != prepared.size()) return false;
  const AnswerParts parts = answer_parts(tcti_.answer(), call.row->gives ? 1 : 0, true);
  const Bytes rp_hash = sha256({big_endian(TPM2_RC_SUCCESS), big_endian(call.row->code), parts.parameters});
  size_t size = 0;
  for (size_t i = 0; i < prepared.size(); ++i) {
    Prepared& own = prepared[i];
    const TPMS_AUTH_RESPONSE& response = responses.auths[i];
    const ByteView nonce(response.nonce.buffer, response.nonce.size);
    const ByteView hmac(response.hmac.buffer, response.hmac.size);
    const uint8_t attributes = response.sessionAttributes;
    size += 2 + nonce.size() + 1 + 2 + hmac.size();
    if (own.session == nullptr) continue;
    if (!(own.key.empty() && own.session->policy)) {
      const Bytes expected = hmac_sha256(own.key.view(), {rp_hash, nonce, own.nonce_caller, {&attributes, 1}});
      if (!equal_constant_time(expected, hmac)) return false;
    }
    const std::lock_guard lock(mutex_);
    own.session->nonce_tpm.assign(nonce.begin(), nonce.end());
  }
  if (size != parts.sessions.size()) malformed_answer(0);  // no HMAC covers what follows the last one
  return true;
}

void Connection::decrypt_answer(const Prepared& own) {
  size_t size = 0;
  const uint8_t* sealed = nullptr;
  ensure(sapi().GetEncryptParam(sys_.get(), &size, &sealed), "find the parameter to decrypt");
  Bytes parameter(sealed, sealed + size);
  const Secret key = kdfa(own.key.view(), "CFB", own.session->nonce_tpm, own.nonce_caller, 256);
  aes128_cfb(false, key.view().first(16), key.view().subspan(16), parameter.data(), parameter.size());
  const TSS2_RC rc = sapi().SetEncryptParam(sys_.get(), size, parameter.data());
  OPENSSL_cleanse(parameter.data(), parameter.size());
  ensure(rc, "decrypt a parameter");
}

void Connection::verify(const Call& call, std::vector<Prepared>& prepared) {
  TSS2L_SYS_AUTH_RESPONSE responses{};
  if (!authentic(call, prepared, responses)) {
    bool vouched = false;
    for (const Authorization& authorization : call.authorizations) {
      if (authorization.session == TPM2_RS_PW) continue;
      vouched = true;
      flush(authorization.session);
    }
    if (!vouched) malformed_answer(0);
    throw Failure(
        Layer::kSession, 0, "forged",
        "The answer is not the TPM's own: its HMAC does not verify. Somebody may sit between this program and "
        "the TPM. The sessions were dropped.");
  }
  for (size_t i = 0; i < prepared.size(); ++i) {
    const Authorization& authorization = call.authorizations[i];
    if (prepared[i].session == nullptr) continue;
    if ((authorization.attributes & TPMA_SESSION_ENCRYPT) != 0) decrypt_answer(prepared[i]);
    if ((responses.auths[i].sessionAttributes & TPMA_SESSION_CONTINUESESSION) != 0) continue;
    prepared[i].session = nullptr;
    // Where we did not request its end, and no HMAC proves it, the session may still exist.
    const bool asked = (authorization.attributes & TPMA_SESSION_CONTINUESESSION) == 0;
    asked ? forget(authorization.session) : flush(authorization.session);
  }
}

}  // namespace tessera
