// TCTIs of tpm2-tss that are inside the addon (TESSERA_STATIC). All others are opened by the TCTI loader of the system.
#pragma once

#include <tss2/tss2_tcti.h>

#include <string_view>

namespace tessera {

#ifdef TESSERA_STATIC
// A null pointer where it is not inside.
TSS2_TCTI_INIT_FUNC built_in_tcti(std::string_view name);
#else
inline TSS2_TCTI_INIT_FUNC built_in_tcti(std::string_view) {
  return nullptr;
}
#endif

}  // namespace tessera
