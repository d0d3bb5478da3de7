#include "disk.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace tessera::killer {

namespace {

Disk g_disk = Disk::kAsIs;
uint64_t g_left = 0;
uint64_t g_renames = 0;
std::string g_trace;

// True when the process is to die in this step.
bool step(const char* name) {
  g_trace += name;
  g_trace += ' ';
  return g_left != 0 && --g_left == 0;
}

void die() {
  raise(SIGKILL);
}

}  // namespace

void set_disk(Disk disk) {
  g_disk = disk;
}

void die_at_step(uint64_t count) {
  g_left = count;
}

std::string take_trace() {
  return std::exchange(g_trace, {});
}

extern "C" {

// What the linker calls them; the first two are the product's only way to write, the others make it last.
ssize_t __real_pwrite(int fd, const void* data, size_t size, off_t offset);
int __real_posix_fallocate(int fd, off_t offset, off_t size);
int __real_ftruncate(int fd, off_t size);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __real_renameat(int from_dir, const char* from, int to_dir, const char* to);

ssize_t __wrap_pwrite(int fd, const void* data, size_t size, off_t offset) {
  if (step("pwrite")) {
    if (__real_pwrite(fd, data, size / 2, offset) >= 0) die();
  }
  return __real_pwrite(fd, data, size, offset);
}

int __wrap_posix_fallocate(int fd, off_t offset, off_t size) {
  if (step("posix_fallocate")) die();
  return __real_posix_fallocate(fd, offset, size);
}

int __wrap_ftruncate(int fd, off_t size) {
  if (step("ftruncate")) die();
  return __real_ftruncate(fd, size);
}

int __wrap_fdatasync(int fd) {
  if (step("fdatasync")) die();
  return __real_fdatasync(fd);
}

int __wrap_fsync(int fd) {
  if (step("fsync")) die();
  return __real_fsync(fd);
}

}  // extern "C"

namespace {

int copy_over(int from_dir, const char* from, int to_dir, const char* to) {
  const int source = openat(from_dir, from, O_RDONLY | O_CLOEXEC);
  const int target = openat(to_dir, to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  std::array<char, 512> block;
  ssize_t count;
  bool good = source >= 0 && target >= 0;
  while (good && (count = read(source, block.data(), block.size())) > 0) {
    if (step("write")) die();
    good = write(target, block.data(), static_cast<size_t>(count)) == count;
  }
  close(source);
  close(target);
  return good && unlinkat(from_dir, from, 0) == 0 ? 0 : -1;
}

}  // namespace

extern "C" int __wrap_renameat(int from_dir, const char* from, int to_dir, const char* to) {
  if (step("renameat")) die();
  if (g_disk == Disk::kInPlace) return copy_over(from_dir, from, to_dir, to);
  if (g_disk == Disk::kLate && ++g_renames % 2 == 0) return unlinkat(from_dir, from, 0);
  return __real_renameat(from_dir, from, to_dir, to);
}

}  // namespace tessera::killer
