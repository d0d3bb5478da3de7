// killer STATE INDEX WORK ...: kills processes that have an embedded TPM. Works on a state file of a test's own, with
// the product's transport, libtpms binding and state file; nothing of it is shipped.
//
//   kill LIVES SEED [in-place|late]   wrong PINs in process after process, each killed somewhere: by its parent at a
//                                     random moment, or by itself in the middle of a store
//   limit LIVES                       one wrong PIN per process, killed as soon as it is answered
//   order                             the system calls of one wrong PIN
//
// INDEX is in hex. One line of JSON on stdout.
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <random>
#include <string_view>

#include "common/posix.h"
#include "disk.h"
#include "life.h"
#include "tpm/libraries.h"

namespace {

using namespace tessera;
using namespace tessera::killer;

// What a child says, octet by octet, into a pipe that outlives it.
constexpr char kCounted = 'C';  // and four octets
constexpr char kAnswered = 'A';
constexpr char kBlocked = 'B';
constexpr char kOther = 'O';
constexpr char kFailed = 'F';  // and a text

struct Heard {
  bool counted = false;
  uint32_t count = 0;
  uint32_t answered = 0;
  uint32_t blocked = 0;
  std::string fault;
};

void say(int fd, const void* data, size_t size) {
  if (write(fd, data, size) != static_cast<ssize_t>(size)) _exit(3);
}

struct Plan {
  std::string state_file;
  uint32_t index = 0;
  Disk disk = Disk::kAsIs;
  uint64_t die_at_step = 0;
  uint32_t guesses = UINT32_MAX;
  bool waits = false;  // to be killed, after its guesses
};

// In the child; does not come back.
[[noreturn]] void live(const Plan& plan, int out) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  try {
    set_disk(plan.disk);
    die_at_step(plan.die_at_step);
    Life life(plan.state_file, plan.index);
    char counted[5] = {kCounted};
    const uint32_t count = life.counted();
    memcpy(counted + 1, &count, sizeof count);
    say(out, counted, sizeof counted);
    for (uint32_t done = 0; done < plan.guesses; ++done) {
      const uint32_t code = life.guess();
      say(out, code == kBadAuth ? &kAnswered : code == kUnavailable ? &kBlocked : &kOther, 1);
    }
    while (plan.waits) pause();
  } catch (const std::exception& error) {
    say(out, &kFailed, 1);
    say(out, error.what(), strlen(error.what()));
  }
  _exit(0);
}

class Child {
 public:
  explicit Child(const Plan& plan) {
    int ends[2];
    if (pipe(ends) != 0) system_failure("pipe", errno);
    out_ = Fd(ends[0]);
    Fd in(ends[1]);
    pid_ = fork();
    if (pid_ < 0) system_failure("fork", errno);
    if (pid_ == 0) {
      out_.reset();
      live(plan, in.get());
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) end();
  }

  // Waits until the child has said `size` octets, or is gone.
  void hear(size_t size) {
    while (text_.size() < size && read_some()) {
    }
  }

  void kill_it() { kill(pid_, SIGKILL); }

  // Waits for the end, however it comes.
  Heard end() {
    while (read_some()) {
    }
    waitpid(std::exchange(pid_, 0), nullptr, 0);
    Heard heard;
    size_t at = 0;
    if (text_.size() >= 5 && text_[0] == kCounted) {
      heard.counted = true;
      memcpy(&heard.count, text_.data() + 1, 4);
      at = 5;
    }
    for (; at < text_.size() && heard.fault.empty(); ++at) {
      if (text_[at] == kAnswered) ++heard.answered;
      if (text_[at] == kBlocked) ++heard.blocked;
      if (text_[at] == kOther) heard.fault = "another response code";
      if (text_[at] == kFailed) heard.fault = text_.substr(at + 1);
    }
    return heard;
  }

 private:
  bool read_some() {
    char buffer[512];
    const ssize_t count = read(out_.get(), buffer, sizeof buffer);
    if (count > 0) text_.append(buffer, static_cast<size_t>(count));
    return count > 0;
  }

  Fd out_;
  pid_t pid_ = 0;
  std::string text_;
};

void pause_for(uint32_t microseconds) {
  const timespec time = {0, static_cast<long>(microseconds) * 1000};
  nanosleep(&time, nullptr);
}

// What the counter must be. A kill may leave one try counted that was never answered; none may go missing.
struct Ledger {
  uint32_t least = 0;  // tries that were answered, on top of what was counted when last read
  uint32_t open = 0;   // kills since then
  uint64_t answered = 0;
  uint64_t overcounted = 0;
  uint64_t lost = 0;
  uint64_t invented = 0;

  void take(const Heard& heard) {
    if (heard.counted) {
      if (heard.count < least) lost += least - heard.count;
      if (heard.count > least) overcounted += heard.count - least;
      if (heard.count > least + open) invented += heard.count - least - open;
      least = heard.count;
      open = 0;
    }
    least += heard.answered;
    answered += heard.answered;
    ++open;
  }
};

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char one : text) {
    if (one == '"' || one == '\\') out += '\\';
    if (static_cast<unsigned char>(one) >= ' ') out += one;
  }
  return out + '"';
}

void kill_lives(Plan plan, uint32_t lives, uint32_t seed) {
  std::mt19937 random(seed);
  const auto up_to = [&](uint32_t limit) { return std::uniform_int_distribution<uint32_t>(0, limit)(random); };
  Ledger ledger;
  uint32_t unusable = 0;
  uint32_t guessing = 0;
  std::string fault;
  // The first life is not killed: what was counted before.
  Plan quiet = plan;
  quiet.guesses = 0;
  quiet.disk = Disk::kAsIs;
  const Heard before = Child(quiet).end();
  ledger.least = before.count;
  for (uint32_t life = 0; life < lives && unusable < 50; ++life) {
    const bool by_itself = life % 3 == 2;
    plan.die_at_step = by_itself ? 1 + up_to(40) : 0;
    Child child(plan);
    if (!by_itself) {
      // One in four dies while it starts, the others after some answers.
      if (up_to(3) != 0) child.hear(5 + up_to(4));
      pause_for(up_to(2500));
      child.kill_it();
    }
    const Heard heard = child.end();
    if (heard.counted) ++guessing;
    if (!heard.fault.empty()) {
      ++unusable;
      fault = heard.fault;
    }
    ledger.take(heard);
  }
  const Heard after = Child(quiet).end();
  if (!after.counted) {
    ++unusable;
    fault = after.fault;
  }
  ledger.take(after);
  printf(
      "{\"kills\":%u,\"guessing\":%u,\"answered\":%llu,\"counted\":%u,\"overcounted\":%llu,\"lost\":%llu,"
      "\"invented\":%llu,\"unusable\":%u,\"fault\":%s}\n",
      lives, guessing, static_cast<unsigned long long>(ledger.answered), after.count - before.count,
      static_cast<unsigned long long>(ledger.overcounted), static_cast<unsigned long long>(ledger.lost),
      static_cast<unsigned long long>(ledger.invented), unusable, quoted(fault).c_str());
}

void limit_lives(Plan plan, uint32_t lives) {
  plan.guesses = 1;
  plan.waits = true;
  uint32_t answered = 0;
  uint32_t blocked = 0;
  std::string fault;
  for (uint32_t life = 0; life < lives; ++life) {
    Child child(plan);
    child.hear(6);
    child.kill_it();
    const Heard heard = child.end();
    answered += heard.answered;
    if (heard.blocked > 0) ++blocked;
    if (!heard.fault.empty()) fault = heard.fault;
  }
  printf("{\"answered\":%u,\"blocked\":%u,\"fault\":%s}\n", answered, blocked, quoted(fault).c_str());
}

void show_order(const Plan& plan) {
  Life life(plan.state_file, plan.index);
  take_trace();
  const uint32_t code = life.guess();
  printf("{\"code\":%u,\"calls\":%s}\n", code, quoted(take_trace()).c_str());
}

int usage() {
  fputs("usage: killer STATE INDEX kill LIVES SEED [in-place|late] | limit LIVES | order\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return usage();
  Plan plan;
  plan.state_file = argv[1];
  plan.index = static_cast<uint32_t>(strtoul(argv[2], nullptr, 16));
  const std::string_view work = argv[3];
  const auto number = [&](int at) { return static_cast<uint32_t>(strtoul(argv[at], nullptr, 10)); };
  try {
    // Once, here: the children find both ready.
    tpms().symbol("TPMLIB_Process");
    OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_LOAD_CONFIG,
                        nullptr);
    if (work == "order") {
      show_order(plan);
    } else if (work == "limit" && argc == 5) {
      limit_lives(plan, number(4));
    } else if (work == "kill" && argc >= 6) {
      const std::string_view disk = argc > 6 ? argv[6] : "";
      if (disk == "in-place") plan.disk = Disk::kInPlace;
      if (disk == "late") plan.disk = Disk::kLate;
      kill_lives(plan, number(4), number(5));
    } else {
      return usage();
    }
  } catch (const std::exception& error) {
    fprintf(stderr, "killer: %s\n", error.what());
    return 1;
  }
  return 0;
}
