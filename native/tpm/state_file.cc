#include "state_file.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "../common/failure.h"
#include "message.h"

namespace tessera {

namespace {

constexpr uint8_t kMagic[8] = {'T', 'E', 'S', 'S', 'T', 'P', 'M', '\n'};
constexpr uint32_t kVersion = 1;
constexpr size_t kPrefix = sizeof kMagic + 4 + 8 + 4;
constexpr size_t kDigest = SHA256_DIGEST_LENGTH;
// libtpms has 176 KiB of NV memory; a file of four times that is no TPM state.
constexpr size_t kMaxState = size_t{1} << 20;
// Many times the amount by which one command can make the state grow (a command has at most 4 KiB).
constexpr size_t kGrowth = size_t{32} << 10;

void put(Bytes& out, uint64_t value, int octets) {
  while (octets-- > 0) out.push_back(static_cast<uint8_t>(value >> (8 * octets)));
}

uint64_t big_endian64(const uint8_t* at) {
  return uint64_t{big_endian32(at)} << 32 | big_endian32(at + 4);
}

// Calls `step(done)` (pread or pwrite of the rest) until it has done `size` octets; returns how many it did.
template <typename Step>
size_t whole(size_t size, Step step) {
  size_t done = 0;
  while (done < size) {
    const ssize_t count = step(done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += static_cast<size_t>(count);
  }
  return done;
}

}  // namespace

void wipe(Bytes& bytes) noexcept {
  if (!bytes.empty()) explicit_bzero(bytes.data(), bytes.size());
  bytes.clear();
}

StateFile::StateFile(const std::string& path) : path_(path) {
  const size_t slash = path.rfind('/');
  name_ = path.substr(slash + 1);
  spare_name_ = name_ + ".new";
  directory_ = Fd(open(path.substr(0, slash + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory_) refuse("opened", errno);
  if (unlinkat(directory_.get(), spare_name_.c_str(), 0) != 0 && errno != ENOENT) refuse("written", errno);
}

StateFile::~StateFile() {
  drop_spare();
  wipe(image_);
}

std::optional<Bytes> StateFile::load() {
  const Fd fd(openat(directory_.get(), name_.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::nullopt;
  struct stat info = {};
  if (!fd || fstat(fd.get(), &info) != 0) refuse("read", errno);
  const auto spoiled = [this](const std::string& why) {
    return Failure(Layer::kState, 0, "corrupt",
                   "The state of the embedded TPM, " + path_ + ", is damaged: " + why +
                       ". It is left as it is. Put it back from a backup; without it the keys in this TPM are lost.");
  };
  if (!S_ISREG(info.st_mode)) throw spoiled("it is not a regular file");
  const auto size = static_cast<uint64_t>(info.st_size);
  if (size < kPrefix + kDigest) throw spoiled("it is too short");
  if (size > kPrefix + kMaxState + kDigest) throw spoiled("it is too long");

  Bytes file(size);
  const size_t got =
      whole(size, [&](size_t done) { return pread(fd.get(), &file[done], size - done, static_cast<off_t>(done)); });
  if (got != size) refuse("read", EIO);
  const uint8_t* at = file.data();
  if (!std::equal(kMagic, kMagic + sizeof kMagic, at)) throw spoiled("it is not such a file");
  const uint32_t version = big_endian32(at += sizeof kMagic);
  if (version > kVersion) {
    throw Failure(Layer::kState, 0, "newer",
                  "The state of the embedded TPM, " + path_ + ", has format " + std::to_string(version) +
                      ", made by a newer Tessera. This one knows format 1 and changes nothing. Install the newer one.");
  }
  const uint64_t epoch = big_endian64(at += 4);
  const uint32_t length = big_endian32(at += 8);
  at += 4;
  uint8_t digest[kDigest];
  SHA256(file.data(), size - kDigest, digest);
  if (version == 0 || length != size - kPrefix - kDigest) throw spoiled("its length is wrong");
  if (!std::equal(digest, digest + kDigest, at + length)) throw spoiled("its checksum is wrong");

  epoch_ = epoch;
  size_ = size;
  Bytes state(at, at + length);
  wipe(file);
  return state;
}

void StateFile::reserve() {
  if (spare_) return;
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  Fd fd(openat(directory_.get(), spare_name_.c_str(), flags, 0600));
  if (!fd) refuse("written", errno);
  spare_ = std::move(fd);
  int code;
  const auto room = static_cast<off_t>(std::max(size_, image_.size()) + kGrowth);
  while ((code = posix_fallocate(spare_.get(), 0, room)) == EINTR) {
  }
  if (code != 0) {
    drop_spare();
    refuse("written", code);
  }
}

void StateFile::store(ByteView state) {
  if (state.size() > kMaxState) refuse("written", EFBIG);
  wipe(image_);
  image_.reserve(kPrefix + state.size() + kDigest);
  image_.resize(sizeof kMagic);
  std::memcpy(image_.data(), kMagic, sizeof kMagic);
  put(image_, kVersion, 4);
  put(image_, epoch_ + 1, 8);
  put(image_, state.size(), 4);
  image_.insert(image_.end(), state.begin(), state.end());
  uint8_t digest[kDigest];
  SHA256(image_.data(), image_.size(), digest);
  image_.insert(image_.end(), digest, digest + kDigest);
  flush();
}

void StateFile::flush() {
  if (image_.empty()) return;
  reserve();
  try {
    write_image();
  } catch (...) {
    drop_spare();
    throw;
  }
  spare_.reset();
  ++epoch_;
  size_ = image_.size();
  wipe(image_);
}

void StateFile::forget() {
  wipe(image_);
}

// Written, synced, renamed, and the renaming synced: a kill or a power cut leaves the old state or the new one, never a
// mixture, and no answer is given for a state that could still be lost.
void StateFile::write_image() {
  const int fd = spare_.get();
  const int directory = directory_.get();
  const size_t size = image_.size();
  errno = 0;
  const size_t done =
      whole(size, [&](size_t from) { return pwrite(fd, &image_[from], size - from, static_cast<off_t>(from)); });
  if (done != size) refuse("written", errno == 0 ? EIO : errno);
  if (ftruncate(fd, static_cast<off_t>(size)) != 0 || fdatasync(fd) != 0) refuse("written", errno);
  if (renameat(directory, spare_name_.c_str(), directory, name_.c_str()) != 0) refuse("written", errno);
  // Some file systems have no fsync for directories and say EINVAL.
  if (fsync(directory) != 0 && errno != EINVAL) refuse("written", errno);
}

void StateFile::drop_spare() noexcept {
  if (!spare_) return;
  spare_.reset();
  unlinkat(directory_.get(), spare_name_.c_str(), 0);
}

void StateFile::refuse(const std::string& what, int code) const {
  const bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
  const bool denied = code == EACCES || code == EPERM || code == EROFS;
  throw Failure(Layer::kState, 0,
                full             ? "full"
                : denied         ? "permission"
                : code == ENOENT ? "absent"
                                 : "io",
                "The state of the embedded TPM, " + path_ + ", cannot be " + what + ": " + errno_text(code) + ". " +
                    (full     ? "Make room on that disk, then try again."
                     : denied ? "Run as the user whose file this is."
                              : "Check that disk and directory, then try again."));
}

}  // namespace tessera
