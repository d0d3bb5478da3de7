// The TCTIs of tpm2-tss that are inside this build.
#include "tpm/built_in_tcti.h"

extern "C" {
TSS2_RC Tss2_Tcti_Device_Init(TSS2_TCTI_CONTEXT*, size_t*, const char*);
TSS2_RC Tss2_Tcti_Mssim_Init(TSS2_TCTI_CONTEXT*, size_t*, const char*);
}

namespace tessera {

TSS2_TCTI_INIT_FUNC built_in_tcti(std::string_view name) {
  if (name == "device") return Tss2_Tcti_Device_Init;
  if (name == "mssim") return Tss2_Tcti_Mssim_Init;
  return nullptr;
}

}  // namespace tessera
