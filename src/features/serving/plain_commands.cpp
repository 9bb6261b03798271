// Keys that are no view's: strings and hashes, as Redis has them.

#include <fmt/format.h>

#include <charconv>
#include <set>

#include "base/text.h"
#include "glob.h"
#include "redis_commands.h"

namespace isobar::features {

namespace {

constexpr std::string_view kNotAnInteger = "ERR value is not an integer or out of range";
constexpr std::string_view kSyntax = "ERR syntax error";
constexpr std::size_t kScanMost = 100'000;

template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Spans that lead beyond what an instant can be are none.
std::optional<Instant> later_by(Instant now, std::int64_t amount, Duration unit) {
  if (amount > (INT64_MAX - now.unix_nanos()) / unit.count()) return std::nullopt;
  if (amount < -(now.unix_nanos() / unit.count())) return Instant();
  return now + amount * unit;
}

/// SET key value [NX|XX] [EX seconds|PX milliseconds|KEEPTTL]
struct SetOptions {
  bool if_absent = false, if_present = false, keep_expiry = false;
  std::optional<Instant> expires;
};

std::optional<SetOptions> read_set_options(RedisCall& call, Instant now) {
  SetOptions options;
  for (std::size_t i = 3; i < call.words.size(); ++i) {
    const std::string option = to_lower(call.word(i));
    if (option == "nx") {
      options.if_absent = true;
    } else if (option == "xx") {
      options.if_present = true;
    } else if (option == "keepttl") {
      options.keep_expiry = true;
    } else if ((option == "ex" || option == "px") && i + 1 < call.words.size()) {
      const auto amount = number_in<std::int64_t>(call.word(++i));
      options.expires = amount && *amount > 0 ? later_by(now, *amount, option == "ex" ? Duration(1s) : Duration(1ms)) : std::nullopt;
      if (!options.expires) {
        call.out.error(amount ? "ERR invalid expire time in 'set' command" : kNotAnInteger);
        return std::nullopt;
      }
    } else {
      call.out.error(kSyntax);
      return std::nullopt;
    }
  }
  if (!(options.if_absent && options.if_present) && !(options.keep_expiry && options.expires)) return options;
  call.out.error(kSyntax);
  return std::nullopt;
}

}  // namespace

/// False, and told so: it is a view's.
bool RedisCommands::is_plain(RedisCall& call, std::string_view key) {
  const auto views = served_.of(engine_);
  if (!views) return true;
  const auto found = views->views.find(key.substr(0, key.find(':')));
  if (found == views->views.end()) return true;
  call.out.error(fmt::format("{}; '{}' is of view '{}', whose features are read by HMGET and HGETALL, and made from its sources",
                             kWrongType, key.substr(0, 128), found->first));
  return false;
}

/// False, and told so: it could not be written.
bool RedisCommands::change(RedisCall& call, std::string_view key, const std::function<void(std::optional<PlainValue>&)>& edit) {
  const auto ticket = plain_.write(key, edit);
  if (!ticket.ok()) {
    tell_error(call, ticket.error());
    return false;
  }
  call.wait_for(*ticket);
  return true;
}

void RedisCommands::get(RedisCall& call) {
  if (!is_plain(call, call.word(1))) return;
  call.wait_for(plain_.read(call.word(1), [&](const PlainValue* value) {
    if (value == nullptr) call.out.null();
    else if (value->text() == nullptr) call.out.error(kWrongType);
    else call.out.bulk(*value->text());
  }));
}

void RedisCommands::mget(RedisCall& call) {
  const auto keys = call.words.subspan(1);
  for (const auto& key : keys)
    if (!is_plain(call, key)) return;
  call.out.array(keys.size());
  for (const auto& key : keys)
    call.wait_for(plain_.read(key, [&](const PlainValue* value) {
      if (value == nullptr || value->text() == nullptr) call.out.null();
      else call.out.bulk(*value->text());
    }));
}

void RedisCommands::set(RedisCall& call) {
  if (!is_plain(call, call.word(1))) return;
  const auto options = read_set_options(call, clock_.now());
  if (!options) return;
  bool done = false;
  const bool written = change(call, call.word(1), [&](std::optional<PlainValue>& value) {
    if ((options->if_absent && value) || (options->if_present && !value)) return;
    PlainValue made{std::string(call.word(2)), options->expires};
    if (options->keep_expiry && value) made.expires = value->expires;
    value = std::move(made);
    done = true;
  });
  if (!written) return;
  if (done) call.out.simple("OK");
  else call.out.null();
}

void RedisCommands::del(RedisCall& call) {
  const auto keys = call.words.subspan(1);
  for (const auto& key : keys)
    if (!is_plain(call, key)) return;
  std::int64_t count = 0;
  for (const auto& key : keys) {
    const bool written = change(call, key, [&](std::optional<PlainValue>& value) {
      count += value ? 1 : 0;
      value.reset();
    });
    if (!written) return;
  }
  call.out.integer(count);
}

/// EXPIRE in seconds, PEXPIRE in milliseconds.
void RedisCommands::expire(RedisCall& call) {
  if (!is_plain(call, call.word(1))) return;
  const auto amount = number_in<std::int64_t>(call.word(2));
  if (!amount) return call.out.error(kNotAnInteger);
  const auto then = later_by(clock_.now(), *amount, call.word(0).size() == 6 ? Duration(1s) : Duration(1ms));
  if (!then) return call.out.error("ERR invalid expire time in 'expire' command");
  bool found = false;
  const bool written = change(call, call.word(1), [&](std::optional<PlainValue>& value) {
    found = value.has_value();
    if (found) value->expires = *then;
  });
  if (written) call.out.integer(found ? 1 : 0);
}

void RedisCommands::persist(RedisCall& call) {
  if (!is_plain(call, call.word(1))) return;
  bool changed = false;
  const bool written = change(call, call.word(1), [&](std::optional<PlainValue>& value) {
    changed = value && value->expires;
    if (changed) value->expires.reset();
  });
  if (written) call.out.integer(changed ? 1 : 0);
}

void RedisCommands::hset(RedisCall& call) {
  if (!is_plain(call, call.word(1))) return;
  if (call.words.size() % 2 != 0) return call.out.error("ERR wrong number of arguments for 'hset' command");
  std::int64_t added = 0;
  bool wrong_type = false;
  const bool written = change(call, call.word(1), [&](std::optional<PlainValue>& value) {
    if (!value) value = PlainValue{PlainValue::Hash(), {}};
    wrong_type = value->hash() == nullptr;
    if (wrong_type) return;
    for (std::size_t i = 2; i + 1 < call.words.size(); i += 2)
      added += value->hash()->insert_or_assign(std::string(call.word(i)), std::string(call.word(i + 1))).second ? 1 : 0;
  });
  if (wrong_type) return call.out.error(kWrongType);
  if (written) call.out.integer(added);
}

void RedisCommands::hdel(RedisCall& call) {
  if (!is_plain(call, call.word(1))) return;
  std::int64_t removed = 0;
  bool wrong_type = false;
  const bool written = change(call, call.word(1), [&](std::optional<PlainValue>& value) {
    if (!value) return;
    wrong_type = value->hash() == nullptr;
    if (wrong_type) return;
    for (const auto& field : call.words.subspan(2)) {
      const auto found = value->hash()->find(field);
      if (found == value->hash()->end()) continue;
      value->hash()->erase(found);
      ++removed;
    }
    if (value->hash()->empty()) value.reset();
  });
  if (wrong_type) return call.out.error(kWrongType);
  if (written) call.out.integer(removed);
}

/// SCAN cursor [MATCH pattern] [COUNT n] [TYPE type]
void RedisCommands::scan(RedisCall& call) {
  const auto cursor = number_in<std::uint64_t>(call.word(1));
  if (!cursor) return call.out.error("ERR invalid cursor");
  std::string_view pattern = "*";
  std::string type;
  std::size_t count = 10;
  for (std::size_t i = 2; i < call.words.size(); i += 2) {
    const std::string option = to_lower(call.word(i));
    if (i + 1 == call.words.size()) return call.out.error(kSyntax);
    const auto number = number_in<std::size_t>(call.word(i + 1));
    if (option == "match") pattern = call.word(i + 1);
    else if (option == "type") type = to_lower(call.word(i + 1));
    else if (option == "count" && number && *number > 0) count = std::min(*number, kScanMost);
    else return call.out.error(kSyntax);
  }
  PlainKeys::Page page = plain_.scan(*cursor, count);
  call.wait_for(page.ticket);
  std::erase_if(page.keys, [&](const std::string& key) {
    if (!glob_matches(pattern, key)) return true;
    bool other = false;
    if (!type.empty())
      plain_.read(key,
                  [&](const PlainValue* value) { other = value == nullptr || type != (value->hash() != nullptr ? "hash" : "string"); });
    return other;
  });
  call.out.array(2);
  call.out.bulk(fmt::to_string(page.cursor));
  call.out.array(page.keys.size());
  for (const auto& key : page.keys) call.out.bulk(key);
}

}  // namespace isobar::features
