// Acknowledging what a TCP socket receives at once, and not after the kernel's delay of 40 ms.
#pragma once

namespace tessera::net {

// For the acknowledgements that are due now: the kernel falls back to delaying by itself (tcp(7), TCP_QUICKACK), so
// this is done anew before each receive. False where `fd` is no TCP socket, or the system has no such option.
bool set_quick_ack(int fd);

}  // namespace tessera::net
