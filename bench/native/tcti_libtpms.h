// A TCTI over libtpms in this process, its state in memory only.
#pragma once

#include <tss2/tss2_tcti.h>

// Switches the TPM on; NULL where that fails. One a process.
TSS2_TCTI_CONTEXT* tcti_libtpms(void);
