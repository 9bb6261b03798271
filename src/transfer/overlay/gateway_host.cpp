#include "transfer/gateway_host.h"

#include <charconv>

namespace isobar::transfer {

GatewayId parse_gateway_id(std::string_view id) {
  GatewayId parsed;
  const auto slash = id.rfind('/');
  parsed.region = id.substr(0, slash);
  if (slash == std::string_view::npos) return parsed;
  const auto number = id.substr(slash + 1);
  std::from_chars(number.data(), number.data() + number.size(), parsed.number);
  return parsed;
}

}  // namespace isobar::transfer
