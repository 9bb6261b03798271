#pragma once

/// AWS Signature Version 4: who asks, for what exactly, and when, proven without sending the secret. Every service of AWS takes
/// it, S3 with two rules of its own: the path is not encoded a second time, and the body's hash travels in a header, so that
/// "not hashed" can be said.

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "net/http.h"

namespace isobar::storage {

struct AwsCredentials {
  std::string access_key_id, secret_access_key;
  std::string session_token;       ///< empty for credentials that do not expire
  std::optional<Instant> expires;  ///< none: never
  /// Requests go unsigned: public buckets.
  bool anonymous() const { return access_key_id.empty(); }
  friend bool operator==(const AwsCredentials&, const AwsCredentials&) = default;
};

struct SigningScope {
  std::string region;   ///< "us-east-1"
  std::string service;  ///< "s3", "sts"
};

/// In place of the hash of a body that TLS or a checksum header protects.
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

/// Adds X-Amz-Date, for S3 X-Amz-Content-Sha256, with temporary credentials X-Amz-Security-Token, and Authorization. Signed are
/// Host and all headers the request holds; the transport may add others.
/// payload_hash  lower-case hex SHA-256 of the body, or kUnsignedPayload
/// Cost          some 15 µs. Pure.
/// Source        AWS General Reference, "Create a signed AWS API request"
void sign_v4(net::HttpRequest& request, const AwsCredentials& credentials, const SigningScope& scope, std::string_view payload_hash,
             Instant now);

/// The text whose hash is signed, in the standard's own layout: what to compare when a store answers SignatureDoesNotMatch.
std::string canonical_request(const net::HttpRequest& request, bool is_s3, std::string_view payload_hash, std::string& signed_headers);

}  // namespace isobar::storage
