// The TCTIs of tpm2-tss.
#pragma once

namespace tessera {

// Turns the log of tpm2-tss off for this process. At level trace it prints whole commands, and TSS2_LOG may be set for
// other programs: it is overwritten in any case. Call this once on the main thread, before any other thread runs and
// before any function of tpm2-tss: each of its libraries reads the variable once, and setenv is not safe against getenv
// in another thread.
void silence_tss2();

}  // namespace tessera
