#include "shared_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "storage/stamps.h"

namespace isobar::storage::azure {

namespace {

std::string canonical_headers(const net::Headers& headers) {
  std::map<std::string, std::string> sorted;
  for (const auto& [name, value] : headers)
    if (const std::string lower = to_lower(name); lower.starts_with("x-ms-")) sorted[lower] = trim(value);
  std::string text;
  for (const auto& [name, value] : sorted) text += name + ":" + value + "\n";
  return text;
}

std::string canonical_resource(std::string_view account, std::string_view target) {
  const auto mark = target.find('?');
  std::string text = fmt::format("/{}{}", account, target.substr(0, mark));
  if (mark == target.npos) return text;
  std::map<std::string, std::vector<std::string>> parameters;
  for (const std::string_view part : split(target.substr(mark + 1), '&')) {
    const auto equals = part.find('=');
    const std::string_view value = equals == part.npos ? std::string_view() : part.substr(equals + 1);
    const std::string name(part.substr(0, equals));
    parameters[to_lower(net::percent_decode(name).value_or(name))].push_back(net::percent_decode(value).value_or(std::string(value)));
  }
  for (auto& [name, values] : parameters) {
    std::sort(values.begin(), values.end());
    text += fmt::format("\n{}:{}", name, join(values, ","));
  }
  return text;
}

}  // namespace

std::string string_to_sign(const net::HttpRequest& request, std::string_view account, std::uint64_t body_bytes) {
  const auto header = [&](std::string_view name) { return std::string(request.headers.get(name)); };
  std::string text = request.method + "\n" + header("Content-Encoding") + "\n" + header("Content-Language") + "\n";
  text += (body_bytes == 0 ? "" : std::to_string(body_bytes)) + "\n";
  for (const char* name :
       {"Content-MD5", "Content-Type", "Date", "If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range"})
    text += header(name) + "\n";
  return text + canonical_headers(request.headers) + canonical_resource(account, request.url.target);
}

void sign_shared_key(net::HttpRequest& request, std::string_view account, std::string_view key, std::uint64_t body_bytes) {
  const std::string signature = crypto::to_base64(crypto::hmac_sha256(key, string_to_sign(request, account, body_bytes)));
  request.headers.add("Authorization", fmt::format("SharedKey {}:{}", account, signature));
}

std::string read_signature(std::string_view account, std::string_view key, std::string_view container, std::string_view blob,
                           Instant expires, bool https_only) {
  constexpr std::string_view kVersion = "2020-12-06";
  const std::string until = format_iso_time(expires), protocol = https_only ? "https" : "https,http";
  // permissions, start, expiry, resource, policy, addresses, protocol, version, kind, snapshot, encryption scope, five headers
  const std::string text =
      fmt::format("r\n\n{}\n/blob/{}/{}/{}\n\n\n{}\n{}\nb\n\n\n\n\n\n\n", until, account, container, blob, protocol, kVersion);
  return net::encode_query({{"sp", "r"},
                            {"se", until},
                            {"spr", protocol},
                            {"sv", std::string(kVersion)},
                            {"sr", "b"},
                            {"sig", crypto::to_base64(crypto::hmac_sha256(key, text))}});
}

}  // namespace isobar::storage::azure
