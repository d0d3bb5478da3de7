#include "file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <charconv>

#include "../common/failure.h"

namespace tessera {

namespace {

[[noreturn]] void refuse(const std::string& path, int code) {
  const bool denied = code == EACCES || code == EPERM || code == EROFS;
  throw Failure(Layer::kState, 0,
                denied           ? "permission"
                : code == ENOENT ? "absent"
                                 : "io",
                "The lock file " + path + " cannot be opened: " + errno_text(code) +
                    (denied ? ". Run as the user whose directory this is." : ". Check that its directory exists."));
}

}  // namespace

std::optional<FileLock> FileLock::attempt(const std::string& path) {
  Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  if (!fd) refuse(path, errno);
  int result;
  while ((result = flock(fd.get(), LOCK_EX | LOCK_NB)) != 0 && errno == EINTR) {
  }
  if (result != 0) {
    if (errno == EWOULDBLOCK) return std::nullopt;
    refuse(path, errno);
  }
  // Emptied first: where the disk is full, no process is named rather than the wrong one.
  if (ftruncate(fd.get(), 0) == 0) {
    const std::string text = std::to_string(getpid()) + "\n";
    [[maybe_unused]] const ssize_t written = pwrite(fd.get(), text.data(), text.size(), 0);
  }
  return FileLock(std::move(fd));
}

bool FileLock::is_taken(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return false;
  if (!fd) refuse(path, errno);
  int result;
  while ((result = flock(fd.get(), LOCK_SH | LOCK_NB)) != 0 && errno == EINTR) {
  }
  if (result != 0 && errno != EWOULDBLOCK) refuse(path, errno);
  if (result == 0) flock(fd.get(), LOCK_UN);
  return result != 0;
}

pid_t FileLock::holder(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  char text[16];
  const ssize_t size = fd ? read(fd.get(), text, sizeof text) : -1;
  pid_t pid = 0;
  if (size > 0) std::from_chars(text, text + size, pid);
  return pid;
}

FileLock::~FileLock() {
  // Unlocked explicitly: a child between fork and exec has the same open file, and would keep the lock after our close.
  if (fd_) flock(fd_.get(), LOCK_UN);
}

}  // namespace tessera
