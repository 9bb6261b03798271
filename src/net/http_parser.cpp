#include "http_parser.h"

#include <fmt/format.h>

#include <charconv>

#include "base/text.h"

namespace isobar::net {

namespace {

constexpr std::size_t kHeadMost = 256 << 10, kLineMost = 16 << 10;

Error malformed(std::string_view what) { return Error(Code::kDataLoss, fmt::format("the response is not HTTP: {}", what)); }

Result<std::uint64_t> number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (failure != std::errc() || end != text.data() + text.size() || text.empty()) return malformed("a length that is no number");
  return value;
}

}  // namespace

Result<HttpParser::Step> HttpParser::feed(std::string_view input) {
  if (!input.empty()) started_ = true;
  switch (state_) {
    case State::kHead: {
      // The end of the head may straddle two pieces.
      const std::size_t before = gathered_.size();
      gathered_ += input.substr(0, std::min(input.size(), kHeadMost + 4 - std::min(before, kHeadMost)));
      const std::size_t end = gathered_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
      if (end == std::string::npos) {
        if (gathered_.size() > kHeadMost) return malformed("a head over 256 KiB");
        return Step{input.size(), {}};
      }
      const std::size_t consumed = end + 4 - before;
      gathered_.resize(end + 2);
      TRY(read_head());
      gathered_.clear();
      return Step{consumed, {}};
    }
    case State::kLengthBody: {
      const std::string_view body = input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size())));
      skip(body.size());
      return Step{body.size(), body};
    }
    case State::kBodyUntilClose: return Step{input.size(), input};
    case State::kDone: return Step{};
    default: return feed_chunked(input);
  }
}

void HttpParser::skip(std::uint64_t bytes) {
  CHECK(bytes <= left_, bytes, left_);
  left_ -= bytes;
  if (left_ == 0) state_ = State::kDone;
}

Status HttpParser::end() {
  if (state_ == State::kBodyUntilClose) state_ = State::kDone;
  if (state_ == State::kDone) return {};
  return unavailable(started_ ? "the connection was cut in the midst of the response"
                              : "the server closed the connection without an answer");
}

Status HttpParser::read_head() {
  std::string_view rest = gathered_;
  const auto next_line = [&] {
    const auto end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    return line;
  };
  TRY(read_status_line(next_line()));
  headers_ = {};
  while (!rest.empty()) {
    const std::string_view line = next_line();
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return malformed("a header without a name");
    headers_.add(std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1))));
  }
  if (status_ < 200 && status_ != 101) return {};  // interim: the response is yet to come
  return frame_body();
}

Status HttpParser::read_status_line(std::string_view line) {
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ') return malformed("it does not begin with HTTP/1.x");
  TRY_ASSIGN(const std::uint64_t code, number(line.substr(9, 3), 10));
  if (code < 100 || code > 999) return malformed("a status that is none");
  status_ = static_cast<int>(code);
  keeps_alive_ = line[7] != '0';
  return {};
}

// RFC 9112 §6.3, in its order.
Status HttpParser::frame_body() {
  const std::string connection = to_lower(headers_.get("Connection"));
  if (connection.find("close") != std::string::npos) keeps_alive_ = false;
  else if (connection.find("keep-alive") != std::string::npos) keeps_alive_ = true;
  const bool bodiless = head_request_ || status_ == 204 || status_ == 304;
  std::uint64_t length = 0;
  const bool has_length = headers_.has("Content-Length");
  if (has_length) {
    TRY_ASSIGN(length, number(headers_.get("Content-Length"), 10));
  }
  content_length_ = length;
  if (bodiless) {
    state_ = State::kDone;
  } else if (headers_.has("Transfer-Encoding")) {
    if (to_lower(headers_.get("Transfer-Encoding")) != "chunked") return malformed("an unknown transfer encoding");
    state_ = State::kChunkSize;
  } else if (has_length) {
    left_ = length;
    state_ = length == 0 ? State::kDone : State::kLengthBody;
  } else {
    keeps_alive_ = false;
    state_ = State::kBodyUntilClose;
  }
  return {};
}

bool HttpParser::take_line(std::string_view& input, std::string& line) {
  const auto end = input.find('\n');
  gathered_ += input.substr(0, end);
  input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
  if (end == std::string_view::npos) return false;
  if (gathered_.ends_with('\r')) gathered_.pop_back();
  line = std::exchange(gathered_, {});
  return true;
}

Result<HttpParser::Step> HttpParser::feed_chunked(std::string_view input) {
  std::string_view rest = input;
  std::string line;
  while (!rest.empty()) {
    if (state_ == State::kChunkBody) {
      const std::string_view body = rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size())));
      left_ -= body.size();
      if (left_ == 0) state_ = State::kChunkEnd;
      return Step{input.size() - rest.size() + body.size(), body};
    }
    const bool whole = take_line(rest, line);
    if (gathered_.size() > kLineMost) return malformed("a chunk's line over 16 KiB");
    if (!whole) break;
    if (state_ == State::kChunkEnd) {
      if (!line.empty()) return malformed("a chunk longer than it says");
      state_ = State::kChunkSize;
    } else if (state_ == State::kChunkSize) {
      TRY_ASSIGN(left_, number(trim(std::string_view(line).substr(0, line.find(';'))), 16));
      state_ = left_ == 0 ? State::kTrailer : State::kChunkBody;
    } else if (line.empty()) {
      state_ = State::kDone;
      break;
    }
  }
  return Step{input.size() - rest.size(), {}};
}

}  // namespace isobar::net
