#include "loader.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_tcti.h>

#include <array>
#include <cstddef>
#include <vector>

#include "../common/failure.h"
#include "built_in_tcti.h"
#include "interrupt.h"
#include "libraries.h"
#include "message.h"
#include "tcti_string.h"
#include "transport.h"

namespace tessera {

namespace {

Failure failure(uint32_t rc, const std::string& reason, const std::string& text) {
  return Failure(Layer::kTcti, rc, reason, text);
}

class LoaderTransport final : public Transport {
 public:
  LoaderTransport(const OpenOptions& options, const Interrupt& interrupt) : name_(options.tcti), interrupt_(interrupt) {
    silence_tss2();  // in case something set the variable again
    if (tcti_name(name_).empty()) throw failure(0, "usage", "Which TPM? Say for example device:/dev/tpmrm0.");
    if (tcti_name(name_) == "device") {
      check_device(std::string(tcti_settings(name_)), deadline_after(options.wait), interrupt);
    }
    const TSS2_TCTI_INIT_FUNC inside = built_in_tcti(tcti_name(name_));
    const TSS2_RC rc = inside != nullptr ? initialize(inside) : load();
    if (rc != TSS2_RC_SUCCESS) refuse_tcti(name_, rc);
    one_client_ = serves_one_client(name_);
    size_t count = 1;
    TSS2_TCTI_POLL_HANDLE handle = {};
    if (Tss2_Tcti_GetPollHandles(context_, &handle, &count) == TSS2_RC_SUCCESS && count == 1) {
      poll_fd_ = handle.fd;
      // The TCTIs leave it open across exec: a child would occupy a device that serves one client.
      fcntl(poll_fd_, F_SETFD, FD_CLOEXEC);
    }
  }
  ~LoaderTransport() override {
    if (finalize_ != nullptr) {
      finalize_(&context_);
    } else {
      Tss2_Tcti_Finalize(context_);
    }
  }
  LoaderTransport(const LoaderTransport&) = delete;
  LoaderTransport& operator=(const LoaderTransport&) = delete;

  Bytes transmit(ByteView command, std::chrono::milliseconds limit) override {
    check_command(command);
    if (interrupt_.raised() || !usable_)
      throw failure(0, "gone", "The connection to " + name_ + " is closed. Open it again.");
    usable_ = false;  // until an exchange was whole
    const Deadline deadline = deadline_after(limit);
    TSS2_RC rc = Tss2_Tcti_Transmit(context_, command.size(), command.data());
    if (rc != TSS2_RC_SUCCESS) lost(rc);

    std::array<uint8_t, kMaxMessage> buffer;
    size_t size;
    do {
      if (poll_fd_ >= 0) wait(deadline);
      size = buffer.size();
      rc = Tss2_Tcti_Receive(context_, &size, buffer.data(),
                             poll_fd_ >= 0 ? milliseconds_left(deadline) : TSS2_TCTI_TIMEOUT_BLOCK);
    } while (rc == TSS2_TCTI_RC_TRY_AGAIN);
    if (rc == TSS2_TCTI_RC_INSUFFICIENT_BUFFER || rc == TSS2_TCTI_RC_GENERAL_FAILURE ||
        rc == TSS2_TCTI_RC_MALFORMED_RESPONSE || size > buffer.size()) {
      throw failure(rc, "answer", name_ + " gave an answer of impossible size. Check what listens there.");
    }
    if (rc != TSS2_RC_SUCCESS) lost(rc);
    Bytes answer(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(size));
    check_answer(answer, name_);
    usable_ = true;
    return answer;
  }

  bool sole_client() const override { return one_client_; }

 private:
  // With the TCTI loader of tpm2-tss.
  TSS2_RC load() {
    finalize_ = tss2_tctildr().function<void(TSS2_TCTI_CONTEXT**)>("Tss2_TctiLdr_Finalize");
    const auto initialize =
        tss2_tctildr().function<TSS2_RC(const char*, TSS2_TCTI_CONTEXT**)>("Tss2_TctiLdr_Initialize");
    return initialize(name_.c_str(), &context_);
  }

  // As TSS 2.0 TCTI, 3.5 has it: the first call tells the size.
  TSS2_RC initialize(TSS2_TCTI_INIT_FUNC inside) {
    const std::string settings(tcti_settings(name_));
    const char* const given = settings.empty() ? nullptr : settings.c_str();
    size_t size = 0;
    TSS2_RC rc = inside(nullptr, &size, given);
    if (rc != TSS2_RC_SUCCESS) return rc;
    memory_.resize((size + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t));
    auto* const context = reinterpret_cast<TSS2_TCTI_CONTEXT*>(memory_.data());
    rc = inside(context, &size, given);
    if (rc == TSS2_RC_SUCCESS) context_ = context;
    return rc;
  }

  [[noreturn]] void lost(TSS2_RC rc) const {
    throw failure(rc, "gone",
                  "The connection to " + name_ + " ended. Whether the last command ran is not known. Open it again.");
  }

  void wait(Deadline deadline) {
    switch (wait_for(poll_fd_, POLLIN, interrupt_, deadline)) {
      case Waited::kReady:
        return;
      case Waited::kInterrupted:
        throw failure(0, "gone", "The connection to " + name_ + " was closed here while it waited.");
      case Waited::kTimeout:
        throw failure(0, "timeout", name_ + " gave no answer in time. Another program may hold it.");
    }
  }

  const std::string name_;
  const Interrupt& interrupt_;
  bool usable_ = true;
  bool one_client_ = false;
  int poll_fd_ = -1;                      // the TCTI's own; -1: waits inside the TCTI, without limit
  std::vector<std::max_align_t> memory_;  // of a TCTI that is inside the addon
  TSS2_TCTI_CONTEXT* context_ = nullptr;
  void (*finalize_)(TSS2_TCTI_CONTEXT**) = nullptr;
};

}  // namespace

void silence_tss2() {
  constexpr char kName[] = "TSS2_LOG";
  constexpr char kValue[] = "all+none";
  const char* const now = getenv(kName);
  if (now == nullptr || strcmp(now, kValue) != 0) setenv(kName, kValue, 1);
}

std::unique_ptr<Transport> open_loader(const OpenOptions& options, const Interrupt& interrupt) {
  return std::make_unique<LoaderTransport>(options, interrupt);
}

}  // namespace tessera
