#include "proxy_tunnel.h"

#include <fmt/format.h>

#include "http_parser.h"

namespace isobar::net {

namespace {

class Asking : public std::enable_shared_from_this<Asking> {
 public:
  Asking(std::shared_ptr<Stream> stream, const Proxy& proxy, std::string authority, std::function<void(Status)> done)
      : stream_(std::move(stream)), proxy_(proxy), authority_(std::move(authority)), done_(std::move(done)) {}

  void start() {
    request_ = fmt::format("CONNECT {} HTTP/1.1\r\nHost: {}\r\n", authority_, authority_);
    if (!proxy_.authorization.empty()) request_ += fmt::format("Proxy-Authorization: {}\r\n", proxy_.authorization);
    request_ += "\r\n";
    stream_->write({request_}, [self = shared_from_this()](const Status& sent) {
      if (!sent.ok()) return self->done_(sent.error());
      self->read_next();
    });
  }

 private:
  void read_next() {
    stream_->read(buffer_, [self = shared_from_this()](const Result<std::size_t>& got) {
      if (!got.ok()) return self->done_(got.error());
      if (*got == 0) return self->done_(unavailable("it hung up when it was asked for a tunnel"));
      self->received(std::string_view(self->buffer_).substr(0, *got));
    });
  }

  void received(std::string_view input) {
    while (!input.empty() && !parser_.done()) {
      const auto step = parser_.feed(input);
      if (!step.ok()) return done_(step.error());
      input.remove_prefix(step->consumed);
    }
    if (!parser_.done()) return read_next();
    if (parser_.status() / 100 != 2) return done_(refused_by_proxy(parser_.status(), proxy_).context("a tunnel to " + authority_));
    // Behind the tunnel is TLS, where the client speaks first.
    if (!input.empty()) return done_(Error(Code::kDataLoss, "it sent more than its answer"));
    done_({});
  }

  std::shared_ptr<Stream> stream_;
  const Proxy proxy_;
  std::string authority_, request_;
  std::function<void(Status)> done_;
  std::string buffer_ = std::string(4096, '\0');
  HttpParser parser_{true};  // its answer is a head and no body; the body of a refusal is not read
};

}  // namespace

void open_tunnel(const std::shared_ptr<Stream>& stream, const Proxy& proxy, const std::string& host, std::uint16_t port,
                 std::function<void(Status)> done) {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  std::make_shared<Asking>(stream, proxy, fmt::format("{}:{}", name, port), std::move(done))->start();
}

Error refused_by_proxy(int status, const Proxy& proxy) {
  if (status == 407)
    return Error(Code::kPermissionDenied, proxy.authorization.empty()
                                              ? "it asks for a user and a password (407): http://USER:PASSWORD@HOST:PORT"
                                              : "it does not take the user and the password (407)");
  const bool may_pass = status >= 500 || status == 408 || status == 429;
  return Error(may_pass ? Code::kUnavailable : Code::kPermissionDenied, fmt::format("it answered {}", status));
}

}  // namespace isobar::net
