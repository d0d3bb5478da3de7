// What JavaScript sees of the native TPM layer; its types are in src/native.ts.
#include <napi.h>
#include <openssl/crypto.h>

#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "../common/convert.h"
#include "../common/loop_spin.h"
#include "engine.h"
#include "file_lock.h"
#include "loader.h"
#include "trace_callback.h"

namespace tessera {
namespace {

struct Classes {
  Napi::FunctionReference tpm;
  Napi::FunctionReference file_lock;
};

// A task that settles a promise. `self` keeps the object alive while work is under way.
struct JsTask : Task {
  virtual Napi::Value result(Napi::Env env) = 0;
  virtual void describe(Napi::Error&) const {}
  // The command that takes most of the time; null where that is not known.
  virtual const CommandRow* kind() const { return nullptr; }

  std::optional<Napi::Promise::Deferred> deferred;  // made when all arguments are known to be good
  Napi::ObjectReference self;
  LoopSpin::Clock::time_point given;
};

constexpr uint32_t kMostCalls = 64;  // in one trip
constexpr uint32_t kMostHandles = 3;
// How long the loop is kept turning for an answer, and only for commands that took less: those of TPMs in software.
constexpr std::chrono::microseconds kAwake{600};

Authorization to_authorization(const Napi::Object& object) {
  Authorization authorization;
  authorization.session = to_u32(object.Get("session"), "session");
  authorization.attributes = static_cast<uint8_t>(to_u32(object.Get("attributes"), "attributes", UINT8_MAX));
  const Napi::Value value = object.Get("authValue");
  if (!value.IsUndefined()) authorization.auth_value = to_secret(value, "authValue");
  return authorization;
}

using Tickets = std::map<uint32_t, std::shared_ptr<const Secret>>;

Call to_call(const Napi::Object& object, const Tickets& tickets) {
  Call call;
  call.row = &find_command(to_u32(object.Get("command"), "command"));
  const auto handles = to_list(object.Get("handles"), "handles", kMostHandles);
  const auto names = to_list(object.Get("names"), "names", kMostHandles);
  const auto authorizations = to_list(object.Get("auths"), "auths", kMostHandles);
  for (uint32_t i = 0; i < handles.Length(); ++i) call.handles.push_back(to_u32(handles.Get(i), "handle"));
  for (uint32_t i = 0; i < names.Length(); ++i) call.names.push_back(to_bytes(names.Get(i), "name"));
  for (uint32_t i = 0; i < authorizations.Length(); ++i) {
    call.authorizations.push_back(to_authorization(to_object(authorizations.Get(i), "authorisation")));
  }
  call.parameters = to_secret(object.Get("params"), "params");
  if (const Napi::Value ticket = object.Get("ticket"); !ticket.IsUndefined()) {
    const auto found = tickets.find(to_u32(ticket, "ticket"));
    if (found == tickets.end()) throw Failure(Layer::kSapi, 0, "usage", "The ticket was dropped.");
    call.ticket = found->second;
  }
  return call;
}

struct OpenTask : JsTask {
  void run(Connection&) override {}
  Napi::Value result(Napi::Env) override { return self.Value(); }
};

struct CloseTask : JsTask {
  void run(Connection&) override {}
  Napi::Value result(Napi::Env env) override { return env.Undefined(); }
};

// Commands one after the other, in one trip to the TPM's thread; the first failure ends them.
struct RunTask : JsTask {
  ~RunTask() override {
    // The results that were decrypted, agreed or unsealed.
    for (Bytes& result : results) OPENSSL_cleanse(result.data(), result.size());
  }
  void run(Connection& connection) override {
    for (Call& call : calls) results.push_back(connection.run(call));
  }
  Napi::Value result(Napi::Env env) override {
    auto array = Napi::Array::New(env, results.size());
    for (uint32_t i = 0; i < results.size(); ++i) array.Set(i, to_js(env, results[i]));
    return array;
  }
  void describe(Napi::Error& error) const override {
    if (results.size() < calls.size())
      error.Set("command", Napi::String::New(error.Env(), calls[results.size()].row->name));
  }

  const CommandRow* kind() const override { return calls.empty() ? nullptr : calls.back().row; }

  std::vector<Call> calls;
  std::vector<Bytes> results;
};

struct StartSessionTask : JsTask {
  void run(Connection& connection) override { started = connection.start_session(request); }
  Napi::Value result(Napi::Env env) override {
    auto object = Napi::Object::New(env);
    object.Set("handle", Napi::Number::New(env, started.handle));
    object.Set("nonceTpm", to_js(env, started.nonce_tpm));
    return object;
  }
  void describe(Napi::Error& error) const override {
    error.Set("command", Napi::String::New(error.Env(), "StartAuthSession"));
  }

  SessionRequest request;
  StartedSession started{};
};

struct TransmitTask : JsTask {
  void run(Connection& connection) override { answer = connection.transmit(command); }
  Napi::Value result(Napi::Env env) override { return to_js(env, answer); }

  Bytes command;
  Bytes answer;
};

class Tpm : public Napi::ObjectWrap<Tpm> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "Tpm",
        {InstanceMethod<&Tpm::run>("run"), InstanceMethod<&Tpm::start_session>("startSession"),
         InstanceMethod<&Tpm::keep_ticket>("keepTicket"), InstanceMethod<&Tpm::drop_ticket>("dropTicket"),
         InstanceMethod<&Tpm::transmit>("transmit"), InstanceMethod<&Tpm::nonce_tpm>("nonceTpm"),
         InstanceMethod<&Tpm::counters>("counters"), InstanceMethod<&Tpm::close>("close")});
  }

  // openTpm({ tcti, stateFile, createState, waitMs, onExchange })
  static Napi::Value open(const Napi::CallbackInfo& info) {
    auto* classes = info.Env().GetInstanceData<Classes>();
    const Napi::Object object = classes->tpm.New({info[0]});
    Tpm* self = Unwrap(object);
    return self->post(std::make_unique<OpenTask>());
  }

  explicit Tpm(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Tpm>(info) {
    const auto object = to_object(info[0], "options");
    OpenOptions options;
    options.tcti = to_text(object.Get("tcti"), "tcti");
    options.state_file = to_text(object.Get("stateFile"), "stateFile");
    options.create_state = object.Get("createState").ToBoolean().Value();
    options.wait = std::chrono::milliseconds(to_u32(object.Get("waitMs"), "waitMs"));
    const Napi::Env env = info.Env();
    if (const Napi::Value told = object.Get("onExchange"); told.IsFunction()) {
      trace_.emplace(env, told.As<Napi::Function>());
      options.trace = [this](Exchange exchange) { trace_->tell(std::move(exchange)); };
    }
    if (std::thread::hardware_concurrency() > 1) spin_.emplace(env);
    callback_ = Callback::New(env, "tessera", 0, 1, this);
    callback_.Unref(env);
    try {
      engine_ = guarded(env, [&] {
        return std::make_unique<Engine>(std::move(options),
                                        [this](std::unique_ptr<Task> task) { hand_back(std::move(task)); });
      });
    } catch (const Napi::Error&) {
      callback_.Release();  // nobody else would: an object that is not made has no destructor
      throw;
    }
    // Registered after the thread-safe function, and therefore called before that one is torn down.
    napi_add_env_cleanup_hook(env, at_env_end, this);
  }

  ~Tpm() override {
    napi_remove_env_cleanup_hook(Env(), at_env_end, this);
    finish();
  }

 private:
  // Without an environment: it is going away, and nobody waits any more.
  static void call_js(Napi::Env env, Napi::Function, Tpm* self, JsTask* task) {
    if (env == nullptr) return abandon(task);
    const std::unique_ptr<JsTask> done(task);
    self->settle(env, *done);
  }
  using Callback = Napi::TypedThreadSafeFunction<Tpm, JsTask, call_js>;

  static void at_env_end(void* self) { static_cast<Tpm*>(self)->finish(); }

  void finish() {
    engine_->stop();
    if (trace_) trace_->release();
    tickets_.clear();
    if (!std::exchange(finished_, true)) callback_.Release();
  }

  // On the TPM's thread (or on JavaScript's, when that one has ended).
  void hand_back(std::unique_ptr<Task> task) {
    auto* js_task = static_cast<JsTask*>(task.release());
    if (callback_.NonBlockingCall(js_task) != napi_ok) abandon(js_task);
  }

  // Its references are destroyed with the environment, and must not be released here.
  static void abandon(JsTask* task) {
    task->self.SuppressDestruct();
    delete task;
  }

  void settle(Napi::Env env, JsTask& task) {
    const Napi::HandleScope scope(env);
    if (--pending_ == 0) callback_.Unref(env);
    answered(task);
    engine_->reap();
    try {
      if (task.failure) {
        Napi::Error error = to_error(env, *task.failure);
        task.describe(error);
        task.deferred->Reject(error.Value());
      } else {
        task.deferred->Resolve(task.result(env));
      }
    } catch (const Napi::Error&) {
      // JavaScript was stopped (Worker.terminate): nobody can be notified.
    }
  }

  Napi::Value post(std::unique_ptr<JsTask> task) { return given(std::move(task), &Engine::post); }

  Napi::Value given(std::unique_ptr<JsTask> task, void (Engine::*how)(std::unique_ptr<Task>)) {
    const Napi::Env env = Env();
    task->self = Napi::Persistent(Value());
    const Napi::Promise promise = task->deferred.emplace(Napi::Promise::Deferred::New(env)).Promise();
    if (pending_++ == 0) callback_.Ref(env);
    stay_awake(*task);
    (engine_.get()->*how)(std::move(task));
    return promise;
  }

  // Not while the TPM's thread sleeps: it is often woken on this thread's processor, which this one then leaves to it.
  void stay_awake(JsTask& task) {
    if (!spin_) return;
    task.given = LoopSpin::Clock::now();
    const auto known = took_.find(task.kind());
    if (engine_->awake() && known != took_.end() && known->second < kAwake) spin_->until(task.given + kAwake);
  }

  void answered(const JsTask& task) {
    if (!spin_) return;
    if (pending_ == 0) spin_->stop();
    if (task.kind() != nullptr) took_[task.kind()] = LoopSpin::Clock::now() - task.given;
  }

  Napi::Value run(const Napi::CallbackInfo& info) {
    auto task = std::make_unique<RunTask>();
    const auto list = to_list(info[0], "commands", kMostCalls);
    guarded(info.Env(), [&] {
      for (uint32_t i = 0; i < list.Length(); ++i) {
        task->calls.push_back(to_call(to_object(list.Get(i), "command"), tickets_));
      }
    });
    return post(std::move(task));
  }

  // keepTicket(params): returns the number that `ticket` of a PolicyTicket refers to, until dropTicket.
  Napi::Value keep_ticket(const Napi::CallbackInfo& info) {
    auto ticket = std::make_shared<const Secret>(to_secret(info[0], "params"));
    tickets_.emplace(++last_ticket_, std::move(ticket));
    return Napi::Number::New(info.Env(), last_ticket_);
  }

  // Overwritten as soon as no command under way has it.
  Napi::Value drop_ticket(const Napi::CallbackInfo& info) {
    tickets_.erase(to_u32(info[0], "ticket"));
    return info.Env().Undefined();
  }

  Napi::Value start_session(const Napi::CallbackInfo& info) {
    auto task = std::make_unique<StartSessionTask>();
    const auto object = to_object(info[0], "options");
    task->request.policy = object.Get("policy").ToBoolean().Value();
    if (const Napi::Value salt = object.Get("saltPublic"); !salt.IsUndefined()) {
      task->request.salt_public = to_bytes(salt, "saltPublic");
      task->request.salt_key = to_u32(object.Get("saltKey"), "saltKey");
    }
    return post(std::move(task));
  }

  Napi::Value transmit(const Napi::CallbackInfo& info) {
    auto task = std::make_unique<TransmitTask>();
    task->command = to_bytes(info[0], "command");
    return post(std::move(task));
  }

  Napi::Value nonce_tpm(const Napi::CallbackInfo& info) {
    return to_js(info.Env(), engine_->nonce_tpm(to_u32(info[0], "session")));
  }

  Napi::Value counters(const Napi::CallbackInfo& info) {
    auto object = Napi::Object::New(info.Env());
    for (const auto& [name, count] : engine_->counters()) {
      object.Set(name, Napi::Number::New(info.Env(), static_cast<double>(count)));
    }
    return object;
  }

  Napi::Value close(const Napi::CallbackInfo&) {
    tickets_.clear();  // what is under way has its own share
    return given(std::make_unique<CloseTask>(), &Engine::close);
  }

  Callback callback_;
  std::optional<TraceCallback> trace_;  // before the engine, whose thread calls it
  std::optional<LoopSpin> spin_;
  std::map<const CommandRow*, LoopSpin::Clock::duration> took_;  // the last one of each kind
  std::unique_ptr<Engine> engine_;
  bool finished_ = false;
  uint32_t pending_ = 0;
  Tickets tickets_;
  uint32_t last_ticket_ = 0;
};

// lockFile(path): a lock between processes, or null where another holds it.
class JsFileLock : public Napi::ObjectWrap<JsFileLock> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "FileLock", {InstanceMethod<&JsFileLock::release>("release")});
  }
  explicit JsFileLock(const Napi::CallbackInfo& info) : Napi::ObjectWrap<JsFileLock>(info) {}

  static Napi::Value attempt(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    auto lock = guarded(env, [&] { return FileLock::attempt(to_text(info[0], "path")); });
    if (!lock) return env.Null();
    const Napi::Object object = env.GetInstanceData<Classes>()->file_lock.New({});
    Unwrap(object)->lock_ = std::make_unique<FileLock>(std::move(*lock));
    return object;
  }

  static Napi::Value is_taken(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    return Napi::Boolean::New(env, guarded(env, [&] { return FileLock::is_taken(to_text(info[0], "path")); }));
  }

 private:
  Napi::Value release(const Napi::CallbackInfo& info) {
    lock_.reset();
    return info.Env().Undefined();
  }

  std::unique_ptr<FileLock> lock_;
};

}  // namespace

void init_tpm(Napi::Env env, Napi::Object exports) {
  silence_tss2();  // before any thread of ours runs: it changes the environment
  auto* classes = new Classes{Napi::Persistent(Tpm::define(env)), Napi::Persistent(JsFileLock::define(env))};
  env.SetInstanceData(classes);
  exports.Set("openTpm", Napi::Function::New<Tpm::open>(env, "openTpm"));
  exports.Set("lockFile", Napi::Function::New<JsFileLock::attempt>(env, "lockFile"));
  exports.Set("isFileLocked", Napi::Function::New<JsFileLock::is_taken>(env, "isFileLocked"));
  auto codes = Napi::Object::New(env);
  for (const CommandRow& row : commands()) codes.Set(row.name, Napi::Number::New(env, row.code));
  exports.Set("commandCodes", codes);
}

}  // namespace tessera
