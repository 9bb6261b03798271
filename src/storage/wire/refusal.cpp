#include "storage/refusal.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "storage/stamps.h"

namespace isobar::storage {

namespace {
constexpr Duration kRetryAfterMost = std::chrono::hours(1);

std::string one_line(std::string_view text) {
  std::string line(text.substr(0, 500));
  for (char& c : line)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  return std::string(trim(line));
}
}  // namespace

Code code_of_status(int status) {
  switch (status) {
    case 401:
    case 403: return Code::kPermissionDenied;
    case 404:
    case 410: return Code::kNotFound;
    case 409:
    case 412: return Code::kConflict;
    case 408: return Code::kUnavailable;
    case 429:
    case 503: return Code::kExhausted;
    default: return status >= 500 ? Code::kUnavailable : Code::kInvalidArgument;
  }
}

Error error_of(const Refusal& refusal, Code code, std::string_view doing, Duration retry_after) {
  std::string text = fmt::format("{}: the store answered {}", doing, refusal.status);
  if (!refusal.code.empty()) text += " " + one_line(refusal.code);
  if (!refusal.message.empty()) text += ": " + one_line(refusal.message);
  if (!refusal.request_id.empty()) text += fmt::format(" [request {}]", one_line(refusal.request_id));
  return Error(code, std::move(text)).with_retry_after(retry_after);
}

Duration retry_after_of(const net::Headers& headers, Instant now) {
  const std::string_view text = trim(headers.get("Retry-After"));
  if (text.empty()) return Duration::zero();
  if (const auto seconds = parse_count(text); seconds.ok())
    return *seconds >= 3600 ? kRetryAfterMost : Duration(std::chrono::seconds(*seconds));
  const auto at = parse_http_date(text);
  if (!at.ok()) return Duration::zero();
  return std::clamp<Duration>(*at - now, Duration::zero(), kRetryAfterMost);
}

Result<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failure != std::errc() || end != text.data() + text.size())
    return Error(Code::kDataLoss, fmt::format("'{}' is no count", one_line(text)));
  return value;
}

Result<ContentRange> parse_content_range(std::string_view text) {
  const Error failure(Code::kDataLoss, fmt::format("Content-Range '{}' is none", one_line(text)));
  const auto slash = text.find('/');
  if (!text.starts_with("bytes ") || slash == text.npos) return failure;
  ContentRange range;
  const auto whole = parse_count(text.substr(slash + 1));
  if (!whole.ok()) return failure;
  range.whole = *whole;
  const std::string_view span = text.substr(6, slash - 6);
  if (span == "*") {
    range.unsatisfied = true;
    return range;
  }
  const auto dash = span.find('-');
  if (dash == span.npos) return failure;
  const auto first = parse_count(span.substr(0, dash)), last = parse_count(span.substr(dash + 1));
  if (!first.ok() || !last.ok()) return failure;
  // Azurite answers a range that begins at the end with "bytes 10-9/10" and no byte.
  const bool nothing_at_end = *first == range.whole && *last + 1 == *first;
  if (!nothing_at_end && (*last < *first || *last >= range.whole)) return failure;
  range.first = *first;
  range.last = *last;
  return range;
}

Result<std::uint64_t> extent_of(const net::HttpResponse& response, std::uint64_t offset, std::uint64_t asked) {
  if (response.status != 206) {
    // The server sent everything: right only when that is what the range meant.
    if (offset == 0) return response.body_bytes;
    return Error(Code::kDataLoss, fmt::format("the server ignored the range from {} on and sent the whole", offset));
  }
  TRY_ASSIGN(const ContentRange range, parse_content_range(response.headers.get("Content-Range")));
  const std::uint64_t wanted = std::min(asked, range.whole > offset ? range.whole - offset : 0);
  if (range.unsatisfied || range.first != offset || range.last - range.first + 1 != wanted || response.body_bytes != wanted)
    return Error(Code::kDataLoss, fmt::format("of {} bytes from {} on, {} arrived, called '{}'", wanted, offset, response.body_bytes,
                                              response.headers.get("Content-Range")));
  return range.whole;
}

}  // namespace isobar::storage
