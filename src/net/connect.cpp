// From a name to a connection: the name is looked up on a thread of its own, since the system's resolver blocks; the
// addresses are tried in the order it gives them. Through a proxy the connection is to the proxy, which looks names up itself: what is
// under TLS goes through a tunnel that it is asked for, everything else is said to the proxy itself.

#include <netdb.h>

#include <thread>

#include "proxy_tunnel.h"
#include "tcp_stream.h"
#include "tls_stream.h"

namespace isobar::net {

namespace {

Result<std::vector<Address>> look_up(const std::string& host, std::uint16_t port, bool numeric_only) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICSERV | (numeric_only ? AI_NUMERICHOST : AI_ADDRCONFIG);
  addrinfo* found = nullptr;
  if (const int failure = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found); failure != 0)
    return unavailable(fmt::format("look up {}: {}", host, ::gai_strerror(failure)));
  std::vector<Address> addresses;
  for (const addrinfo* one = found; one; one = one->ai_next) {
    Address& address = addresses.emplace_back();
    std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
    address.bytes = one->ai_addrlen;
  }
  ::freeaddrinfo(found);
  return addresses;
}

class Connecting : public std::enable_shared_from_this<Connecting> {
 public:
  Connecting(Loop& loop, ConnectTo to, ConnectDone done) : loop_(loop), to_(std::move(to)), done_(std::move(done)) {}

  void start(Duration patience) {
    timer_ = loop_.after(patience, [self = shared_from_this()] {
      self->overdue_ = true;
      if (self->stream_) self->stream_->shut_down();
      else self->finish(self->overdue());
    });
    if (auto known = look_up(host(), port(), true); known.ok()) return begin(std::move(known));
    std::thread([self = shared_from_this()] {
      auto found = look_up(self->host(), self->port(), false);
      // The loop may be gone by the time the resolver answers only if whoever owns both has waited for neither: clients
      // stop their loops after the last request is done.
      self->loop_.post([self, found = std::move(found)]() mutable { self->begin(std::move(found)); });
    }).detach();
  }

 private:
  // Whom the socket is connected to.
  const std::string& host() const { return to_.proxy ? to_.proxy->host : to_.host; }
  std::uint16_t port() const { return to_.proxy ? to_.proxy->port : to_.port; }
  // What fails before the proxy has let us through is the proxy's.
  Error whose(const Error& error) const { return to_.proxy ? error.context(to_.proxy->name()) : error; }
  Error overdue() const {
    return whose(Error(Code::kDeadlineExceeded, fmt::format("connect to {}:{}: no answer in time", host(), port())));
  }

  void begin(Result<std::vector<Address>> found) {
    if (!found.ok()) return finish(whose(found.error()));
    addresses_ = std::move(found).value();
    next(unavailable(fmt::format("look up {}: it has no address", host())));
  }

  void next(const Error& last) {
    if (overdue_) return finish(overdue());
    if (tried_ == addresses_.size()) return finish(whose(last));
    const Address& address = addresses_[tried_++];
    auto socket = loop_.make_socket(address.storage.ss_family);
    if (!socket.ok()) return next(socket.error());
    const int fd = socket->get();
    auto stream = std::make_shared<TcpStream>(loop_, std::move(socket).value());
    stream_ = stream;
    loop_.connect(fd, address, [self = shared_from_this(), stream](const Result<std::size_t>& connected) {
      if (!connected.ok()) return self->next(connected.error().context(fmt::format("{}:{}", self->host(), self->port())));
      if (self->to_.proxy) self->greet_proxy(stream);
      else self->secure(stream);
    });
  }

  void greet_proxy(const std::shared_ptr<Stream>& stream) {
    if (!to_.proxy_tls) return tunnel(stream);
    auto secured = std::make_shared<TlsStream>(loop_, stream, to_.proxy_tls);
    secured->handshake(host(), [self = shared_from_this(), secured](const Status& shaken) {
      if (!shaken.ok()) return self->finish(self->overdue_ ? self->overdue() : self->whose(shaken.error()));
      self->tunnel(secured);
    });
  }

  void tunnel(const std::shared_ptr<Stream>& stream) {
    if (!to_.tls) return finish(stream);
    open_tunnel(stream, *to_.proxy, to_.host, to_.port, [self = shared_from_this(), stream](const Status& opened) {
      if (!opened.ok()) return self->finish(self->overdue_ ? self->overdue() : self->whose(opened.error()));
      self->secure(stream);
    });
  }

  void secure(const std::shared_ptr<Stream>& stream) {
    if (!to_.tls) return finish(stream);
    auto secured = std::make_shared<TlsStream>(loop_, stream, to_.tls);
    secured->handshake(to_.tls_name.empty() ? to_.host : to_.tls_name, [self = shared_from_this(), secured](const Status& shaken) {
      // Some proxies look into TLS, and show a certificate of their own.
      const std::string whom = self->to_.proxy ? fmt::format("{} behind {}", self->to_.host, self->to_.proxy->name()) : self->to_.host;
      if (!shaken.ok()) return self->finish(self->overdue_ ? self->overdue() : shaken.error().context(whom));
      self->finish(std::shared_ptr<Stream>(secured));
    });
  }

  void finish(Result<std::shared_ptr<Stream>> outcome) {
    loop_.cancel(timer_);
    stream_.reset();
    if (auto done = std::exchange(done_, nullptr)) done(std::move(outcome));
  }

  Loop& loop_;
  const ConnectTo to_;
  ConnectDone done_;
  std::vector<Address> addresses_;
  std::size_t tried_ = 0;
  std::shared_ptr<TcpStream> stream_;
  Loop::TimerId timer_ = 0;
  bool overdue_ = false;
};

}  // namespace

void connect_stream(Loop& loop, ConnectTo to, Duration patience, ConnectDone done) {
  std::make_shared<Connecting>(loop, std::move(to), std::move(done))->start(patience);
}

}  // namespace isobar::net
