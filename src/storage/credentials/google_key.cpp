#include "google_key.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "flat_json.h"
#include "storage/refusal.h"

namespace isobar::storage {

namespace {

constexpr std::string_view kTokenUrl = "https://oauth2.googleapis.com/token";
constexpr std::string_view kScope = "https://www.googleapis.com/auth/cloud-platform";

Result<GoogleKey> read_key(const FlatJson& fields) {
  GoogleKey key;
  key.project = fields.get("project_id").empty() ? fields.get("quota_project_id") : fields.get("project_id");
  key.token_url = fields.get("token_uri").empty() ? std::string(kTokenUrl) : fields.get("token_uri");
  TRY_ASSIGN(const std::string type, fields.need("type"));
  if (type == "service_account") {
    TRY_ASSIGN(key.email, fields.need("client_email"));
    TRY_ASSIGN(key.private_key, fields.need("private_key"));
    key.private_key_id = fields.get("private_key_id");
    return key;
  }
  if (type == "authorized_user") {
    key.kind = GoogleKey::Kind::kUser;
    TRY_ASSIGN(key.client_id, fields.need("client_id"));
    TRY_ASSIGN(key.client_secret, fields.need("client_secret"));
    TRY_ASSIGN(key.refresh_token, fields.need("refresh_token"));
    return key;
  }
  return invalid(
      fmt::format("credentials of type '{}' are not understood; use a service account's key or `gcloud auth application-default login`",
                  type.substr(0, 40)));
}

// A text of ours within JSON; what is put in holds nothing that needs more.
std::string json_text(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace

Result<GoogleKey> parse_google_key(std::string_view path, std::string_view json) {
  const auto fields = FlatJson::parse(json);
  auto key = fields.ok() ? read_key(*fields) : Result<GoogleKey>(fields.error());
  if (!key.ok()) return key.error().context(path);
  const auto url = net::parse_url(key->token_url);
  if (!url.ok() || (url->scheme != "https" && url->host != "localhost" && !url->host.starts_with("127.")))
    return invalid(fmt::format("{}: its token_uri is no https URL", path));
  return key;
}

Result<net::HttpRequest> token_request(const GoogleKey& key, Instant now) {
  net::HttpRequest request;
  request.method = "POST";
  TRY_ASSIGN(request.url, net::parse_url(key.token_url));
  request.headers.add("Content-Type", "application/x-www-form-urlencoded");
  if (key.kind == GoogleKey::Kind::kUser) {
    request.owned_body = net::encode_query({{"grant_type", "refresh_token"},
                                            {"client_id", key.client_id},
                                            {"client_secret", key.client_secret},
                                            {"refresh_token", key.refresh_token}});
    return request;
  }
  const std::int64_t seconds = now.unix_nanos() / 1'000'000'000;
  const std::string header = key.private_key_id.empty()
                                 ? R"({"alg":"RS256","typ":"JWT"})"
                                 : fmt::format(R"({{"alg":"RS256","typ":"JWT","kid":{}}})", json_text(key.private_key_id));
  const std::string claims = fmt::format(R"({{"iss":{},"scope":"{}","aud":{},"iat":{},"exp":{}}})", json_text(key.email), kScope,
                                         json_text(key.token_url), seconds, seconds + 3600);
  const std::string message = crypto::to_base64_url(header) + "." + crypto::to_base64_url(claims);
  TRY_ASSIGN(const std::string signature, crypto::sign_rs256(key.private_key, message));
  request.owned_body = net::encode_query(
      {{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion", message + "." + crypto::to_base64_url(signature)}});
  return request;
}

Result<TokenAnswer> parse_token(std::string_view json, Instant now) {
  TRY_ASSIGN(const FlatJson fields, FlatJson::parse(json));
  TokenAnswer answer;
  TRY_ASSIGN(answer.token, fields.need("access_token"));
  for (const char c : answer.token)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return invalid("the field 'access_token' is no token");
  TRY_ASSIGN(const std::string text, fields.need("expires_in"));
  TRY_ASSIGN(const std::uint64_t seconds, parse_count(text));
  answer.expires = now + std::chrono::seconds(std::min<std::uint64_t>(seconds, 7 * 86'400));
  return answer;
}

}  // namespace isobar::storage
