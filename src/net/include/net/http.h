#pragma once

/// HTTP/1.1 as object stores need it: many requests at once over kept-alive connections, bodies that go straight from and
/// into the caller's memory.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/url.h"

namespace isobar::net {

/// In order, names compared without case.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> entries) : entries_(entries) {}
  void add(std::string name, std::string value) { entries_.emplace_back(std::move(name), std::move(value)); }
  /// The first value of that name; empty when there is none.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

struct HttpRequest {
  std::string method = "GET";
  Url url;
  /// Without Host, Content-Length and Connection, which the client adds.
  Headers headers;
  /// Sent as it is. The bytes must stay until the request is done.
  std::string_view body;
  /// Small bodies may be handed over instead: sent when `body` is empty.
  std::string owned_body;
  /// The body of a 2xx response goes here and is counted in `body_bytes`; a longer one is an error. When empty, and for
  /// every other status, the body is gathered in `HttpResponse::body`.
  std::span<char> into;
  std::uint64_t body_bytes_max = 64 << 20;  ///< of a gathered body
  /// How long nothing at all may move before the request fails.
  Duration stall_max = std::chrono::seconds(30);
  /// So many requests to the same server will follow when this one is answered: if it is far away, connections are opened for them
  /// meanwhile.
  int connections_ahead = 0;
};

struct HttpResponse {
  int status = 0;
  Headers headers;
  std::string body;
  std::uint64_t body_bytes = 0;
  bool ok() const { return status >= 200 && status < 300; }
};

/// Called exactly once, on a thread of the transport; it must not block, and may start further requests.
using HttpDone = std::function<void(Result<HttpResponse>)>;

/// Errors of a request (a response of any status is none):
///   kUnavailable       no connection, or it broke: the message says at which step. Whether the server acted is unknown
///   kDeadlineExceeded  nothing moved for stall_max
///   kDataLoss          the response was malformed, cut short, or longer than allowed
///   kInvalidArgument   the URL or a header cannot be sent
///   kPermissionDenied  the server's certificate is not trusted, or a proxy does not let the request through
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  /// Safe from any thread. The URL and the headers are read at once; body and `into` are the caller's until done.
  virtual void start(HttpRequest request, HttpDone done) = 0;
  /// Waits for the response. Not from a thread of the transport.
  Result<HttpResponse> fetch(HttpRequest request);
};

}  // namespace isobar::net
