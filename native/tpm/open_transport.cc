#include "tcti_string.h"
#include "transport.h"

namespace tessera {

std::unique_ptr<Transport> open_transport(const OpenOptions& options) {
  const std::string_view name = tcti_name(options.tcti);
  if (name == "embedded") return open_embedded(options);
  if (name == "swtpm") return open_swtpm(options);
  return open_loader(options);
}

}  // namespace tessera
