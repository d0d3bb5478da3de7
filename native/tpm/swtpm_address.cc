#include "swtpm_address.h"

#include <sys/un.h>

#include <charconv>
#include <set>
#include <string_view>

#include "../common/failure.h"

namespace tessera {

namespace {

bool is_port(std::string_view text) {
  unsigned number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc() && end == text.data() + text.size() && number >= 1 && number <= 65535;
}

}  // namespace

SwtpmAddress parse_swtpm(const std::string& tcti) {
  const auto wrong = [&](const std::string& why) {
    return Failure(Layer::kTcti, 0, "usage",
                   "\"" + tcti + "\" is not the address of a swtpm: " + why +
                       ". Use swtpm:host=127.0.0.1,port=2321 or swtpm:path=/run/swtpm.sock.");
  };
  constexpr std::string_view kPrefix = "swtpm";
  if (!tcti.starts_with(kPrefix)) throw wrong("it does not begin with swtpm:");
  std::string_view rest = std::string_view(tcti).substr(kPrefix.size());
  if (!rest.empty() && rest[0] != ':') throw wrong("it does not begin with swtpm:");
  if (!rest.empty()) rest.remove_prefix(1);
  SwtpmAddress address;
  std::set<std::string, std::less<>> seen;
  for (bool more = !rest.empty(); more;) {
    const size_t comma = rest.find(',');
    const std::string_view setting = rest.substr(0, comma);
    more = comma != std::string_view::npos;
    if (more) rest.remove_prefix(comma + 1);

    const size_t equals = setting.find('=');
    const std::string key(setting.substr(0, equals));
    std::string* const field = key == "host"   ? &address.host
                               : key == "port" ? &address.port
                               : key == "path" ? &address.path
                                               : nullptr;
    if (field == nullptr) throw wrong("it has no setting \"" + key + "\"");
    if (!seen.insert(key).second) throw wrong(key + " is given twice");
    if (equals == std::string_view::npos || equals + 1 == setting.size()) throw wrong(key + " has no value");
    *field = setting.substr(equals + 1);
  }
  if (!is_port(address.port)) throw wrong("a port is a number from 1 to 65535");
  if (seen.contains("path") && seen.size() > 1) throw wrong("path goes with nothing else");
  if (address.path.size() >= sizeof sockaddr_un{}.sun_path) throw wrong("that path is too long for a socket");
  return address;
}

}  // namespace tessera
