// The handshake is an HTTP request that the connection does not outlive as such; what the server says instead of yes is read as any
// response, for it says why.

#include "net/websocket.h"

#include <fmt/format.h>

#include <array>
#include <deque>

#include "base/text.h"
#include "crypto/aead.h"
#include "crypto/encoding.h"
#include "http_parser.h"
#include "websocket_frames.h"

namespace isobar::net {

namespace {

constexpr std::size_t kBuffer = 64 << 10;
constexpr std::size_t kRefusalBytesMax = 1 << 20;
constexpr int kSwitching = 101;

std::array<unsigned char, 4> fresh_mask() {
  const auto bytes = crypto::secure_random_bytes(4);
  return {static_cast<unsigned char>(bytes[0]), static_cast<unsigned char>(bytes[1]), static_cast<unsigned char>(bytes[2]),
          static_cast<unsigned char>(bytes[3])};
}

class StreamedWebSocket final : public WebSocket, public std::enable_shared_from_this<StreamedWebSocket> {
 public:
  StreamedWebSocket(Loop& loop, std::shared_ptr<Stream> stream, std::string protocol, std::string_view heard)
      : loop_(loop), stream_(std::move(stream)), protocol_(std::move(protocol)), parser_(kMessageBytesMax), buffer_(kBuffer, '\0') {
    parser_.feed(heard);
  }

  const std::string& protocol() const override { return protocol_; }

  void watch(Duration silence_max) {
    heard_ = loop_.now();
    look_after(silence_max, silence_max / 4);
  }

  void read(std::function<void(Result<std::optional<std::string>>)> done) override {
    for (;;) {
      auto next = parser_.next();
      if (!next.ok()) return answer(std::move(done), next.error());
      if (!*next) return read_more(std::move(done));
      auto& frame = **next;
      if (frame.opcode == WebSocketOpcode::kPong) continue;
      if (frame.opcode == WebSocketOpcode::kPing) {
        send_frame(WebSocketOpcode::kPong, frame.payload, {});
        continue;
      }
      if (frame.opcode != WebSocketOpcode::kClose) return answer(std::move(done), std::optional(std::move(frame.payload)));
      // The server waits for the same, and then closes.
      send_frame(WebSocketOpcode::kClose, frame.payload.substr(0, 2), {});
      return answer(std::move(done), std::optional<std::string>());
    }
  }

  void write(std::string_view message, std::function<void(Status)> done) override {
    send_frame(WebSocketOpcode::kBinary, message, std::move(done));
  }

  void shut_down() override {
    over_ = true;
    if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
    stream_->shut_down();
  }

 private:
  struct Outgoing {
    std::string bytes;
    std::function<void(Status)> done;
  };

  using ReadDone = std::function<void(Result<std::optional<std::string>>)>;

  // By way of the loop: whoever reads on from within `done` would otherwise go deeper with every message that is there already.
  void answer(ReadDone done, Result<std::optional<std::string>> message) {
    loop_.post([done = std::move(done), message = std::move(message)]() mutable { done(std::move(message)); });
  }

  void read_more(std::function<void(Result<std::optional<std::string>>)> done) {
    stream_->read(buffer_, [self = shared_from_this(), done = std::move(done)](const Result<std::size_t>& got) mutable {
      if (self->deaf_) return done(unavailable("nothing was heard of the server any more"));
      if (!got.ok()) return done(got.error());
      if (*got == 0) return done(std::optional<std::string>());
      self->heard_ = self->loop_.now();
      self->parser_.feed(std::string_view(self->buffer_).substr(0, *got));
      self->read(std::move(done));
    });
  }

  // Answers to pings and messages of the user share the stream, which takes one at a time.
  void send_frame(WebSocketOpcode opcode, std::string_view payload, std::function<void(Status)> done) {
    outgoing_.push_back({encode_websocket_frame(opcode, payload, fresh_mask()), std::move(done)});
    if (outgoing_.size() == 1) send_next();
  }

  void send_next() {
    stream_->write({outgoing_.front().bytes}, [self = shared_from_this()](Status sent) {
      auto done = std::move(self->outgoing_.front().done);
      self->outgoing_.pop_front();
      if (!self->outgoing_.empty()) self->send_next();
      if (done) done(std::move(sent));
    });
  }

  // Holds only a weak hand on itself: it must not live for its own clock.
  void look_after(Duration silence_max, Duration pause) {
    timer_ = loop_.after(pause, [weak = weak_from_this(), silence_max, pause] {
      const auto self = weak.lock();
      if (!self || self->over_) return;
      if (self->loop_.now() - self->heard_ > silence_max) {
        self->deaf_ = true;
        return self->shut_down();
      }
      if (self->outgoing_.empty()) self->send_frame(WebSocketOpcode::kPing, {}, {});
      self->look_after(silence_max, pause);
    });
  }

  Loop& loop_;
  std::shared_ptr<Stream> stream_;
  std::string protocol_;
  WebSocketParser parser_;
  std::string buffer_;
  std::deque<Outgoing> outgoing_;
  Duration heard_{};
  Loop::TimerId timer_ = 0;
  bool over_ = false, deaf_ = false;
};

class Opening : public std::enable_shared_from_this<Opening> {
 public:
  Opening(Loop& loop, WebSocketRequest request, Duration silence_max, std::function<void(Result<WebSocketOpening>)> done)
      : loop_(loop),
        request_(std::move(request)),
        silence_max_(silence_max),
        done_(std::move(done)),
        key_(crypto::to_base64(crypto::secure_random_bytes(16))),
        buffer_(kBuffer, '\0') {}

  void start(Duration patience) {
    const auto& url = request_.url;
    ConnectTo to{url.host, url.port, request_.tls, request_.proxy, request_.proxy_tls, request_.tls_name};
    timer_ = loop_.after(patience, [self = shared_from_this()] {
      self->overdue_ = true;
      if (self->stream_) self->stream_->shut_down();
    });
    connect_stream(loop_, std::move(to), patience, [self = shared_from_this()](Result<std::shared_ptr<Stream>> connected) {
      if (!connected.ok()) return self->finish(connected.error());
      self->stream_ = *connected;
      self->ask();
    });
  }

 private:
  void ask() {
    const auto& url = request_.url;
    // To a proxy that passes plain HTTP on, the whole URL.
    const bool to_proxy = request_.proxy && !request_.tls;
    head_ = fmt::format(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: {}\r\n",
        to_proxy ? url.text() : url.target, url.authority(), key_);
    if (to_proxy && !request_.proxy->authorization.empty()) head_ += "Proxy-Authorization: " + request_.proxy->authorization + "\r\n";
    if (!request_.protocols.empty()) head_ += fmt::format("Sec-WebSocket-Protocol: {}\r\n", join(request_.protocols, ", "));
    for (const auto& [name, value] : request_.headers) {
      if (name.find_first_of("\r\n: ") != std::string::npos || value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
        return finish(invalid(fmt::format("the header '{}' cannot be sent: it holds a line's end", name)));
      head_ += fmt::format("{}: {}\r\n", name, value);
    }
    head_ += "\r\n";
    stream_->write({head_}, [self = shared_from_this()](const Status& sent) {
      if (!sent.ok()) return self->finish(sent.error());
      self->listen();
    });
  }

  void listen() {
    stream_->read(buffer_, [self = shared_from_this()](const Result<std::size_t>& got) {
      if (!got.ok()) return self->finish(got.error());
      if (*got == 0) {
        const auto ended = self->parser_.end();
        return ended.ok() ? self->refused() : self->finish(ended.error());
      }
      self->heard(std::string_view(self->buffer_).substr(0, *got));
    });
  }

  void heard(std::string_view bytes) {
    while (!bytes.empty() && !parser_.done()) {
      auto step = parser_.feed(bytes);
      if (!step.ok()) return finish(step.error());
      bytes.remove_prefix(step->consumed);
      if (parser_.head_done() && parser_.status() == kSwitching) return switched(bytes);
      refusal_ += step->body;
      if (refusal_.size() > kRefusalBytesMax) return refused();
    }
    if (parser_.done()) return refused();
    listen();
  }

  void switched(std::string_view rest) {
    if (parser_.headers().get("Sec-WebSocket-Accept") != websocket_accept_of(key_))
      return finish(Error(Code::kDataLoss, "the server agreed to another WebSocket than was asked for"));
    std::string protocol(parser_.headers().get("Sec-WebSocket-Protocol"));
    auto socket = std::make_shared<StreamedWebSocket>(loop_, stream_, std::move(protocol), rest);
    socket->watch(silence_max_);
    finish(WebSocketOpening{std::move(socket), {}});
  }

  void refused() {
    HttpResponse response;
    response.status = parser_.status();
    response.headers = parser_.take_headers();
    response.body = std::move(refusal_);
    stream_->shut_down();
    finish(WebSocketOpening{nullptr, std::move(response)});
  }

  void finish(Result<WebSocketOpening> outcome) {
    loop_.cancel(timer_);
    if (!outcome.ok()) {
      if (stream_) stream_->shut_down();
      outcome = overdue_ ? Error(Code::kDeadlineExceeded, request_.url.authority() + ": no answer in time")
                         : outcome.error().context(request_.url.authority());
    }
    stream_.reset();
    if (auto done = std::exchange(done_, nullptr)) done(std::move(outcome));
  }

  Loop& loop_;
  const WebSocketRequest request_;
  const Duration silence_max_;
  std::function<void(Result<WebSocketOpening>)> done_;
  const std::string key_;
  std::string head_, buffer_, refusal_;
  HttpParser parser_{false};
  std::shared_ptr<Stream> stream_;
  Loop::TimerId timer_ = 0;
  bool overdue_ = false;
};

}  // namespace

void open_websocket(Loop& loop, WebSocketRequest request, Duration patience, Duration silence_max,
                    std::function<void(Result<WebSocketOpening>)> done) {
  std::make_shared<Opening>(loop, std::move(request), silence_max, std::move(done))->start(patience);
}

}  // namespace isobar::net
