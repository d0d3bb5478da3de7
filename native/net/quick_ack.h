// Acknowledges what a TCP socket receives at once, instead of after the kernel's delay of 40 ms.
#pragma once

namespace tessera::net {

// For the acknowledgements that are due now. The kernel returns to delaying by itself (tcp(7), TCP_QUICKACK), so this
// is repeated before each receive. False where `fd` is not a TCP socket, or the system has no such option.
bool set_quick_ack(int fd);

}  // namespace tessera::net
