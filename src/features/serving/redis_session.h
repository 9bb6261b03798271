#pragma once

#include <deque>
#include <optional>

#include "connection.h"
#include "redis_commands.h"
#include "resp_reader.h"

namespace isobar::features {

/// The Redis protocol on a connection. Commands that were sent ahead are carried out as they come; replies leave in their order, each when
/// what it says is durable, so that many writes share one flush of the disk.
class RedisSession final : public Session {
 public:
  RedisSession(std::weak_ptr<Connection> connection, net::Loop& loop, RedisCommands& commands, std::size_t command_most);
  void collect(std::string& out) override;
  std::size_t take(std::string_view bytes, std::string& out) override;
  bool awaits() const override { return !replies_.empty(); }
  bool partial() const override { return reader_.partial(); }
  std::uint64_t requests() const override { return requests_; }
  bool ended() const override { return ended_ && replies_.empty(); }
  bool may_idle() const override { return true; }

 private:
  /// One that is not told yet.
  struct Reply {
    std::string text;
    Ticket ticket = 0;
    bool awaited = false;  ///< the text is not there yet
  };
  void execute(std::string& out);
  void tell_later(RedisCall& call);
  void await_durability();

  std::weak_ptr<Connection> connection_;
  net::Loop& loop_;
  RedisCommands& commands_;
  RedisClient client_;
  RespReader reader_;
  std::deque<std::shared_ptr<Reply>> replies_;
  Ticket newest_ = 0;
  bool awaiting_durability_ = false;
  std::optional<Error> failure_;  // of what can never be durable
  std::uint64_t requests_ = 0;
  bool ended_ = false;
};

}  // namespace isobar::features
