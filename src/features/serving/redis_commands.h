#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "features/server.h"
#include "outstanding.h"
#include "plain_keys.h"
#include "resp_writer.h"
#include "served_views.h"
#include "serving_metrics.h"

namespace isobar::features {

/// What is known of a Redis client's connection.
struct RedisClient {
  int protocol = 2;
  bool admitted = false;
  std::uint64_t id = 0;
};

/// A command and what becomes of it.
struct RedisCall {
  std::span<const std::string_view> words;
  RedisClient& client;
  RespWriter& out;    ///< where the reply goes
  Ticket ticket = 0;  ///< the reply holds once this is durable
  /// In place of a reply: starts what will tell it, once, from any thread.
  std::function<void(std::function<void(std::string reply)>)> later;
  bool quit = false;

  std::string_view word(std::size_t i) const { return words[i]; }
  void wait_for(Ticket other) { ticket = std::max(ticket, other); }
};

/// The Redis protocol's commands: features of views as hashes, streams in, and plain keys. Safe from any thread; each call has a client of
/// its own.
class RedisCommands {
 public:
  /// All of them outlive it.
  RedisCommands(Engine& engine, PlainKeys& plain, const ServerOptions& options, const Clock& clock, ServingMetrics& metrics);
  ~RedisCommands() { outstanding_.wait(); }
  /// words   at least one
  void execute(RedisCall& call);
  RedisClient make_client();
  PlainKeys& plain() { return plain_; }

 private:
  struct Command;
  static std::span<const Command> commands();

  // Of the connection.
  void ping(RedisCall& call);
  void echo(RedisCall& call);
  void hello(RedisCall& call);
  void auth(RedisCall& call);
  void select(RedisCall& call);
  void client(RedisCall& call);
  void info(RedisCall& call);
  void command(RedisCall& call);
  void config(RedisCall& call);
  void quit(RedisCall& call);
  void dbsize(RedisCall& call);
  bool admit(std::string_view password, RedisCall& call);

  // Of keys of either kind.
  void hget(RedisCall& call);
  void hmget(RedisCall& call);
  void hgetall(RedisCall& call);
  void hkeys(RedisCall& call);
  void hvals(RedisCall& call);
  void hlen(RedisCall& call);
  void hexists(RedisCall& call);
  void hscan(RedisCall& call);
  void exists(RedisCall& call);
  void type(RedisCall& call);
  void ttl(RedisCall& call);
  void tell_hash(RedisCall& call, bool fields, bool values);
  void tell_fields(RedisCall& call, bool list);

  // Of plain keys alone.
  void get(RedisCall& call);
  void mget(RedisCall& call);
  void set(RedisCall& call);
  void del(RedisCall& call);
  void expire(RedisCall& call);
  void persist(RedisCall& call);
  void hset(RedisCall& call);
  void hdel(RedisCall& call);
  void scan(RedisCall& call);
  bool is_plain(RedisCall& call, std::string_view key);
  bool change(RedisCall& call, std::string_view key, const std::function<void(std::optional<PlainValue>&)>& edit);

  // Of the feature store.
  void fs_get(RedisCall& call);
  void fs_feedback(RedisCall& call);
  void fs_explain(RedisCall& call);
  void xadd(RedisCall& call);

  /// A key that begins with a view's name; none: a plain one.
  struct ViewKey {
    const ServedView* view;
    std::vector<Value> values;
  };
  void tell_features(RedisCall& call, const ViewKey& key, std::span<const std::string_view> names, bool list);
  Result<std::optional<ViewKey>> view_key(const ServedViews* views, std::string_view key) const;
  Result<std::optional<std::string>> on_demand_text(const ViewKey& key, std::string_view feature);

  Engine& engine_;
  PlainKeys& plain_;
  const ServerOptions& options_;
  const Clock& clock_;
  ServingMetrics& metrics_;
  ServedViewsCache served_;
  std::atomic<std::uint64_t> clients_ = 0;
  Mutex mutex_;
  Position last_entry_ GUARDED_BY(mutex_);  // of those that were given an id here
  Outstanding outstanding_;
};

/// An error as clients expect it, its kind first.
void tell_error(RedisCall& call, const Error& error);
inline constexpr std::string_view kWrongType = "WRONGTYPE Operation against a key holding the wrong kind of value";

}  // namespace isobar::features
