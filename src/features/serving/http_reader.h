#pragma once

// HTTP/1.1 requests out of bytes cut anywhere. Pure; Boost.Beast's parser does the work.

#include <memory>
#include <optional>

#include "base/result.h"
#include "http_message.h"

namespace isobar::features {

/// Why a request is no request: what is to be answered before the connection ends.
struct HttpRefusal {
  int status = 400;
  std::string message;
};

class HttpReader {
 public:
  static constexpr std::size_t kHeaderMost = 16 << 10;
  explicit HttpReader(std::size_t body_most);
  ~HttpReader();

  /// bytes   those not taken before, first. Returns how many are taken now; they are not to be given again. 0: a header, or a line between
  ///         two chunks, is not whole yet. Stops behind the request's end.
  std::size_t take(std::string_view bytes);
  /// A whole request is there, and can be had once.
  bool done() const;
  const std::optional<HttpRefusal>& refusal() const { return refusal_; }
  bool begun() const { return begun_; }
  /// Whether the client waits to be told to send its body: true once.
  bool wants_continue();
  /// Of a request that is done.
  bool keep_alive() const;
  /// Takes the request out; the next one can be read.
  HttpRequest release();

 private:
  struct Parser;
  void refuse(int status, std::string message);

  std::size_t body_most_;
  std::unique_ptr<Parser> parser_;
  std::optional<HttpRefusal> refusal_;
  bool begun_ = false, continued_ = false;
};

/// "/explain?view=a&key=b%3A1" taken apart. None: a % that is not followed by two digits
std::optional<std::pair<std::string, net::QueryParameters>> parse_target(std::string_view target);

}  // namespace isobar::features
