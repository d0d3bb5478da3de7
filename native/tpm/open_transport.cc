#include <utility>

#include "tcti_string.h"
#include "trace.h"
#include "transport.h"

namespace tessera {

namespace {

std::unique_ptr<Transport> open_by_name(const OpenOptions& options, const Interrupt& interrupt) {
  const std::string_view name = tcti_name(options.tcti);
  if (name == "embedded") return open_embedded(options, interrupt);
  if (name == "swtpm") return open_swtpm(options, interrupt);
  return open_loader(options, interrupt);
}

}  // namespace

std::unique_ptr<Transport> open_transport(const OpenOptions& options, const Interrupt& interrupt) {
  std::unique_ptr<Transport> transport = open_by_name(options, interrupt);
  return options.trace ? traced(std::move(transport), options.trace) : std::move(transport);
}

}  // namespace tessera
