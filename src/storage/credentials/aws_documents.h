#pragma once

/// What AWS's services say when they hand out credentials. Pure. Messages never quote a document.

#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/sigv4.h"

namespace isobar::storage {

/// The answers to AssumeRole and AssumeRoleWithWebIdentity.
Result<AwsCredentials> parse_sts_credentials(std::string_view xml);
/// "AccessKeyId", "SecretAccessKey", "Token" or "SessionToken", "Expiration": the machine's, the container's, and credential_process's.
Result<AwsCredentials> parse_json_credentials(std::string_view json);
/// GetRoleCredentials of IAM Identity Center; its expiry is in milliseconds.
Result<AwsCredentials> parse_sso_credentials(std::string_view json);
/// The token that `aws sso login` left. Errors  kPermissionDenied: it has expired
Result<std::string> parse_sso_token(std::string_view json, Instant now);

}  // namespace isobar::storage
