// Any bytes as variables: what is read is a proxy or an error, and an exception that names a host keeps that host from the proxy.

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "net/proxy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isobar::net;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto cut = std::min(input.find('\n'), size);
  const std::string_view list = input.substr(0, cut);
  const std::string host(input.substr(std::min(cut + 1, size)));
  const bool direct = NoProxy(list).matches(host, 80);
  CHECK(NoProxy(std::string(list) + ",*").matches(host, 80));
  if (direct) CHECK(NoProxy("a.test," + std::string(list)).matches(host, 80), list, host);
  const auto proxy = parse_proxy(list, "http_proxy");
  if (proxy.ok()) CHECK(!proxy->host.empty() && proxy->port != 0);
  (void)is_never_proxied(host);
  return 0;
}
