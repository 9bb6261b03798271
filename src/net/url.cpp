#include "net/url.h"

#include <fmt/format.h>

#include <charconv>

#include "base/text.h"

namespace isobar::net {

namespace {

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::uint16_t default_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

// "host", "host:80", "[::1]:80" into host and port.
Status read_authority(std::string_view authority, Url& url) {
  std::string_view port;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return invalid("the address misses its ]");
    url.host = authority.substr(1, end - 1);
    if (end + 1 < authority.size()) {
      if (authority[end + 1] != ':') return invalid("after ] a port was expected");
      port = authority.substr(end + 2);
    }
  } else {
    const auto colon = authority.find(':');
    url.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon + 1);
  }
  if (url.host.empty()) return invalid("the host is missing");
  if (url.host.find_first_of(" \t\r\n\"<>\\^`{|}%/?#@") != std::string::npos) return invalid(fmt::format("'{}' is no host", url.host));
  if (port.empty()) return {};
  const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (failure != std::errc() || end != port.data() + port.size() || url.port == 0) return invalid(fmt::format("'{}' is no port", port));
  return {};
}

}  // namespace

std::string Url::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == default_port(scheme) ? name : fmt::format("{}:{}", name, port);
}

Result<Url> parse_url(std::string_view text) {
  const auto failure = [&](std::string_view why) { return invalid(fmt::format("'{}' is no URL: {}", text, why)); };
  Url url;
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return failure("it must begin with http:// or https://");
  url.scheme = to_lower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") return failure("it must begin with http:// or https://");
  url.port = default_port(url.scheme);
  const std::string_view rest = text.substr(colon + 3);
  const auto slash = rest.find_first_of("/?#");
  const std::string_view authority = rest.substr(0, slash);
  if (authority.find('@') != std::string_view::npos) return failure("credentials do not belong into a URL");
  if (const Status read = read_authority(authority, url); !read.ok()) return failure(read.error().message());
  if (slash != std::string_view::npos) {
    const std::string_view target = rest.substr(slash, rest.find('#') == std::string_view::npos ? rest.npos : rest.find('#') - slash);
    url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  }
  for (const char c : url.target)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return failure("blanks and control characters must be percent-encoded");
  return url;
}

std::string percent_encode(std::string_view bytes, std::string_view keep) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  text.reserve(bytes.size());
  for (const char c : bytes) {
    if (is_unreserved(c) || keep.find(c) != std::string_view::npos) {
      text += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      text += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return text;
}

Result<std::string> percent_decode(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      bytes += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? digit_of(text[i + 1]) : -1, low = i + 2 < text.size() ? digit_of(text[i + 2]) : -1;
    if (high < 0 || low < 0) return invalid(fmt::format("'{}': after % two hexadecimal digits were expected", text));
    bytes += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return bytes;
}

std::string encode_query(const QueryParameters& parameters) {
  std::string text;
  for (const auto& [name, value] : parameters)
    text += fmt::format("{}{}={}", text.empty() ? "" : "&", percent_encode(name), percent_encode(value));
  return text;
}

}  // namespace isobar::net
