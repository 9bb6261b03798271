#pragma once

/// Files of Google's credentials, and the requests that they make. Pure.

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"
#include "storage/gcs_credentials.h"

namespace isobar::storage {

struct GoogleKey {
  enum class Kind { kServiceAccount, kUser } kind = Kind::kServiceAccount;
  std::string email, private_key, private_key_id;       ///< kServiceAccount
  std::string client_id, client_secret, refresh_token;  ///< kUser
  std::string token_url, project;
};

/// Errors   kInvalidArgument: "PATH: what is wrong, and the mend". Values are never quoted
Result<GoogleKey> parse_google_key(std::string_view path, std::string_view json);

/// The request that trades the key for an access token.
/// Errors   kInvalidArgument: the private key is none
Result<net::HttpRequest> token_request(const GoogleKey& key, Instant now);

/// {"access_token", "expires_in"}, of Google's token service and of the machine's. Also Entra's answers.
struct TokenAnswer {
  std::string token;
  Instant expires;
};
Result<TokenAnswer> parse_token(std::string_view json, Instant now);

}  // namespace isobar::storage
