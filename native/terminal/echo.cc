#include "echo.h"

#include <termios.h>
#include <unistd.h>

namespace tessera::terminal {

bool set_echo(int fd, bool on) {
  termios settings{};
  if (tcgetpgrp(fd) != getpgrp() || tcgetattr(fd, &settings) != 0) return false;
  if (((settings.c_lflag & ECHO) != 0) == on) return false;
  settings.c_lflag ^= ECHO;
  return tcsetattr(fd, TCSANOW, &settings) == 0;
}

}  // namespace tessera::terminal
