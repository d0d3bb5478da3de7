#include "peer.h"

#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

namespace tessera::net {

std::optional<uint32_t> peer_user(int fd) {
#ifdef SO_PEERCRED
  ucred peer{};
  socklen_t length = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return {};
  const uid_t user = peer.uid;
#else
  uid_t user = 0;
  gid_t group = 0;
  if (getpeereid(fd, &user, &group) != 0) return {};
#endif
  // What the kernel says of sockets without a peer.
  if (user == static_cast<uid_t>(-1)) return {};
  return user;
}

}  // namespace tessera::net
