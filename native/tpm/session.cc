#include "session.h"

#include <algorithm>
#include <utility>

#include "../common/failure.h"
#include "libraries.h"
#include "marshal.h"
#include "message.h"

namespace tessera {
namespace {

constexpr std::chrono::seconds kQuick{30};
constexpr std::chrono::seconds kSlow{300};
constexpr size_t kMostAuthorizations = 3;
constexpr size_t kMostHandles = 3;

Bytes flush_context(uint32_t handle) {
  const Bytes head{0x80, 0x01, 0, 0, 0, 14, 0, 0, 0x01, 0x65};  // TPM2_FlushContext
  return join({head, big_endian(handle)});
}

[[noreturn]] void refuse(const CommandRow& row, TSS2_RC rc) {
  const TSS2_RC code = rc & 0xffff;
  const TSS2_RC layer = rc - code;
  // A resource manager answers in place of the TPM where it knows that the command must fail.
  if (layer == TSS2_TPM_RC_LAYER || layer == TSS2_RESMGR_TPM_RC_LAYER) {
    throw Failure(Layer::kTpm, code, "", std::string("TPM2_") + row.name + " failed.");
  }
  if (layer == TSS2_RESMGR_RC_LAYER) {
    throw Failure(Layer::kTcti, rc, "", std::string("The resource manager refuses TPM2_") + row.name + ".");
  }
  malformed_answer(rc);  // libtss2-sys' own words for an answer that makes no sense
}

}  // namespace

Connection::Connection(const OpenOptions& options, const Interrupt& interrupt)
    : interrupt_(interrupt),
      transport_(open_transport(options, interrupt)),
      manager_(transport_->manager()),
      room_(std::make_shared<Room>()),
      transmit_([this](ByteView command) { return transport_->transmit(command, kQuick); }),
      tcti_(*transport_, interrupt),
      sys_(tcti_) {
  const auto own_turn = manager_->wait(interrupt, deadline_after(options.wait));
  start_up(options.wait);
  const bool is_first = manager_->join(room_, transmit_);
  if (is_first && transport_->sole_client()) flush_strangers();
}

Connection::~Connection() {
  try {
    const auto own_turn = turn();
    manager_->part(*room_, transmit_);
  } catch (const std::exception&) {
    // A TPM that is gone has nothing of ours left; otherwise the next one at the TPM flushes it.
  }
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
  if (answer[0] * 256U + answer[1] == TPM2_ST_RSP_COMMAND) {
    throw Failure(Layer::kTcti, 0, "answer", "This is a TPM 1.2, which has none of what a card needs: use a TPM 2.0.");
  }
  const uint32_t rc = head_u32(ByteView(answer).subspan(6));
  if (rc != TPM2_RC_SUCCESS && rc != TPM2_RC_INITIALIZE) throw Failure(Layer::kTpm, rc, "", "TPM2_Startup failed.");
  count(TPM2_CC_Startup);
}

// The program that left these is gone: this transport serves one client at a time.
void Connection::flush_strangers() {
  const CommandRow& row = find_command(TPM2_CC_GetCapability);
  for (const uint32_t first : {TPM2_HR_TRANSIENT, TPM2_HR_HMAC_SESSION, uint32_t{TPM2_HT_SAVED_SESSION} << 24}) {
    WireWriter parameters;
    parameters.write<UINT32>(TPM2_CAP_HANDLES);
    parameters.write<UINT32>(first);
    parameters.write<UINT32>(64);
    Call call;
    call.row = &row;
    call.parameters = Secret(parameters.take());
    const Bytes result = run(call);
    if (head_u32(ByteView(result).subspan(1)) != TPM2_CAP_HANDLES) malformed_answer(0);
    const ByteView list = ByteView(result).subspan(9);  // after moreData, capability, count
    for (size_t offset = 0; offset + 4 <= list.size(); offset += 4) {
      // Policy sessions are listed among the HMAC sessions; both are flushed by the handle given.
      transmit_(flush_context(head_u32(list.subspan(offset))));
      count(TPM2_CC_FlushContext);
    }
  }
}

void Connection::forget(uint32_t handle) {
  room_->remove(handle);
  const std::lock_guard lock(mutex_);
  sessions_.erase(handle);
}

void Connection::flush(uint32_t handle) noexcept {
  try {
    const std::optional<uint32_t> known = manager_->actual(*room_, handle);
    forget(handle);
    if (!known) return;
    transmit_(flush_context(*known));
    count(TPM2_CC_FlushContext);
  } catch (const std::exception&) {
    // A TPM that is gone has nothing of ours left, and a refusing one did not have it.
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
  std::map<std::string, uint64_t> counters;
  for (const CommandRow& row : commands()) {
    if (const uint64_t count = counters_[row.code - TPM2_CC_FIRST]; count > 0) counters[row.name] = count;
  }
  counters["stateWrites"] = transport_->state_writes();
  return counters;
}

void Connection::count(TPM2_CC command) {
  counters_[command - TPM2_CC_FIRST].fetch_add(1, std::memory_order_relaxed);
}

StartedSession Connection::start_session(const SessionRequest& request) {
  const Bytes nonce_caller = random_bytes(kNonce);
  Salt salt;
  if (request.salt_public) salt = make_salt(*request.salt_public);

  WireWriter parameters;
  TPM2B_DIGEST nonce{};
  assign(nonce, nonce_caller);
  parameters.write(nonce);
  TPM2B_ENCRYPTED_SECRET encrypted{};
  encrypted.size = static_cast<UINT16>(salt.encrypted.size());
  std::copy(salt.encrypted.begin(), salt.encrypted.end(), encrypted.secret);
  parameters.write(encrypted);
  parameters.write<UINT8>(request.policy ? TPM2_SE_POLICY : TPM2_SE_HMAC);
  TPMT_SYM_DEF symmetric{};
  symmetric.algorithm = request.policy ? TPM2_ALG_NULL : TPM2_ALG_AES;
  symmetric.keyBits.aes = 128;
  symmetric.mode.aes = TPM2_ALG_CFB;
  parameters.write(symmetric);
  parameters.write<UINT16>(TPM2_ALG_SHA256);

  Call call;
  call.row = &find_command(TPM2_CC_StartAuthSession);
  call.handles = {request.salt_public ? request.salt_key : TPM2_RH_NULL, TPM2_RH_NULL};
  call.parameters = Secret(parameters.take());
  const Bytes result = run(call);
  const uint32_t handle = head_u32(result);
  const Bytes nonce_tpm(result.begin() + 6, result.end());
  Secret key;
  if (!salt.value.empty()) key = kdfa(salt.value.view(), "ATH", nonce_tpm, nonce_caller, 8 * kDigest);
  const std::lock_guard lock(mutex_);
  sessions_.insert_or_assign(handle, Session{request.policy, !request.policy, nonce_tpm, std::move(key)});
  return {handle, nonce_tpm};
}

Connection::Session* Connection::find(uint32_t session) {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? nullptr : &found->second;
}

Bytes Connection::run(Call& call) {
  if (!call.ticket) return send(call);
  if (call.row->code != TPM2_CC_PolicyTicket || call.handles.size() != 1) {
    throw Failure(Layer::kSapi, 0, "usage", "Only a PolicyTicket has a ticket.");
  }
  Session* prepared = find(call.handles[0]);
  if (prepared != nullptr && prepared->standing && prepared->ticket.lock() == call.ticket) return {};
  Bytes result = send(call);
  if (prepared != nullptr) {
    prepared->ticket = call.ticket;
    prepared->standing = true;
  }
  return result;
}

void Connection::work_ahead() {
  const auto own_turn = manager_->at_once(*room_);
  if (!own_turn) return;
  for (auto& [handle, session] : sessions_) {
    if (session.standing) continue;
    Call call;
    call.ticket = session.ticket.lock();
    if (!call.ticket) continue;
    call.row = &find_command(TPM2_CC_PolicyTicket);
    call.handles = {handle};
    try {
      send(call);
      session.ticket = call.ticket;
      session.standing = true;
    } catch (const Failure& failure) {
      if (failure.layer != Layer::kTpm) throw;
    }
  }
}

// A use empties what is fulfilled in a session, so it has to be fulfilled again. What a command that names the session
// does to it is not known here, nor what a failed one does: the next use then has to begin anew.
Bytes Connection::send(Call& call) {
  std::array<std::weak_ptr<const Secret>, kMostAuthorizations> again;
  const auto forget_ticket = [this](uint32_t handle) {
    Session* session = find(handle);
    if (session == nullptr) return std::weak_ptr<const Secret>();
    session->standing = false;
    return std::exchange(session->ticket, {});
  };
  for (const uint32_t handle : call.handles) forget_ticket(handle);
  const size_t used = std::min(call.authorizations.size(), again.size());
  for (size_t i = 0; i < used; ++i) again[i] = forget_ticket(call.authorizations[i].session);
  Bytes result = exchange(call);
  for (size_t i = 0; i < used; ++i) {
    if (Session* session = find(call.authorizations[i].session)) session->ticket = std::move(again[i]);
  }
  return result;
}

Bytes Connection::exchange(Call& call) {
  const CommandRow& row = *call.row;
  if (call.handles.size() != row.handles || call.names.size() > row.handles ||
      call.authorizations.size() > kMostAuthorizations) {
    throw Failure(Layer::kSapi, 0, "usage", std::string(row.name) + " takes another number of handles or sessions.");
  }
  if (interrupt_.raised()) throw Failure(Layer::kTcti, 0, "gone", "The TPM was closed here.");
  manager_->bring_in(*room_, transmit_);
  std::array<uint32_t, kMostHandles> handles{};
  for (uint32_t i = 0; i < row.handles; ++i) handles[i] = actual(call.handles[i], TPM2_RC_REFERENCE_H0 + i, row);
  row.prepare(sys_.get(), handles.data(), call.wire());
  std::vector<Prepared> prepared(call.authorizations.size());
  if (!prepared.empty()) authorize(call, prepared);

  struct Forget {
    Tcti& tcti;
    ~Forget() { tcti.forget(); }
  } const forget_answer{tcti_};
  tcti_.set_limit(row.slow ? kSlow : kQuick);
  count(row.code);
  static auto* execute = tss2_sys().function<decltype(Tss2_Sys_Execute)>("Tss2_Sys_Execute");
  const TSS2_RC rc = execute(sys_.get());
  tcti_.rethrow();
  if (rc != TSS2_RC_SUCCESS) refuse(row, rc);
  const ByteView answer = tcti_.answer();
  if (!row.gives || answer.size() < kHeaderSize + 4) return finish(call, prepared);

  const uint32_t made = head_u32(answer.subspan(kHeaderSize));
  const uint32_t type = made >> TPM2_HR_SHIFT;
  const bool session = type == TPM2_HT_HMAC_SESSION || type == TPM2_HT_POLICY_SESSION;
  // No HMAC covers the handle: commands are bound to Names.
  if (row.code == TPM2_CC_StartAuthSession ? !session : type != TPM2_HT_TRANSIENT) malformed_answer(0);
  const uint32_t handle = room_->add(made);
  try {
    Bytes result = finish(call, prepared);
    const Bytes known = big_endian(handle);
    std::copy(known.begin(), known.end(), result.begin());
    return result;
  } catch (const std::exception&) {
    flush(handle);  // nobody will be told of it
    throw;
  }
}

// For one that is lost: what the TPM would say.
uint32_t Connection::actual(uint32_t handle, uint32_t missing, const CommandRow& row) const {
  const std::optional<uint32_t> known = manager_->actual(*room_, handle);
  if (!known) throw Failure(Layer::kTpm, missing, "", std::string("TPM2_") + row.name + " failed.");
  return *known;
}

Bytes Connection::finish(const Call& call, std::vector<Prepared>& prepared) {
  if (!prepared.empty()) verify(call, prepared);
  Bytes result = call.row->complete(sys_.get());
  // Where an answer is too short, libtss2-sys reads on in what the command left in its buffer, and it accepts one that
  // is too long.
  const AnswerParts parts = answer_parts(tcti_.answer(), call.row->gives ? 1 : 0, !prepared.empty());
  if (result.size() != parts.handles.size() + parts.parameters.size()) malformed_answer(0);
  if (call.row->code == TPM2_CC_FlushContext) forget(call.handles[0]);
  return result;
}

}  // namespace tessera
