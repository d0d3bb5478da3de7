#include "session.h"

#include "error.h"
#include "library.h"
#include "marshal.h"

namespace tessera {
namespace {

constexpr std::chrono::seconds kQuick{30};
constexpr std::chrono::seconds kSlow{300};

void assign(TPM2B_DIGEST& target, ByteView octets) {
  target.size = static_cast<UINT16>(octets.size());
  std::memcpy(target.buffer, octets.data(), octets.size());
}

}  // namespace

Connection::Connection(const OpenOptions& options)
    : transport_(open_transport(options)), tcti_(*transport_), sys_(tcti_) {
  start_up(options.wait);
  if (transport_->sole_client()) flush_strangers();
}

Connection::~Connection() {
  while (!sessions_.empty()) flush(sessions_.begin()->first);
  while (!objects_.empty()) flush(*objects_.begin());
}

void Connection::start_up(std::chrono::milliseconds wait) {
  const Bytes start{0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x44, 0, 0};  // TPM2_Startup(TPM_SU_CLEAR)
  Bytes answer;
  try {
    answer = transport_->transmit(start, wait);
  } catch (const Failure& failure) {
    if (failure.reason != "timeout") throw;
    throw Failure(Layer::kTcti, 0, "busy",
                  "The TPM accepts a connection but does not answer: another program holds it. "
                  "Close that program, or try again later.");
  }
  const uint32_t rc = head_u32(ByteView(answer).subspan(6));
  if (rc != TPM2_RC_SUCCESS && rc != TPM2_RC_INITIALIZE) throw Failure(Layer::kTpm, rc, "", "TPM2_Startup failed.");
  count("Startup");
}

// Whoever left these is gone: this transport serves one client at a time.
void Connection::flush_strangers() {
  const CommandRow& row = find_command("GetCapability");
  for (const uint32_t first : {TPM2_HR_TRANSIENT, TPM2_HR_HMAC_SESSION, uint32_t{TPM2_HT_SAVED_SESSION} << 24}) {
    WireWriter parameters;
    parameters.write<UINT32>(TPM2_CAP_HANDLES);
    parameters.write<UINT32>(first);
    parameters.write<UINT32>(64);
    Call call;
    call.row = &row;
    call.parameters = Secret(parameters.take());
    const Bytes result = run(call);
    const ByteView list = ByteView(result).subspan(9);  // after moreData, capability, count
    for (size_t offset = 0; offset + 4 <= list.size(); offset += 4) {
      // Policy sessions are listed among the HMAC sessions; both are flushed by the handle given.
      flush(head_u32(list.subspan(offset)));
    }
  }
}

void Connection::flush(uint32_t handle) noexcept {
  {
    const std::lock_guard lock(mutex_);
    sessions_.erase(handle);
    objects_.erase(handle);
  }
  try {
    const Bytes flush_context{0x80, 0x01, 0, 0, 0, 14, 0, 0, 0x01, 0x65};  // TPM2_FlushContext
    transport_->transmit(join({flush_context, big_endian(handle)}), kQuick);
    count("FlushContext");
  } catch (const std::exception&) {
    // A TPM that is gone has nothing of ours left, and one that refuses has not had it.
  }
}

Bytes Connection::transmit(ByteView command) {
  return transport_->transmit(command, kSlow);
}

Bytes Connection::nonce_tpm(uint32_t session) const {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? Bytes() : found->second.nonce_tpm;
}

std::map<std::string, uint64_t> Connection::counters() const {
  const std::lock_guard lock(mutex_);
  auto counters = counters_;
  counters["stateWrites"] = transport_->state_writes();
  return counters;
}

void Connection::count(const char* command) {
  const std::lock_guard lock(mutex_);
  ++counters_[command];
}

StartedSession Connection::start_session(const SessionRequest& request) {
  const Bytes nonce_caller = random_bytes(kNonce);
  Salt salt;
  if (!request.salt_public.empty()) salt = make_salt(request.salt_public);

  WireWriter parameters;
  TPM2B_DIGEST nonce{};
  assign(nonce, nonce_caller);
  parameters.write(nonce);
  TPM2B_ENCRYPTED_SECRET encrypted{};
  encrypted.size = static_cast<UINT16>(salt.encrypted.size());
  std::memcpy(encrypted.secret, salt.encrypted.data(), salt.encrypted.size());
  parameters.write(encrypted);
  parameters.write<UINT8>(request.policy ? TPM2_SE_POLICY : TPM2_SE_HMAC);
  TPMT_SYM_DEF symmetric{};
  symmetric.algorithm = request.policy ? TPM2_ALG_NULL : TPM2_ALG_AES;
  symmetric.keyBits.aes = 128;
  symmetric.mode.aes = TPM2_ALG_CFB;
  parameters.write(symmetric);
  parameters.write<UINT16>(TPM2_ALG_SHA256);

  Call call;
  call.row = &find_command("StartAuthSession");
  call.handles = {request.salt_public.empty() ? TPM2_RH_NULL : request.salt_key, TPM2_RH_NULL};
  call.parameters = Secret(parameters.take());
  const Bytes result = run(call);
  const uint32_t handle = head_u32(result);
  Bytes nonce_tpm(result.begin() + 6, result.end());
  Secret key;
  if (!salt.value.empty()) key = kdfa(salt.value.view(), "ATH", nonce_tpm, nonce_caller, 8 * kDigest);
  const std::lock_guard lock(mutex_);
  sessions_.insert_or_assign(handle, Session{request.policy, !request.policy, nonce_tpm, std::move(key)});
  return {handle, nonce_tpm};
}

Bytes Connection::run(Call& call) {
  const CommandRow& row = *call.row;
  if (call.handles.size() != row.handles || call.names.size() > row.handles || call.authorizations.size() > 3) {
    throw Failure(Layer::kSapi, 0, "usage", std::string(row.name) + " takes another number of handles or sessions.");
  }
  row.prepare(sys_.get(), call.handles.data(), call.parameters.view());
  std::vector<Prepared> prepared(call.authorizations.size());
  if (!prepared.empty()) authorize(call, prepared);

  tcti_.set_limit(row.slow ? kSlow : kQuick);
  count(row.name);
  static auto* execute = tss2_sys().function<decltype(Tss2_Sys_Execute)>("Tss2_Sys_Execute");
  const TSS2_RC rc = execute(sys_.get());
  tcti_.rethrow();
  if (rc != TSS2_RC_SUCCESS) {
    // TPM codes are below 0x10000; the rest are libtss2-sys' own words for an answer that makes no sense.
    if (rc < (1u << TSS2_RC_LAYER_SHIFT))
      throw Failure(Layer::kTpm, rc, "", std::string("TPM2_") + row.name + " failed.");
    throw Failure(Layer::kTcti, rc, "answer", "The TPM's answer is malformed.");
  }
  if (!prepared.empty()) verify(call, prepared);
  Bytes result = row.complete(sys_.get());
  track(call, result);
  return result;
}

void Connection::track(const Call& call, const Bytes& result) {
  const std::lock_guard lock(mutex_);
  if (call.row->makes_object) objects_.insert(head_u32(result));
  if (call.row->code == TPM2_CC_FlushContext) {
    objects_.erase(call.handles[0]);
    sessions_.erase(call.handles[0]);
  }
}

}  // namespace tessera
