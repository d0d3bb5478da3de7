#include "libtpms.h"

#include <fcntl.h>
#include <string.h>

#include <atomic>
#include <string_view>

#include "libtpms_functions.h"
#include "message.h"

// How a wrong PIN is made to count.
//
// libtpms counts in memory, then stores its state, then answers. If a failed store were only an error of that one
// command, a full disk would be an oracle: each wrong PIN would fail to store and be forgotten when the TPM is started
// anew, while the right one needs no store and answers OK. So:
// 1. No command runs unless the room for its store is already allocated (StateFile::reserve). On a disk that is full,
//    or is filled at the right moment, no PIN is compared, instead of a comparison that is not counted.
// 2. Where the store fails all the same (the disk itself), its answer is withheld and the TPM runs nothing more.
//    The state with the try counted stays in memory, and the lock against other processes stays with it; the TPM starts
//    again only after that state is on the disk (embedded.cc). An attacker can still kill the process, but could then
//    also restore an old file: a TPM in software cannot prevent that.
// 3. The TPM does not even start before one store has succeeded.

namespace tessera {

namespace {

Libtpms* g_current = nullptr;  // libtpms' callbacks carry no context
std::atomic<uint64_t> g_writes{0};

const LibtpmsFunctions& lib() {
  static const LibtpmsFunctions functions;
  return functions;
}

// libtpms prints the command that put it into failure mode, PIN included, to stderr unless it has another descriptor:
// neither level 0 nor descriptor -1 keeps it quiet (TPMLIB_LogPrintfA with indent ~0).
void silence() {
  static const Fd nowhere(open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!nowhere) {
    throw Failure(Layer::kState, 0, "io", "/dev/null cannot be opened, and the embedded TPM's messages must go there.");
  }
  lib().TPMLIB_SetDebugFD(nowhere.get());
  lib().TPMLIB_SetDebugLevel(0);
}

bool is_permanent(const char* name) {
  return name != nullptr && std::string_view(name) == TPM_PERMANENT_ALL_NAME;
}

}  // namespace

// No exception may pass through libtpms, which is C.
struct Callbacks {
  static TPM_RESULT init() { return TPM_SUCCESS; }

  // An existing state is handed over beforehand (TPMLIB_SetState). This is asked only for a new TPM's state, and for
  // volatile state, which is never kept: sessions and tickets end with the process.
  static TPM_RESULT load(unsigned char** data, uint32_t* length, uint32_t, const char* name) {
    if (!is_permanent(name) || g_current == nullptr || g_current->fresh_.empty()) return TPM_RETRY;
    const Bytes& state = g_current->fresh_;
    // With libtpms' own allocator, since libtpms frees it: ours may be a different one (RTLD_DEEPBIND).
    const auto size = static_cast<uint32_t>(state.size());
    if (lib().TPM_Malloc(data, size) != TPM_SUCCESS) return TPM_FAIL;
    memcpy(*data, state.data(), size);
    *length = size;
    return TPM_SUCCESS;
  }

  static TPM_RESULT store(const unsigned char* data, uint32_t length, uint32_t, const char* name) {
    if (!is_permanent(name)) return TPM_SUCCESS;
    if (g_current == nullptr || g_current->broken_) return TPM_FAIL;
    Libtpms& tpm = *g_current;
    try {
      tpm.file_.store({data, length});
      g_writes.fetch_add(1, std::memory_order_relaxed);
      if (tpm.making_) tpm.fresh_.assign(data, data + length);
      return TPM_SUCCESS;
    } catch (const Failure& failure) {
      tpm.broken_.emplace(failure.layer, failure.rc, failure.reason,
                          std::string(failure.what()) + " The embedded TPM stopped; after that, open the card again.");
    } catch (const std::exception& error) {
      tpm.broken_.emplace(Layer::kState, 0, "io", std::string("The embedded TPM cannot store: ") + error.what());
    }
    return TPM_FAIL;
  }

  static TPM_RESULT erase(uint32_t, const char*, TPM_BOOL) { return TPM_SUCCESS; }

  static TPM_RESULT locality(TPM_MODIFIER_INDICATOR* locality, uint32_t) {
    *locality = 0;
    return TPM_SUCCESS;
  }

  static TPM_RESULT presence(TPM_BOOL* asserted, uint32_t) {
    *asserted = 0;
    return TPM_SUCCESS;
  }
};

Libtpms::Libtpms(StateFile& file, bool create) : file_(file) {
  silence();
  libtpms_callbacks callbacks = {sizeof callbacks, Callbacks::init, Callbacks::load,     Callbacks::store,
                                 Callbacks::erase, Callbacks::init, Callbacks::locality, Callbacks::presence};
  if (lib().TPMLIB_RegisterCallbacks(&callbacks) != TPM_SUCCESS ||
      lib().TPMLIB_ChooseTPMVersion(TPMLIB_TPM_VERSION_2) != TPM_SUCCESS) {
    throw Failure(Layer::kLibrary, 0, "missing",
                  "This libtpms has no TPM 2.0, or something else in this process uses it. Install Debian's libtpms0.");
  }
  g_current = this;
  try {
    power_on(create);
  } catch (...) {
    power_off();
    file_.forget();  // the same content as on the disk
    throw;
  }
}

void Libtpms::power_on(bool create) {
  auto state = file_.load();
  if (!state && !create) {
    throw Failure(
        Layer::kState, 0, "absent",
        "The state of the embedded TPM, " + file_.path() +
            ", is gone. It is not made anew: cards were created in that TPM, and no other can use their keys. "
            "Put the file back from a backup, or destroy those cards.");
  }
  file_.reserve();
  if (state) {
    const TPM_RESULT result =
        lib().TPMLIB_SetState(TPMLIB_STATE_PERMANENT, state->data(), static_cast<uint32_t>(state->size()));
    wipe(*state);
    if (result != TPM_SUCCESS) {
      throw Failure(Layer::kState, result, "newer",
                    "libtpms cannot use the state in " + file_.path() +
                        ", though its checksum is right. A newer libtpms may have written it: install that one.");
    }
  }
  making_ = !state;
  // Ends with a store of the whole state, whether it was new or read.
  const TPM_RESULT result = lib().TPMLIB_MainInit();
  making_ = false;
  wipe(fresh_);
  if (broken_) throw *broken_;
  if (result != TPM_SUCCESS) {
    throw Failure(Layer::kState, result, "corrupt", "libtpms does not start from the state in " + file_.path() + ".");
  }
}

Libtpms::~Libtpms() {
  // TPM2_Shutdown(TPM_SU_CLEAR). No key or counter needs it, so it is omitted where it cannot be stored.
  constexpr uint8_t kShutdown[] = {0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x45, 0, 0};
  try {
    process(kShutdown);
  } catch (const std::exception&) {
  }
  power_off();
}

void Libtpms::power_off() noexcept {
  lib().TPMLIB_Terminate();
  wipe(fresh_);
  g_current = nullptr;
}

Bytes Libtpms::process(ByteView command) {
  if (broken_) throw *broken_;
  file_.reserve();
  Bytes copy(command.begin(), command.end());  // libtpms takes it as writable
  unsigned char* buffer = nullptr;
  uint32_t size = 0;
  uint32_t capacity = 0;
  const TPM_RESULT result =
      lib().TPMLIB_Process(&buffer, &size, &capacity, copy.data(), static_cast<uint32_t>(copy.size()));
  wipe(copy);
  Bytes answer(buffer, buffer + size);
  if (buffer != nullptr) {
    explicit_bzero(buffer, capacity);
    lib().TPM_Free(buffer);
  }
  if (broken_) throw *broken_;
  if (result != TPM_SUCCESS) throw Failure(Layer::kTcti, result, "answer", "libtpms could not run a command.");
  check_answer(answer, "The embedded TPM");
  return answer;
}

uint64_t Libtpms::writes() {
  return g_writes.load(std::memory_order_relaxed);
}

void Libtpms::cancel() noexcept {
  lib().TPMLIB_CancelCommand();
}

}  // namespace tessera
