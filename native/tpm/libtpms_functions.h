// The functions of libtpms that we use. Its headers give the types; nothing is linked.
#pragma once

#include <libtpms/tpm_error.h>
#include <libtpms/tpm_library.h>
#include <libtpms/tpm_memory.h>
#include <libtpms/tpm_nvfilename.h>

#include "libraries.h"

namespace tessera {

// Resolved once, all or none: every command calls them, and so do callbacks, which must not throw.
struct LibtpmsFunctions {
#define TESSERA_TPMS(name) decltype(::name)* name = tpms().function<decltype(::name)>(#name)
  TESSERA_TPMS(TPM_Free);
  TESSERA_TPMS(TPM_Malloc);
  TESSERA_TPMS(TPMLIB_CancelCommand);
  TESSERA_TPMS(TPMLIB_ChooseTPMVersion);
  TESSERA_TPMS(TPMLIB_MainInit);
  TESSERA_TPMS(TPMLIB_Process);
  TESSERA_TPMS(TPMLIB_RegisterCallbacks);
  TESSERA_TPMS(TPMLIB_SetDebugFD);
  TESSERA_TPMS(TPMLIB_SetDebugLevel);
  TESSERA_TPMS(TPMLIB_SetState);
  TESSERA_TPMS(TPMLIB_Terminate);
#undef TESSERA_TPMS
};

}  // namespace tessera
