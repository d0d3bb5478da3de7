#include "quick_ack.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace tessera::net {

bool set_quick_ack([[maybe_unused]] int fd) {
#ifdef TCP_QUICKACK
  const int on = 1;
  return setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on) == 0;
#else
  return false;
#endif
}

}  // namespace tessera::net
