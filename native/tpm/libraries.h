// The shared libraries of the TPM.
#pragma once

#include "../common/library.h"

namespace tessera {

Library& tss2_sys();
Library& tss2_mu();
Library& tss2_tctildr();
Library& tpms();

}  // namespace tessera
