#include "tcp_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

namespace isobar::net {

TcpStream::TcpStream(Loop& loop, Fd socket) : loop_(loop), socket_(std::move(socket)) {
  const int one = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

TcpStream::~TcpStream() { loop_.forget(socket_.get()); }

// Operations keep the stream alive: its descriptor must not be closed, and so given to somebody else, under one of them.
void TcpStream::read(std::span<char> into, IoDone done) {
  loop_.receive(socket_.get(), into,
                [self = shared_from_this(), done = std::move(done)](Result<std::size_t> got) { done(std::move(got)); });
}

void TcpStream::write(std::vector<std::string_view> pieces, std::function<void(Status)> done) {
  std::erase_if(pieces, [](std::string_view piece) { return piece.empty(); });
  if (pieces.empty()) return loop_.post([done = std::move(done)] { done({}); });
  loop_.send(socket_.get(), pieces, [self = shared_from_this(), pieces, done = std::move(done)](Result<std::size_t> sent) mutable {
    if (!sent.ok()) return done(sent.error());
    std::size_t left = *sent;
    for (auto& piece : pieces) {
      const std::size_t gone = std::min(left, piece.size());
      piece.remove_prefix(gone);
      left -= gone;
    }
    std::erase_if(pieces, [](std::string_view piece) { return piece.empty(); });
    if (pieces.empty()) return done({});
    self->write(std::move(pieces), std::move(done));
  });
}

void TcpStream::shut_down() { ::shutdown(socket_.get(), SHUT_RDWR); }

std::shared_ptr<Stream> make_tcp_stream(Loop& loop, Fd socket) { return std::make_shared<TcpStream>(loop, std::move(socket)); }

}  // namespace isobar::net
