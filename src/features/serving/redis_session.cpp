#include "redis_session.h"

#include <fmt/format.h>

namespace isobar::features {

namespace {
constexpr std::size_t kRepliesMost = 100'000;  // that wait to be durable; then no further command is taken
constexpr std::size_t kUntoldMost = 4U << 20;  // bytes of replies
}  // namespace

RedisSession::RedisSession(std::weak_ptr<Connection> connection, net::Loop& loop, RedisCommands& commands, std::size_t command_most)
    : connection_(std::move(connection)), loop_(loop), commands_(commands), client_(commands.make_client()), reader_(command_most) {}

std::size_t RedisSession::take(std::string_view bytes, std::string& out) {
  std::size_t taken = 0;
  while (!ended_ && replies_.size() < kRepliesMost && out.size() < kUntoldMost) {
    const auto length = reader_.next(bytes.substr(taken));
    if (!length.ok()) {
      RespWriter(out, client_.protocol).error("ERR " + length.error().message());
      ended_ = true;
    }
    if (!length.ok() || !*length) break;
    taken += **length;
    ++requests_;
    if (!reader_.words().empty()) execute(out);
  }
  await_durability();
  return ended_ ? bytes.size() : taken;
}

void RedisSession::execute(std::string& out) {
  // A reply that is known goes out with the others, unless one before it is not told yet.
  std::string behind;
  std::string& target = replies_.empty() ? out : behind;
  const std::size_t before = target.size();
  RespWriter writer(target, client_.protocol);
  RedisCall call{.words = reader_.words(), .client = client_, .out = writer};
  commands_.execute(call);
  ended_ = call.quit;
  if (call.later) return tell_later(call);
  const bool durable = commands_.plain().durable(call.ticket);
  if (replies_.empty() && durable) return;
  newest_ = std::max(newest_, call.ticket);
  replies_.push_back(std::make_shared<Reply>(Reply{target.substr(before), call.ticket}));
  target.resize(before);
}

void RedisSession::tell_later(RedisCall& call) {
  auto reply = std::make_shared<Reply>(Reply{.awaited = true});
  replies_.push_back(reply);
  call.later([reply, connection = connection_, &loop = loop_](std::string text) {
    loop.post([reply, connection, text = std::move(text)]() mutable {
      reply->text = std::move(text);
      reply->awaited = false;
      if (const auto alive = connection.lock()) alive->go_on();
    });
  });
}

void RedisSession::collect(std::string& out) {
  while (!replies_.empty() && out.size() < kUntoldMost) {
    const Reply& reply = *replies_.front();
    const bool durable = commands_.plain().durable(reply.ticket);
    if (reply.awaited || (!durable && !failure_)) break;
    if (durable) out += reply.text;
    else RespWriter(out, client_.protocol).error("ERR it could not be made durable: " + failure_->message());
    replies_.pop_front();
  }
  await_durability();
}

/// Asks to be told when all is durable that was written up to now; what is written meanwhile is asked for then.
void RedisSession::await_durability() {
  if (awaiting_durability_ || failure_ || replies_.empty() || commands_.plain().durable(newest_)) return;
  awaiting_durability_ = true;
  commands_.plain().when_durable(newest_, [this, connection = connection_, &loop = loop_](Status status) {
    loop.post([this, connection, status = std::move(status)] {
      const auto alive = connection.lock();
      if (!alive) return;  // and with it this
      awaiting_durability_ = false;
      if (!status.ok()) failure_ = status.error();
      alive->go_on();
    });
  });
}

}  // namespace isobar::features
