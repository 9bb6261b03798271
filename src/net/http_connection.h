#pragma once

// One kept-alive connection, serving one request after another.

#include <memory>

#include "http_parser.h"
#include "net/http.h"
#include "net/stream.h"

namespace isobar::net {

/// A request on its way.
struct Exchange {
  HttpRequest request;
  std::string head;
  HttpDone done;
  std::function<void()> server_is_far;  // called when a connection for it took long; none: nobody asked
  std::shared_ptr<TlsContext> tls;      // none: in the clear
  std::optional<Proxy> proxy;           // none: directly
  std::shared_ptr<TlsContext> proxy_tls;
  std::string tls_name;  // empty: the URL's host
  // A plain request is the proxy's to answer; what goes through a tunnel it does not see.
  bool said_to_proxy() const { return proxy && !tls; }
  std::string_view body() const { return request.body.empty() ? std::string_view(request.owned_body) : request.body; }
};

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(Loop& loop, std::shared_ptr<Stream> stream) : loop_(loop), stream_(std::move(stream)), buffer_(kBuffer, '\0') {}

  enum class Ending {
    kReusable,
    kClosed,
    kStale,  ///< it had been idle, and the server hung up before it can have seen the request: make it again
  };
  using Ended = std::function<void(Ending, Result<HttpResponse>)>;
  /// `ended` is called when no operation uses the request's memory any more.
  void run(std::shared_ptr<Exchange> exchange, Ended ended);

  void fail_if_stalled();
  void abandon();
  Duration idle_since{};

 private:
  static constexpr std::size_t kBuffer = 32 << 10, kSlice = 256 << 10;
  void write_next(std::string_view head, std::string_view rest);
  void read_next();
  void received(std::size_t bytes, bool direct);
  Status take(std::string_view input);
  Status keep(std::string_view body);
  bool goes_into_callers_memory() const;
  void fail(Error error);
  void settle();

  Loop& loop_;
  std::shared_ptr<Stream> stream_;
  std::string buffer_;
  std::shared_ptr<Exchange> exchange_;
  Ended ended_;
  std::unique_ptr<HttpParser> parser_;
  HttpResponse response_;
  std::optional<Error> failure_;
  int exchanges_ = 0;
  bool reading_ = false, writing_ = false, sent_all_ = false;
  Duration moved_{};
};

}  // namespace isobar::net
