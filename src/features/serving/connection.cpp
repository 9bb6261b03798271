// Reading and writing go on side by side. Answers that become ready in one go leave with one write; while a client does not read them,
// nothing more is read of what it asks.

#include "connection.h"

#include <cstring>

namespace isobar::features {

namespace {
constexpr std::size_t kReadBytes = 16 << 10;    // at least; as much again as there is already of a long request
constexpr std::size_t kUnsentMost = 4 << 20;    // from then on no further request is taken
constexpr std::size_t kKeptCapacity = 1 << 20;  // of buffers; what is longer is given back
}  // namespace

Connection::Connection(net::Loop& loop, ConnectionLimits limits, std::function<void(Connection&)> ended)
    : loop_(loop), limits_(limits), ended_(std::move(ended)), moved_(loop.now()) {}

void Connection::start(std::shared_ptr<net::Stream> stream, std::unique_ptr<Session> session) {
  stream_ = std::move(stream);
  session_ = std::move(session);
  moved_ = loop_.now();
  if (over_) return stream_->shut_down();
  go_on();
}

void Connection::go_on() {
  if (over_ || !session_ || going_on_) return;
  going_on_ = true;  // a session that answers at once may ask for it from within
  take_requests();
  send();
  going_on_ = false;
  const bool quiet = !is_sending_ && !session_->awaits();
  if (quiet && (session_->ended() || peer_ended_ || (draining_ && !incomplete()))) return shut_down();
  receive();
}

void Connection::take_requests() {
  session_->collect(out_);
  while (taken_ < came_ && out_.size() < kUnsentMost && !session_->ended()) {
    const std::size_t taken = session_->take(std::string_view(in_).substr(taken_, came_ - taken_), out_);
    if (taken == 0) break;
    taken_ += taken;
  }
  if (std::exchange(requests_, session_->requests()) != session_->requests() || !incomplete()) began_ = loop_.now();
  if (taken_ < came_ || receiving_) return;  // while bytes come in, they have their place
  taken_ = came_ = 0;
  if (in_.size() > kKeptCapacity) in_ = {};
}

void Connection::receive() {
  const std::size_t left = came_ - taken_;
  if (receiving_ || peer_ended_ || session_->ended() || out_.size() >= kUnsentMost) return;
  if (left >= limits_.untaken_most) {
    // A request that neither ends nor may grow will never be one.
    if (!session_->awaits() && !is_sending_) shut_down();
    return;
  }
  if (taken_ > 0) {
    std::memmove(in_.data(), in_.data() + taken_, left);
    taken_ = 0;
    came_ = left;
  }
  const std::size_t wanted = came_ + std::max(kReadBytes, came_);
  if (in_.size() < wanted) in_.resize(wanted);
  receiving_ = true;
  stream_->read({in_.data() + came_, in_.size() - came_}, [self = shared_from_this()](const Result<std::size_t>& got) {
    self->receiving_ = false;
    if (self->over_) return self->end();
    if (!got.ok()) return self->shut_down();
    self->moved_ = self->loop_.now();
    self->came_ += *got;
    self->peer_ended_ = *got == 0;
    self->go_on();
  });
}

void Connection::send() {
  if (is_sending_ || out_.empty()) return;
  is_sending_ = true;
  sending_.swap(out_);
  out_.clear();
  stream_->write({sending_}, [self = shared_from_this()](const Status& sent) {
    self->is_sending_ = false;
    if (self->sending_.size() > kKeptCapacity) self->sending_ = {};
    if (self->over_) return self->end();
    if (!sent.ok()) return self->shut_down();
    self->moved_ = self->loop_.now();
    self->go_on();
  });
}

void Connection::drain() {
  draining_ = true;
  if (!session_) return shut_down();
  go_on();
}

void Connection::shut_down() {
  if (over_) return;
  over_ = true;
  if (stream_) stream_->shut_down();
  end();
}

/// Told once, when no operation holds its buffers any more.
void Connection::end() {
  if (receiving_ || is_sending_ || !ended_) return;
  const auto self = shared_from_this();  // whoever is told lets go of it
  std::exchange(ended_, nullptr)(*this);
}

void Connection::check_idle() {
  if (!session_) return;  // a handshake has a patience of its own
  const Duration silent = loop_.now() - moved_;
  if (is_sending_) {
    if (silent > limits_.request_most) shut_down();
  } else if (session_->awaits()) {
    return;
  } else if (incomplete()) {
    if (loop_.now() - began_ > limits_.request_most) shut_down();
  } else if (silent > limits_.idle_most && !session_->may_idle()) {
    shut_down();
  }
}

}  // namespace isobar::features
