#include "tcti_string.h"

#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <tss2/tss2_common.h>

#include <memory>

#include "../common/failure.h"
#include "interrupt.h"

namespace tessera {

namespace {

Failure failure(uint32_t rc, const std::string& reason, const std::string& text) {
  return Failure(Layer::kTcti, rc, reason, text);
}

struct Known {
  std::string_view name;
  const char* package;  // of Debian
  bool one_client;      // no resource manager: what is loaded was left by somebody gone
};

// "device" serves one client as /dev/tpm0 and many as /dev/tpmrm0; see serves_one_client.
constexpr Known kKnown[] = {
    {"device", "libtss2-tcti-device0", false}, {"mssim", "libtss2-tcti-mssim0", true},
    {"tabrmd", "libtss2-tcti-tabrmd0", false}, {"swtpm", "libtss2-tcti-swtpm0", true},
    {"pcap", "libtss2-tcti-pcap0", false},     {"cmd", "libtss2-tcti-cmd0", false},
};

const Known* find_known(std::string_view name) {
  for (const Known& known : kKnown) {
    if (known.name == name) return &known;
  }
  return nullptr;
}

}  // namespace

std::string_view tcti_name(std::string_view tcti) {
  return tcti.substr(0, tcti.find(':'));
}

std::string_view tcti_settings(std::string_view tcti) {
  const size_t colon = tcti.find(':');
  return colon == std::string_view::npos ? std::string_view() : tcti.substr(colon + 1);
}

bool serves_one_client(std::string_view tcti) {
  if (tcti_name(tcti) == "pcap") return serves_one_client(tcti_settings(tcti));  // it hands everything on
  if (tcti_name(tcti) == "device") {
    const std::string path(tcti_settings(tcti));
    const std::unique_ptr<char, decltype(&free)> real(realpath(path.c_str(), nullptr), free);
    const std::string_view name = real ? std::string_view(real.get()) : path;
    constexpr std::string_view kRaw = "/dev/tpm";
    return name.starts_with(kRaw) && name.find_first_not_of("0123456789", kRaw.size()) == std::string_view::npos;
  }
  const Known* const known = find_known(tcti_name(tcti));
  return known != nullptr && known->one_client;
}

// Reports what tpm2-tss does not: its loader knows only "IO error". Waits for a device that serves one client.
void check_device(const std::string& path, Deadline deadline, const Interrupt& interrupt) {
  if (path.empty()) {
    throw failure(0, "usage", "Which device? Say device:/dev/tpmrm0 (shared by the kernel) or device:/dev/tpm0.");
  }
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0 && errno != EACCES) {
    throw failure(0, "absent",
                  path + " does not exist. This machine has no TPM, its firmware hides it, or the driver is missing.");
  }
  // Nothing may be written into a file that only has a device's name.
  if (info.st_mode != 0 && !S_ISCHR(info.st_mode)) throw failure(0, "usage", path + " is not a character device.");
  int code = 0;
  for (;;) {
    const Fd fd(open(path.c_str(), O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    code = fd ? 0 : errno;
    if (code != EBUSY || milliseconds_left(deadline) == 0 || interrupt.wait(std::chrono::milliseconds(20))) break;
  }
  if (code == 0) return;
  if (code == EBUSY) {
    throw failure(0, "busy",
                  "Another program holds " + path + ". Close it, or use device:/dev/tpmrm0, which is shared.");
  }
  if (code == EACCES || code == EPERM) {
    const group* const owner = getgrgid(info.st_gid);
    const std::string name = owner != nullptr && info.st_gid != 0 ? owner->gr_name : "tss";
    throw failure(0, "permission",
                  "No permission to open " + path + ". Add this user to the group " + name + " (sudo usermod -aG " +
                      name + " USER), then log in again.");
  }
  throw failure(0, "absent", path + " cannot be opened: " + errno_text(code) + ".");
}

void refuse_tcti(const std::string& tcti, uint32_t rc) {
  const std::string name(tcti_name(tcti));
  const Known* const known = find_known(name);
  const uint32_t base = rc & 0xffff;
  if (base == TSS2_BASE_RC_NOT_SUPPORTED && known != nullptr) {
    throw Failure(
        Layer::kLibrary, rc, "missing",
        "The TCTI \"" + name + "\" cannot be loaded. Install it (Debian: apt-get install " + known->package + ").");
  }
  if (base == TSS2_BASE_RC_NOT_SUPPORTED) {
    throw failure(rc, "usage",
                  "There is no TCTI \"" + name + "\". Known are embedded:, swtpm:, device:, mssim:, tabrmd:.");
  }
  if (base == TSS2_BASE_RC_BAD_VALUE) {
    throw failure(rc, "usage", "The TCTI \"" + name + "\" does not understand its settings in \"" + tcti + "\".");
  }
  throw failure(rc, "absent", "No TPM answers at " + tcti + ". Start it, or check the address.");
}

}  // namespace tessera
