#pragma once

// A client's connection: bytes in, answers out, whatever is spoken. Belongs to its loop's thread.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/time.h"
#include "net/stream.h"

namespace isobar::features {

/// What is spoken on a connection. Its calls are made on the loop's thread.
class Session {
 public:
  virtual ~Session() = default;
  /// Says what was awaited and is there now.
  virtual void collect(std::string& out) = 0;
  /// bytes    all that came and was not taken yet
  /// out      where answers go
  /// Returns how many bytes were taken. 0: more must come, or an answer is awaited; what is left is given again then.
  virtual std::size_t take(std::string_view bytes, std::string& out) = 0;
  /// Whether a request was taken whose answer is awaited.
  virtual bool awaits() const = 0;
  /// Whether a request has come in part.
  virtual bool partial() const = 0;
  /// How many requests were taken.
  virtual std::uint64_t requests() const = 0;
  /// Nothing more is taken; the connection ends when all that was said is sent.
  virtual bool ended() const = 0;
  /// Whether the peer may be silent for ever between requests.
  virtual bool may_idle() const = 0;
};

struct ConnectionLimits {
  std::size_t untaken_most = 0;  ///< bytes that the session does not take; the peer's next ones wait
  Duration request_most{0}, idle_most{0};
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// ended   called once, when the connection is no more
  Connection(net::Loop& loop, ConnectionLimits limits, std::function<void(Connection&)> ended);
  /// The stream, once it is there (after the handshake of TLS). session   holds no owner of this connection
  void start(std::shared_ptr<net::Stream> stream, std::unique_ptr<Session> session);
  /// What the session awaited is there.
  void go_on();
  /// Ends when nothing is under way.
  void drain();
  /// Ends now.
  void shut_down();
  /// Ends if the peer was silent for too long.
  void check_idle();

  net::Loop& loop() { return loop_; }

 private:
  void take_requests();
  void receive();
  void send();
  void end();

  net::Loop& loop_;
  ConnectionLimits limits_;
  std::function<void(Connection&)> ended_;
  std::shared_ptr<net::Stream> stream_;
  std::unique_ptr<Session> session_;
  std::string in_;  // its first `came_` bytes came, those before `taken_` were taken
  std::size_t came_ = 0, taken_ = 0;
  std::string out_, sending_;
  bool receiving_ = false, is_sending_ = false, draining_ = false, peer_ended_ = false, over_ = false, going_on_ = false;
  bool incomplete() const { return session_->partial() || came_ > taken_; }
  Duration moved_{};  // when bytes last came or went
  Duration began_{};  // when the request that is coming in began, at the latest
  std::uint64_t requests_ = 0;
};

}  // namespace isobar::features
