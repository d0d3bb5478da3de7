// The user at the other end of a Unix socket.
#pragma once

#include <cstdint>
#include <optional>

namespace tessera::net {

// As the kernel noted it when the connection was made. Nothing where `fd` is no Unix socket, or the system does not
// say.
std::optional<uint32_t> peer_user(int fd);

}  // namespace tessera::net
