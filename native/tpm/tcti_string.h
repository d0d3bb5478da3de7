// What a TCTI string means before anything is opened, and why tpm2-tss could not open it.
#pragma once

#include <string>
#include <string_view>

#include "../common/posix.h"

namespace tessera {

class Interrupt;

// "device" and "/dev/tpm0" of "device:/dev/tpm0".
std::string_view tcti_name(std::string_view tcti);
std::string_view tcti_settings(std::string_view tcti);

// True where there is no resource manager in between: /dev/tpm0, mssim, swtpm, and pcap in front of one of these.
bool serves_one_client(std::string_view tcti);

// Opens the device once, to report what tpm2-tss does not: its loader knows only "IO error". Waits until `deadline` for
// a device in use, or `interrupt`. Throws Failure{kTcti, "usage" | "absent" | "permission" | "busy"}.
void check_device(const std::string& path, Deadline deadline, const Interrupt& interrupt);

// Throws the Failure for response code `rc` of Tss2_TctiLdr_Initialize.
[[noreturn]] void refuse_tcti(const std::string& tcti, uint32_t rc);

}  // namespace tessera
