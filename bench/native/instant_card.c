// instant_card PORT quickack|plain: a card that answers every APDU with 9000 at once, in a virtual reader (vpcd) that
// listens at PORT. What is left of an exchange is the way: pcscd, the driver, two sockets.
//
// vpcd writes the length and the octets of a message apart: Nagle's algorithm holds the second until the first is
// acknowledged, and that is delayed by 40 ms, unless TCP_QUICKACK is set before every receive.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// Minimal answer to reset for T=1 without historical octets.
static const uint8_t kAtr[] = {0x00, 0x05, 0x3b, 0x80, 0x80, 0x01, 0x01};
static const uint8_t kDone[] = {0x00, 0x02, 0x90, 0x00};

static void acknowledge_at_once(int socket, int quick) {
  const int yes = 1;
  if (quick) setsockopt(socket, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof yes);
}

static int read_whole(int socket, int quick, uint8_t* octets, size_t size) {
  for (size_t have = 0; have < size;) {
    acknowledge_at_once(socket, quick);
    const ssize_t count = recv(socket, octets + have, size - have, 0);
    if (count <= 0) return 0;
    have += (size_t)count;
  }
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fputs("usage: instant_card PORT quickack|plain\n", stderr);
    return 2;
  }
  const int quick = strcmp(argv[2], "quickack") == 0;
  const struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int reader = socket(AF_INET, SOCK_STREAM, 0);
  if (reader < 0 || connect(reader, (const struct sockaddr*)&address, sizeof address) != 0) {
    perror("instant_card");
    return 1;
  }
  const int yes = 1;
  setsockopt(reader, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  puts("ready");
  fflush(stdout);
  uint8_t message[65536];
  while (read_whole(reader, quick, message, 2)) {
    const size_t size = message[0] * 256U + message[1];
    if (!read_whole(reader, quick, message, size)) break;
    // One octet is a word to the reader: 4 asks for the ATR, power and reset have no answer.
    if (size == 1 && message[0] != 4) continue;
    const int sent = size == 1 ? write(reader, kAtr, sizeof kAtr) > 0 : write(reader, kDone, sizeof kDone) > 0;
    if (!sent) break;
  }
  return 0;
}
