#include "aws_documents.h"

#include "flat_json.h"
#include "storage/refusal.h"
#include "storage/stamps.h"
#include "storage/xml.h"

namespace isobar::storage {

Result<AwsCredentials> parse_sts_credentials(std::string_view xml) {
  TRY_ASSIGN(const XmlDocument document, XmlDocument::parse(xml, 1 << 20));
  for (const XmlElement result : document.root().children("")) {
    const XmlElement found = result.child("Credentials");
    if (!found) continue;
    AwsCredentials credentials{std::string(found.text_of("AccessKeyId")),
                               std::string(found.text_of("SecretAccessKey")),
                               std::string(found.text_of("SessionToken")),
                               {}};
    TRY_ASSIGN(credentials.expires, parse_iso_time(found.text_of("Expiration")));
    if (credentials.access_key_id.empty() || credentials.secret_access_key.empty()) break;
    return credentials;
  }
  return Error(Code::kDataLoss, "the answer holds no credentials");
}

Result<AwsCredentials> parse_json_credentials(std::string_view json) {
  TRY_ASSIGN(const FlatJson fields, FlatJson::parse(json));
  AwsCredentials credentials;
  TRY_ASSIGN(credentials.access_key_id, fields.need("AccessKeyId"));
  TRY_ASSIGN(credentials.secret_access_key, fields.need("SecretAccessKey"));
  credentials.session_token = fields.get("SessionToken").empty() ? fields.get("Token") : fields.get("SessionToken");
  if (const std::string expires = fields.get("Expiration"); !expires.empty()) {
    TRY_ASSIGN(credentials.expires, parse_iso_time(expires));
  }
  return credentials;
}

Result<AwsCredentials> parse_sso_credentials(std::string_view json) {
  TRY_ASSIGN(const FlatJson fields, FlatJson::parse(json));
  AwsCredentials credentials;
  TRY_ASSIGN(credentials.access_key_id, fields.need("roleCredentials.accessKeyId"));
  TRY_ASSIGN(credentials.secret_access_key, fields.need("roleCredentials.secretAccessKey"));
  TRY_ASSIGN(credentials.session_token, fields.need("roleCredentials.sessionToken"));
  TRY_ASSIGN(const std::string expiration, fields.need("roleCredentials.expiration"));
  TRY_ASSIGN(const std::uint64_t milliseconds, parse_count(expiration));
  if (milliseconds > 4'000'000'000'000) return invalid("the field 'roleCredentials.expiration' is no time");
  credentials.expires = Instant::from_unix_seconds(static_cast<std::int64_t>(milliseconds / 1000));
  return credentials;
}

Result<std::string> parse_sso_token(std::string_view json, Instant now) {
  TRY_ASSIGN(const FlatJson fields, FlatJson::parse(json));
  TRY_ASSIGN(const std::string until, fields.need("expiresAt"));
  TRY_ASSIGN(const Instant expires, parse_iso_time(until));
  if (expires <= now) return Error(Code::kPermissionDenied, "the sign-in has expired; run `aws sso login`");
  return fields.need("accessToken");
}

}  // namespace isobar::storage
