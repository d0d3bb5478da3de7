// Whether a terminal shows what is typed. Node has raw mode only, in which Ctrl-C and Ctrl-Z would do nothing.
#pragma once

namespace tessera::terminal {

// Everything else of the terminal stays as it is. False where nothing was changed: it was so already, `fd` is no
// terminal, or this process is in the background there, where the kernel would stop it (termios(3), SIGTTOU).
bool set_echo(int fd, bool on);

}  // namespace tessera::terminal
