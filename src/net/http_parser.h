#pragma once

// One HTTP/1.1 response, out of bytes that arrive in any pieces. Pure. RFC 9112.

#include <cstdint>
#include <string>
#include <string_view>

#include "net/http.h"

namespace isobar::net {

class HttpParser {
 public:
  /// head_request   the response to HEAD has the headers of a body and none
  explicit HttpParser(bool head_request) : head_request_(head_request) {}

  struct Step {
    std::size_t consumed = 0;
    std::string_view body;  ///< bytes of the body, inside the input
  };
  /// Takes the next of the input; call again with the rest until nothing of it is left or `done`. Interim (1xx) responses
  /// are passed over.   Errors   kDataLoss: not HTTP, or a head over 256 KiB
  Result<Step> feed(std::string_view input);
  /// The peer has closed. Errors   kUnavailable: in the midst of the response
  Status end();

  /// How much of the body the caller may read by itself, past the parser; it then reports so by `skip`.
  std::uint64_t direct_bytes() const { return state_ == State::kLengthBody ? left_ : 0; }
  void skip(std::uint64_t bytes);

  bool started() const { return started_; }
  bool head_done() const { return state_ > State::kHead; }
  bool done() const { return state_ == State::kDone; }
  int status() const { return status_; }
  const Headers& headers() const { return headers_; }
  Headers take_headers() { return std::move(headers_); }
  /// Whether the connection serves another request after this response.
  bool keeps_alive() const { return keeps_alive_; }
  std::uint64_t content_length() const { return content_length_; }

 private:
  enum class State { kHead, kLengthBody, kChunkSize, kChunkBody, kChunkEnd, kTrailer, kBodyUntilClose, kDone };
  Status read_head();
  Status read_status_line(std::string_view line);
  Status frame_body();
  Result<Step> feed_chunked(std::string_view input);
  /// A line that may have begun in an earlier piece; none: it is not complete yet.
  bool take_line(std::string_view& input, std::string& line);

  bool head_request_;
  State state_ = State::kHead;
  bool started_ = false, keeps_alive_ = true;
  std::string gathered_;
  int status_ = 0;
  Headers headers_;
  std::uint64_t left_ = 0, content_length_ = 0;
};

}  // namespace isobar::net
