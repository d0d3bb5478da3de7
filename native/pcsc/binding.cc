// What JavaScript sees of PC/SC; its types are in src/native.ts.
#include <napi.h>

#include <utility>

#include "../common/thread_safe_callback.h"
#include "monitor.h"
#include "values.h"
#include "worker.h"

namespace tessera::pcsc {
namespace {

using std::chrono::milliseconds;

// How long the end of an environment waits for threads: usual calls return at once, and others are not waited for.
constexpr milliseconds kGrace{200};

// The result of `start`. Where it fails, this closes the callback, since nothing else would.
template <typename ThreadSafeCallback, typename Start>
auto started(Napi::Env env, ThreadSafeCallback& callback, const Start& start) {
  try {
    return start();
  } catch (const Failure& failure) {
    callback.close();
    throw to_error(env, failure);
  }
}

// --- A connection -------------------------------------------------------------------------------------------------

struct JsJob : Job {
  virtual Napi::Value result(Napi::Env env) = 0;
  // Undoes a success that arrives after its caller has stopped waiting.
  std::function<void()> undo;
};

template <typename Result>
struct Call : JsJob {
  explicit Call(std::function<Result(Session&)> what) : work(std::move(what)) {}
  void run(Session& session) override { value = work(session); }
  Napi::Value result(Napi::Env env) override { return to_js(env, value); }

  std::function<Result(Session&)> work;
  Result value;
};

class Connection : public Napi::ObjectWrap<Connection> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "PcscConnection",
        {InstanceMethod<&Connection::readers>("readers"), InstanceMethod<&Connection::connect>("connect"),
         InstanceMethod<&Connection::reconnect>("reconnect"), InstanceMethod<&Connection::disconnect>("disconnect"),
         InstanceMethod<&Connection::parting>("parting"), InstanceMethod<&Connection::begin>("begin"),
         InstanceMethod<&Connection::end>("end"), InstanceMethod<&Connection::transmit>("transmit"),
         InstanceMethod<&Connection::control>("control"), InstanceMethod<&Connection::attribute>("attribute"),
         InstanceMethod<&Connection::features>("features"), InstanceMethod<&Connection::cancel>("cancel"),
         InstanceMethod<&Connection::close>("close")});
  }

  explicit Connection(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<Connection>(info), callback_(std::make_shared<Exit>(info.Env(), this)) {
    callback_->hold(info.Env(), false);
    worker_ = started(info.Env(), *callback_, [&] {
      return Worker::start([callback = callback_](std::unique_ptr<Job> job) { callback->send(std::move(job)); });
    });
    napi_add_env_cleanup_hook(info.Env(), at_env_end, this);
  }

  ~Connection() override {
    napi_remove_env_cleanup_hook(Env(), at_env_end, this);
    finish();
  }

  // A job is finished.
  void arrived(Napi::Env env, std::unique_ptr<Job> given) {
    auto& job = static_cast<JsJob&>(*given);
    const auto found = waiting_.find(job.id);
    if (found == waiting_.end()) {
      if (!job.failure && job.undo) job.undo();
      return;
    }
    const Napi::Promise::Deferred deferred = found->second;
    forget(found);
    if (job.failure) {
      deferred.Reject(to_error(env, *job.failure).Value());
    } else {
      deferred.Resolve(job.result(env));
    }
  }

 private:
  using Exit = ThreadSafeCallback<Connection, Job>;
  using Waiting = std::map<uint64_t, Napi::Promise::Deferred>;

  static void at_env_end(void* raw) {
    auto* self = static_cast<Connection*>(raw);
    self->finish();
    self->worker_->wait(kGrace);
  }

  void finish() {
    callback_->close();
    worker_->stop();
  }

  // While a caller waits, this object and the process stay alive.
  Napi::Value expect(JsJob& job) {
    auto deferred = Napi::Promise::Deferred::New(Env());
    job.id = ++last_id_;
    if (waiting_.empty()) {
      Ref();
      callback_->hold(Env(), true);
    }
    waiting_.emplace(job.id, deferred);
    return deferred.Promise();
  }

  void forget(Waiting::iterator found) {
    waiting_.erase(found);
    if (!waiting_.empty()) return;
    callback_->hold(Env(), false);
    Unref();
  }

  template <typename Result>
  Napi::Value post(std::function<Result(Session&)> work, std::function<void()> undo = nullptr) {
    auto job = std::make_unique<Call<Result>>(std::move(work));
    job->undo = std::move(undo);
    const Napi::Value promise = expect(*job);
    worker_->post(std::move(job));
    return promise;
  }

  Napi::Value readers(const Napi::CallbackInfo&) {
    return post<std::vector<ReaderState>>([](Session& session) { return session.readers(); });
  }

  // connect(reader, shareMode, protocols)
  Napi::Value connect(const Napi::CallbackInfo& info) {
    const uint32_t share = to_u32(info[1], "shareMode");
    const uint32_t protocols = to_u32(info[2], "protocols");
    return post<Connected>([=, reader = to_text(info[0], "reader")](Session& session) {
      return session.connect(reader, share, protocols);
    });
  }

  Napi::Value reconnect(const Napi::CallbackInfo& info) {
    const uint32_t how = to_u32(info[0], "initialization");
    return post<Connected>([how](Session& session) { return session.reconnect(how); });
  }

  Napi::Value disconnect(const Napi::CallbackInfo& info) {
    const uint32_t how = to_u32(info[0], "disposition");
    return post<Nothing>([how](Session& session) {
      session.disconnect(how);
      return Nothing{};
    });
  }

  Napi::Value parting(const Napi::CallbackInfo& info) {
    worker_->parting(to_u32(info[0], "disposition"));
    return info.Env().Undefined();
  }

  static Nothing end_of(Session& session) {
    session.end();
    return {};
  }

  // Gives back a lock that arrives after its caller has stopped waiting.
  Napi::Value begin(const Napi::CallbackInfo&) {
    const auto work = [](Session& session) {
      session.begin();
      return Nothing{};
    };
    return post<Nothing>(work, [this] { worker_->post(std::make_unique<Call<Nothing>>(&Connection::end_of)); });
  }

  Napi::Value end(const Napi::CallbackInfo&) { return post<Nothing>(&Connection::end_of); }

  Napi::Value transmit(const Napi::CallbackInfo& info) {
    return post<Secret>([apdu = to_apdu(info[0], "apdu")](Session& session) { return session.transmit(apdu->view()); });
  }

  Napi::Value control(const Napi::CallbackInfo& info) {
    const uint32_t code = to_u32(info[0], "code");
    return post<Bytes>(
        [code, data = to_apdu(info[1], "data")](Session& session) { return session.control(code, data->view()); });
  }

  Napi::Value attribute(const Napi::CallbackInfo& info) {
    const uint32_t id = to_u32(info[0], "id");
    return post<Bytes>([id](Session& session) { return session.attribute(id); });
  }

  Napi::Value features(const Napi::CallbackInfo&) {
    return post<std::map<uint32_t, uint32_t>>([](Session& session) { return session.features(); });
  }

  // Rejects every waiting call now. What the thread still does has no effect.
  Napi::Value cancel(const Napi::CallbackInfo& info) {
    const Failure failure(Layer::kClosed, static_cast<uint32_t>(SCARD_E_CANCELLED), "", "The call was given up.");
    while (!waiting_.empty()) {
      const auto first = waiting_.begin();
      const Napi::Promise::Deferred deferred = first->second;
      forget(first);
      deferred.Reject(to_error(info.Env(), failure).Value());
    }
    return info.Env().Undefined();
  }

  Napi::Value close(const Napi::CallbackInfo&) {
    auto job = std::make_unique<Call<Nothing>>([](Session&) { return Nothing{}; });
    const Napi::Value promise = expect(*job);
    worker_->stop(std::move(job));
    return promise;
  }

  std::shared_ptr<Exit> callback_;
  std::shared_ptr<Worker> worker_;
  Waiting waiting_;
  uint64_t last_id_ = 0;
};

// --- The monitor --------------------------------------------------------------------------------------------------

// new PcscMonitor((failure, readers) => ...)
class JsMonitor : public Napi::ObjectWrap<JsMonitor> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "PcscMonitor", {InstanceMethod<&JsMonitor::close>("close")});
  }

  explicit JsMonitor(const Napi::CallbackInfo& info) : Napi::ObjectWrap<JsMonitor>(info) {
    if (!info[0].IsFunction()) refuse(info[0], "listener", "a function");
    listener_ = Napi::Persistent(info[0].As<Napi::Function>());
    callback_ = std::make_shared<Exit>(info.Env(), this);
    monitor_ = started(info.Env(), *callback_, [&] {
      return Monitor::start([callback = callback_](std::unique_ptr<Sight> sight) { callback->send(std::move(sight)); });
    });
    napi_add_env_cleanup_hook(info.Env(), at_env_end, this);
    Ref();  // until it is closed
  }

  ~JsMonitor() override {
    napi_remove_env_cleanup_hook(Env(), at_env_end, this);
    finish();
  }

  void arrived(Napi::Env env, std::unique_ptr<Sight> sight) {
    if (finished_) return;
    const Napi::Value failure = sight->failure ? to_error(env, *sight->failure).Value() : env.Undefined();
    listener_.Call({failure, to_js(env, sight->readers)});
  }

 private:
  using Exit = ThreadSafeCallback<JsMonitor, Sight>;

  static void at_env_end(void* raw) {
    auto* self = static_cast<JsMonitor*>(raw);
    self->finish();
    self->monitor_->wait(kGrace);
  }

  bool finish() {
    if (std::exchange(finished_, true)) return false;
    if (callback_) callback_->close();
    if (monitor_) monitor_->stop();
    return true;
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    if (finish()) Unref();
    return info.Env().Undefined();
  }

  Napi::FunctionReference listener_;
  std::shared_ptr<Exit> callback_;
  std::shared_ptr<Monitor> monitor_;
  bool finished_ = false;
};

}  // namespace

void init(Napi::Env env, Napi::Object exports) {
  exports.Set("PcscConnection", Connection::define(env));
  exports.Set("PcscMonitor", JsMonitor::define(env));
}

}  // namespace tessera::pcsc
