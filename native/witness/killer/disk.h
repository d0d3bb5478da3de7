// Every system call by which the product's StateFile changes the disk, taken by the linker (--wrap): counted, so that a
// process can die in the middle of a store; named, so that their order is seen; or done worse, so that it is seen what
// the product's way is good for. The product's sources are compiled as they are.
#pragma once

#include <cstdint>
#include <string>

namespace tessera::killer {

enum class Disk {
  kAsIs,
  kInPlace,  // the state is written over the old one instead of renamed over it
  kLate,     // every other renaming is left out, as if it were done after the answer
};

// How the disk of this process behaves from now on.
void set_disk(Disk disk);

// SIGKILL at the `step`th of those calls from now on (from 1): halfway through, where it writes. 0: never.
void die_at_step(uint64_t step);

// Names of the calls since the last time, with a space after each.
std::string take_trace();

}  // namespace tessera::killer
