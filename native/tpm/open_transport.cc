#include "tcti_string.h"
#include "transport.h"

namespace tessera {

std::unique_ptr<Transport> open_transport(const OpenOptions& options, const Interrupt& interrupt) {
  const std::string_view name = tcti_name(options.tcti);
  if (name == "embedded") return open_embedded(options, interrupt);
  if (name == "swtpm") return open_swtpm(options, interrupt);
  return open_loader(options, interrupt);
}

}  // namespace tessera
