#pragma once

/// Which requests go by a proxy, and by which. Environment variables say so, as for curl: HTTPS_PROXY for https, http_proxy for http,
/// ALL_PROXY for what those leave open; NO_PROXY names what is reached directly. Lower-case names come first. http_proxy is read in
/// lower case alone: a CGI program finds its client's "Proxy:" header in HTTP_PROXY.
///
/// Never by a proxy, whatever the variables say: this machine (localhost, 127.0.0.0/8, ::1), as in Go, where a proxy would take its own
/// machine for ours; and clouds' metadata services, whose answers are about the machine that asks.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/url.h"

namespace isobar::net {

struct Proxy {
  std::string host;
  std::uint16_t port = 80;
  bool tls = false;           ///< it is spoken to under TLS
  std::string authorization;  ///< the value of Proxy-Authorization; empty: none
  std::string variable;       ///< which one named it

  /// "the proxy host:port of HTTPS_PROXY": how errors begin. Without the password.
  std::string name() const;
};

/// A proxy's URL as the variables hold it: "http://user:password@host:port", or "host:port" alone. The port is 80 when there is none,
/// and 443 for https.
/// Errors   kInvalidArgument: no URL of an HTTP proxy; the message names the variable, and not the password
Result<Proxy> parse_proxy(std::string_view text, const std::string& variable);

/// NO_PROXY: entries divided by commas or blanks, compared without case. "example.com", ".example.com" and "*.example.com" are the name
/// and all below it; an address is itself; "10.0.0.0/8" is a range of addresses; "*" is everything. Each but the last two may
/// end in ":port" and then means that port alone.
/// Entries that are none of these match nothing, as everywhere.
class NoProxy {
 public:
  NoProxy() = default;
  explicit NoProxy(std::string_view text);
  bool matches(std::string_view host, std::uint16_t port) const;

 private:
  struct Entry {
    std::string name;       // in lower case; empty: an address
    std::string address;    // 16 bytes, v4 as mapped
    int prefix_bits = 128;  // of the address that must agree
    std::uint16_t port = 0;
  };
  std::vector<Entry> entries_;
  bool all_ = false;
};

/// This machine, or a cloud's metadata service.
bool is_never_proxied(std::string_view host);

/// A value; safe from any thread.
class ProxyRules {
 public:
  using Variable = std::function<std::optional<std::string>(const std::string& name)>;
  /// No proxies.
  ProxyRules() = default;
  /// variable   none, or empty: it is not set
  static ProxyRules from(const Variable& variable);
  /// None: directly.   Errors   kInvalidArgument: the variable that counts here is no proxy's URL
  Result<std::optional<Proxy>> proxy_for(const Url& url) const;

 private:
  struct Named {
    std::string variable, text;
  };
  std::optional<Named> for_https_, for_http_;
  NoProxy no_proxy_;
};

}  // namespace isobar::net
