// Which commands there are, and those that concern the connection.

#include "redis_commands.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "feast_api.h"

namespace isobar::features {

namespace {
constexpr std::size_t kAny = ~std::size_t{0};
constexpr std::size_t kNameMost = 16;
constexpr std::string_view kRedisVersion = "7.0.0";  // whose commands these are
}  // namespace

struct RedisCommands::Command {
  std::string_view name;
  std::size_t words_least, words_most;  ///< the command's name among them
  void (RedisCommands::*run)(RedisCall& call);
  bool open = false;  ///< also before the client has shown the token
};

/// By name.
std::span<const RedisCommands::Command> RedisCommands::commands() {
  using R = RedisCommands;
  static constexpr std::array kCommands = {
      Command{"AUTH", 2, 3, &R::auth, true},
      Command{"CLIENT", 2, kAny, &R::client},
      Command{"COMMAND", 1, kAny, &R::command},
      Command{"CONFIG", 2, kAny, &R::config},
      Command{"DBSIZE", 1, 1, &R::dbsize},
      Command{"DEL", 2, kAny, &R::del},
      Command{"ECHO", 2, 2, &R::echo},
      Command{"EXISTS", 2, kAny, &R::exists},
      Command{"EXPIRE", 3, 3, &R::expire},
      Command{"FS.EXPLAIN", 3, 4, &R::fs_explain},
      Command{"FS.FEEDBACK", 4, 4, &R::fs_feedback},
      Command{"FS.GET", 2, kAny, &R::fs_get},
      Command{"GET", 2, 2, &R::get},
      Command{"HDEL", 3, kAny, &R::hdel},
      Command{"HELLO", 1, kAny, &R::hello, true},
      Command{"HEXISTS", 3, 3, &R::hexists},
      Command{"HGET", 3, 3, &R::hget},
      Command{"HGETALL", 2, 2, &R::hgetall},
      Command{"HKEYS", 2, 2, &R::hkeys},
      Command{"HLEN", 2, 2, &R::hlen},
      Command{"HMGET", 3, kAny, &R::hmget},
      Command{"HSCAN", 3, kAny, &R::hscan},
      Command{"HSET", 4, kAny, &R::hset},
      Command{"HVALS", 2, 2, &R::hvals},
      Command{"INFO", 1, kAny, &R::info},
      Command{"MGET", 2, kAny, &R::mget},
      Command{"PERSIST", 2, 2, &R::persist},
      Command{"PEXPIRE", 3, 3, &R::expire},
      Command{"PING", 1, 2, &R::ping},
      Command{"PTTL", 2, 2, &R::ttl},
      Command{"QUIT", 1, kAny, &R::quit, true},
      Command{"SCAN", 2, kAny, &R::scan},
      Command{"SELECT", 2, 2, &R::select},
      Command{"SET", 3, kAny, &R::set},
      Command{"TTL", 2, 2, &R::ttl},
      Command{"TYPE", 2, 2, &R::type},
      Command{"UNLINK", 2, kAny, &R::del},
      Command{"XADD", 5, kAny, &R::xadd},
  };
  static_assert(std::ranges::is_sorted(kCommands, {}, &Command::name));
  return kCommands;
}

RedisCommands::RedisCommands(Engine& engine, PlainKeys& plain, const ServerOptions& options, const Clock& clock, ServingMetrics& metrics)
    : engine_(engine), plain_(plain), options_(options), clock_(clock), metrics_(metrics) {}

RedisClient RedisCommands::make_client() { return {.admitted = options_.token.empty(), .id = ++clients_}; }

void RedisCommands::execute(RedisCall& call) {
  metrics_.redis_commands.fetch_add(1, std::memory_order_relaxed);
  char name[kNameMost];
  const std::string_view said = call.word(0);
  const std::size_t size = std::min(said.size(), kNameMost);
  std::transform(said.begin(), said.begin() + static_cast<std::ptrdiff_t>(size), name,
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  const auto all = commands();
  const auto found = std::ranges::lower_bound(all, std::string_view(name, size), {}, &Command::name);
  if (said.size() > kNameMost || found == all.end() || found->name != std::string_view(name, size))
    call.out.error(fmt::format("ERR unknown command '{}'; docs/features.md lists those that there are", said.substr(0, 128)));
  else if (call.words.size() < found->words_least || call.words.size() > found->words_most)
    call.out.error(fmt::format("ERR wrong number of arguments for '{}' command", found->name));
  else if (!call.client.admitted && !found->open) call.out.error("NOAUTH Authentication required.");
  else (this->*found->run)(call);
  if (call.out.failed()) metrics_.redis_errors.fetch_add(1, std::memory_order_relaxed);
}

void tell_error(RedisCall& call, const Error& error) {
  std::string_view kind = "ERR";
  if (error.code() == Code::kExhausted) kind = "BUSY";
  if (error.code() == Code::kConflict) kind = "TRYAGAIN";
  call.out.error(fmt::format("{} {}", kind, error.message()));
}

void RedisCommands::ping(RedisCall& call) {
  if (call.words.size() == 2) call.out.bulk(call.word(1));
  else call.out.simple("PONG");
}

void RedisCommands::echo(RedisCall& call) { call.out.bulk(call.word(1)); }

bool RedisCommands::admit(std::string_view password, RedisCall& call) {
  if (options_.token.empty()) {
    call.out.error("ERR AUTH was called without any token configured for this server");
    return false;
  }
  call.client.admitted = same_secret(password, options_.token);
  if (!call.client.admitted) call.out.error("WRONGPASS invalid username-password pair or user is disabled.");
  return call.client.admitted;
}

void RedisCommands::auth(RedisCall& call) {
  if (admit(call.words.back(), call)) call.out.simple("OK");
}

/// HELLO [2|3 [AUTH name token] [SETNAME name]]: what a client of version 6 or later says first.
void RedisCommands::hello(RedisCall& call) {
  int protocol = call.client.protocol;
  if (call.words.size() > 1) {
    if (call.word(1) != "2" && call.word(1) != "3") return call.out.error("NOPROTO unsupported protocol version");
    protocol = call.word(1) == "3" ? 3 : 2;
  }
  for (std::size_t i = 2; i < call.words.size();) {
    const std::string option = to_lower(call.word(i));
    if (option == "auth" && i + 2 < call.words.size()) {
      if (!admit(call.word(i + 2), call)) return;
      i += 3;
    } else if (option == "setname" && i + 1 < call.words.size()) {
      i += 2;
    } else {
      return call.out.error(fmt::format("ERR Syntax error in HELLO option '{}'", call.word(i)));
    }
  }
  if (!call.client.admitted)
    return call.out.error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> "
        "<pass> option can be used to authenticate the client and select the RESP protocol version at the same time");
  call.client.protocol = protocol;
  RespWriter out = call.out.in(protocol);
  out.map(7);
  const auto text = [&](std::string_view name, std::string_view value) {
    out.bulk(name);
    out.bulk(value);
  };
  text("server", "redis");
  text("version", kRedisVersion);
  out.bulk("proto");
  out.integer(protocol);
  out.bulk("id");
  out.integer(static_cast<std::int64_t>(call.client.id));
  text("mode", "standalone");
  text("role", "master");
  out.bulk("modules");
  out.array(0);
}

void RedisCommands::select(RedisCall& call) {
  if (call.word(1) == "0") call.out.simple("OK");
  else call.out.error("ERR DB index is out of range; there is 0 alone");
}

/// What clients say of themselves is taken note of by nobody.
void RedisCommands::client(RedisCall& call) {
  const std::string what = to_lower(call.word(1));
  if (what == "id") call.out.integer(static_cast<std::int64_t>(call.client.id));
  else if (what == "getname") call.out.null();
  else if (what == "info" || what == "list") call.out.bulk(fmt::format("id={} db=0 resp={}\n", call.client.id, call.client.protocol));
  else call.out.simple("OK");
}

void RedisCommands::info(RedisCall& call) {
  call.out.bulk(fmt::format(
      "# Server\r\nredis_version:{}\r\nredis_mode:standalone\r\nserver_name:isobar features\r\ntcp_port:{}\r\n"
      "# Clients\r\nconnected_clients:{}\r\n# Persistence\r\nloading:0\r\n# Stats\r\ntotal_commands_processed:{}\r\n"
      "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n# Cluster\r\ncluster_enabled:0\r\n"
      "# Keyspace\r\ndb0:keys={},expires=0\r\n",
      kRedisVersion, options_.redis_port.value_or(0), metrics_.connections.load(), metrics_.redis_commands.load(), plain_.size()));
}

void RedisCommands::command(RedisCall& call) {
  const std::string what = call.words.size() > 1 ? to_lower(call.word(1)) : "";
  if (what == "count") call.out.integer(static_cast<std::int64_t>(commands().size()));
  else if (what == "docs") call.out.map(0);
  else call.out.array(0);
}

void RedisCommands::config(RedisCall& call) {
  if (to_lower(call.word(1)) == "get") call.out.map(0);
  else call.out.error("ERR there is no configuration to be changed here; see isobar features serve --help");
}

void RedisCommands::quit(RedisCall& call) {
  call.out.simple("OK");
  call.quit = true;
}

void RedisCommands::dbsize(RedisCall& call) { call.out.integer(static_cast<std::int64_t>(plain_.size())); }

}  // namespace isobar::features
