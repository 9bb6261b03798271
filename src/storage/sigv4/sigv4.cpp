#include "storage/sigv4.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "storage/stamps.h"

namespace isobar::storage {

namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

// "a=1&b=" in order of name, then value; a parameter without a value gets its "=".
std::string canonical_query(std::string_view query) {
  if (query.empty()) return {};
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const std::string_view part : split(query, '&')) {
    const auto equals = part.find('=');
    parameters.emplace_back(part.substr(0, equals), equals == part.npos ? std::string_view() : part.substr(equals + 1));
  }
  std::sort(parameters.begin(), parameters.end());
  std::string text;
  for (const auto& [name, value] : parameters) text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, value);
  return text;
}

// Blanks at the ends dropped, runs of them within made one.
std::string canonical_value(std::string_view value) {
  std::string text;
  for (const char c : trim(value))
    if (c != ' ' || text.empty() || text.back() != ' ') text += c;
  return text;
}

std::string signing_key(const AwsCredentials& credentials, std::string_view date, const SigningScope& scope) {
  const std::string by_date = crypto::hmac_sha256("AWS4" + credentials.secret_access_key, date);
  return crypto::hmac_sha256(crypto::hmac_sha256(crypto::hmac_sha256(by_date, scope.region), scope.service), "aws4_request");
}

}  // namespace

std::string canonical_request(const net::HttpRequest& request, bool is_s3, std::string_view payload_hash, std::string& signed_headers) {
  const std::string_view target = request.url.target;
  const auto mark = target.find('?');
  const std::string_view path = target.substr(0, mark), query = mark == target.npos ? std::string_view() : target.substr(mark + 1);

  std::vector<std::pair<std::string, std::string>> headers = {{"host", request.url.authority()}};
  for (const auto& [name, value] : request.headers) headers.emplace_back(to_lower(name), canonical_value(value));
  std::stable_sort(headers.begin(), headers.end(), [](const auto& a, const auto& b) { return a.first < b.first; });

  std::string lines;
  signed_headers.clear();
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const auto& [name, value] = headers[i];
    if (i > 0 && headers[i - 1].first == name) {  // one line for all values of a name
      lines.pop_back();
      lines += "," + value + "\n";
      continue;
    }
    lines += name + ":" + value + "\n";
    signed_headers += (i == 0 ? "" : ";") + name;
  }
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, is_s3 ? std::string(path) : net::percent_encode(path, "/"),
                     canonical_query(query), lines, signed_headers, payload_hash);
}

void sign_v4(net::HttpRequest& request, const AwsCredentials& credentials, const SigningScope& scope, std::string_view payload_hash,
             Instant now) {
  if (credentials.anonymous()) return;
  const bool is_s3 = scope.service == "s3";
  const std::string time = format_basic_time(now), date = time.substr(0, 8);
  request.headers.add("X-Amz-Date", time);
  if (is_s3) request.headers.add("X-Amz-Content-Sha256", std::string(payload_hash));
  if (!credentials.session_token.empty()) request.headers.add("X-Amz-Security-Token", credentials.session_token);

  std::string signed_headers;
  const std::string canonical = canonical_request(request, is_s3, payload_hash, signed_headers);
  const std::string credential_scope = fmt::format("{}/{}/{}/aws4_request", date, scope.region, scope.service);
  const std::string to_sign = fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time, credential_scope, crypto::to_hex(crypto::sha256(canonical)));
  const std::string signature = crypto::to_hex(crypto::hmac_sha256(signing_key(credentials, date, scope), to_sign));
  request.headers.add("Authorization", fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                                                   credentials.access_key_id, credential_scope, signed_headers, signature));
}

}  // namespace isobar::storage
