#pragma once

/// Where an HTTP request goes, taken apart so that no part is encoded twice.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace isobar::net {

struct Url {
  std::string scheme;  ///< "http" or "https"
  std::string host;    ///< without brackets when it is an IPv6 address
  std::uint16_t port = 0;
  std::string target = "/";  ///< path and query exactly as they are sent: percent-encoded by whoever made them

  /// "host" or "host:port" where the port is not the scheme's own: the Host header.
  std::string authority() const;
  std::string text() const { return scheme + "://" + authority() + target; }
};

/// Errors   kInvalidArgument: no http or https URL; the message names what is wrong with it
Result<Url> parse_url(std::string_view text);

/// Every byte outside the unreserved set of RFC 3986 as %XX in upper case; `keep` names further characters to leave alone
/// ("/" for paths).
std::string percent_encode(std::string_view bytes, std::string_view keep = {});
/// Errors   kInvalidArgument: a % that is not followed by two hexadecimal digits
Result<std::string> percent_decode(std::string_view text);

using QueryParameters = std::vector<std::pair<std::string, std::string>>;
/// "a=1&b=%20x", in the order given; a parameter without a value is written "a=".
std::string encode_query(const QueryParameters& parameters);

}  // namespace isobar::net
