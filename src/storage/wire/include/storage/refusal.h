#pragma once

/// A store's "no", as an Error whose code says what the caller does about it.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "net/http.h"

namespace isobar::storage {

/// What a store said instead of doing what it was asked.
struct Refusal {
  int status = 0;          ///< HTTP
  std::string code;        ///< the store's own, "NoSuchKey"; may be empty
  std::string message;     ///< the store's own sentence; may be empty
  std::string request_id;  ///< for the store's support; may be empty
};

/// What an HTTP status means when the store says nothing more: 404 kNotFound, 412 kConflict, 401 and 403 kPermissionDenied,
/// 409 kConflict, 429 and 503 kExhausted, 408 and 5xx kUnavailable, everything else kInvalidArgument.
Code code_of_status(int status);

/// "put s3://b/k: the store answered 403 AccessDenied: Access Denied [request 4442587F]". The store's words are cut at 500
/// bytes and their control characters blanked.
Error error_of(const Refusal& refusal, Code code, std::string_view doing, Duration retry_after = Duration::zero());

/// What Retry-After asks for: seconds or a date. Zero when there is none; at most an hour.
Duration retry_after_of(const net::Headers& headers, Instant now);

/// The whole size and the first byte's offset that a response to a ranged GET tells.
struct ContentRange {
  std::uint64_t first = 0, last = 0;  ///< inclusive
  std::uint64_t whole = 0;
  bool unsatisfied = false;  ///< "bytes */whole": the range begins at or beyond the end
};
/// Errors   kDataLoss: not of the form "bytes 0-9/100" or "bytes */100"
Result<ContentRange> parse_content_range(std::string_view text);

/// The whole object's size, from the response to a GET of `asked` bytes from `offset` on, whose body has gone where it should.
/// Errors   kDataLoss: another range than was asked for, or fewer bytes than the response announced
Result<std::uint64_t> extent_of(const net::HttpResponse& response, std::uint64_t offset, std::uint64_t asked);

/// A count of decimal digits alone. Errors   kDataLoss: anything else, or more than 64 bits
Result<std::uint64_t> parse_count(std::string_view text);

}  // namespace isobar::storage
