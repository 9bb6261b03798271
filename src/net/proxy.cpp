#include "net/proxy.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>

#include "base/text.h"
#include "crypto/encoding.h"

namespace isobar::net {

namespace {

// 16 bytes, an IPv4 address as IPv6 maps it; empty when the text is none.
std::string address_bytes(const std::string& text) {
  std::string bytes(16, '\0');
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  bytes = std::string(10, '\0') + "\xff\xff" + std::string(4, '\0');
  if (::inet_pton(AF_INET, text.c_str(), bytes.data() + 12) == 1) return bytes;
  return {};
}

bool agree(const std::string& a, const std::string& b, int bits) {
  const auto whole = static_cast<std::size_t>(bits / 8);
  if (a.compare(0, whole, b, 0, whole) != 0) return false;
  const int rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

bool in_range(const std::string& address, const char* range, int bits) { return agree(address, address_bytes(range), bits); }

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "NAME." is NAME, said to be complete.
std::string plain_host(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return to_lower(host);
}

}  // namespace

std::string Proxy::name() const {
  return fmt::format("the proxy {}{}:{} of {}", tls ? "https://" : "", host.find(':') == std::string::npos ? host : "[" + host + "]", port,
                     variable);
}

Result<Proxy> parse_proxy(std::string_view text, const std::string& variable) {
  const auto failure = [&](std::string_view why) { return invalid(fmt::format("{} names no HTTP proxy: {}", variable, why)); };
  std::string_view rest = trim(text);
  std::string scheme = "http";
  if (const auto colon = rest.find("://"); colon != std::string_view::npos) {
    scheme = to_lower(rest.substr(0, colon));
    rest.remove_prefix(colon + 3);
  }
  if (scheme != "http" && scheme != "https")
    return failure(fmt::format("proxies of kind '{}' are not spoken to; http://HOST:PORT was expected", scheme));
  rest = rest.substr(0, rest.find('/'));
  Proxy proxy{.tls = scheme == "https", .variable = variable};
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view user = rest.substr(0, at);
    const auto colon = user.find(':');
    const auto name = percent_decode(user.substr(0, colon));
    const auto password = percent_decode(colon == std::string_view::npos ? "" : user.substr(colon + 1));
    if (!name.ok() || !password.ok()) return failure("after % in its user or password two hexadecimal digits were expected");
    proxy.authorization = "Basic " + crypto::to_base64(*name + ":" + *password);
    rest.remove_prefix(at + 1);
  }
  const auto url = parse_url(fmt::format("{}://{}", scheme, rest));
  if (!url.ok()) return failure("http://HOST:PORT was expected");
  proxy.host = url->host;
  proxy.port = url->port;
  return proxy;
}

NoProxy::NoProxy(std::string_view text) {
  std::string list(text);
  for (char& c : list)
    if (c == ' ' || c == '\t') c = ',';
  for (const std::string_view one : split(list, ',')) {
    if (one.empty()) continue;
    if (one == "*") all_ = true;
    Entry entry;
    std::string_view host = one;
    if (const auto slash = one.find('/'); slash != std::string_view::npos) {
      entry.address = address_bytes(plain_host(one.substr(0, slash)));
      const bool v6 = one.substr(0, slash).find(':') != std::string_view::npos;
      const auto bits = number_of<int>(one.substr(slash + 1));
      if (entry.address.empty() || !bits || *bits < 0 || *bits > (v6 ? 128 : 32)) continue;
      entry.prefix_bits = v6 ? *bits : 96 + *bits;
      entries_.push_back(std::move(entry));
      continue;
    }
    // A port follows a name, an IPv4 address, or brackets: the colons of a bare IPv6 address are its own.
    const auto colon = host.rfind(':');
    if (colon != std::string_view::npos && (host.find(':') == colon || host[colon - 1] == ']')) {
      const auto port = number_of<std::uint16_t>(host.substr(colon + 1));
      if (!port || *port == 0) continue;
      entry.port = *port;
      host = host.substr(0, colon);
    }
    if (host.starts_with("*.")) host.remove_prefix(1);
    if (host.starts_with('.')) host.remove_prefix(1);
    const std::string name = plain_host(host);
    entry.address = address_bytes(name);
    if (entry.address.empty()) entry.name = name;
    if (!name.empty()) entries_.push_back(std::move(entry));
  }
}

bool NoProxy::matches(std::string_view host, std::uint16_t port) const {
  if (all_) return true;
  const std::string name = plain_host(host), address = address_bytes(name);
  for (const auto& entry : entries_) {
    if (entry.port != 0 && entry.port != port) continue;
    if (!entry.address.empty()) {
      if (!address.empty() && agree(address, entry.address, entry.prefix_bits)) return true;
    } else if (address.empty() && name.ends_with(entry.name)) {
      if (name.size() == entry.name.size() || name[name.size() - entry.name.size() - 1] == '.') return true;
    }
  }
  return false;
}

bool is_never_proxied(std::string_view host) {
  const std::string name = plain_host(host), address = address_bytes(name);
  if (address.empty()) return name == "localhost" || name.ends_with(".localhost") || name == "metadata.google.internal";
  // Metadata services live at link-local addresses; AWS also has them in a range of its own in IPv6.
  return in_range(address, "127.0.0.0", 96 + 8) || in_range(address, "::1", 128) || in_range(address, "169.254.0.0", 96 + 16) ||
         in_range(address, "fe80::", 10) || in_range(address, "fd00:ec2::", 32);
}

ProxyRules ProxyRules::from(const Variable& variable) {
  const auto first_of = [&](std::initializer_list<const char*> names) -> std::optional<Named> {
    for (const char* name : names)
      if (auto text = variable(name); text && !text->empty()) return Named{name, std::move(*text)};
    return std::nullopt;
  };
  ProxyRules rules;
  rules.for_https_ = first_of({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
  rules.for_http_ = first_of({"http_proxy", "all_proxy", "ALL_PROXY"});
  if (const auto exceptions = first_of({"no_proxy", "NO_PROXY"})) rules.no_proxy_ = NoProxy(exceptions->text);
  return rules;
}

Result<std::optional<Proxy>> ProxyRules::proxy_for(const Url& url) const {
  const auto& named = url.scheme == "https" ? for_https_ : for_http_;
  if (!named || is_never_proxied(url.host) || no_proxy_.matches(url.host, url.port)) return std::optional<Proxy>();
  TRY_ASSIGN(auto proxy, parse_proxy(named->text, named->variable));
  return std::optional(std::move(proxy));
}

}  // namespace isobar::net
