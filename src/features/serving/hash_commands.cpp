// Keys of either kind. VIEW:KEY is a hash whose fields are the view's features, as text; all other keys are what clients made of them.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "glob.h"
#include "key_text.h"
#include "redis_commands.h"

namespace isobar::features {

namespace {

/// A key's fields, as they were when it was read.
struct Fields {
  bool there = false, wrong_type = false;
  std::vector<std::pair<std::string_view, std::string>> all;
};

Fields fields_of(const ServedView& view, const ViewReading& reading) {
  Fields fields;
  fields.there = reading.status == ViewReading::Status::kFound;
  if (!fields.there) return fields;
  // Redis has no nulls: a field that is null is not there.
  const auto& stored = view.view->stored();
  for (std::size_t i = 0; i < stored.size(); ++i)
    if (auto text = text_of(reading.values[i])) fields.all.emplace_back(stored[i].name, std::move(*text));
  return fields;
}

void tell(RespWriter& out, const std::optional<std::string>& text) {
  if (text) out.bulk(*text);
  else out.null();
}

/// Milliseconds or seconds until then, as TTL and PTTL tell it: rounded to the nearest second.
std::int64_t left_until(Instant then, Instant now, bool millis) {
  const std::int64_t left = std::max<std::int64_t>((then - now).count(), 0) / 1'000'000;
  return millis ? left : (left + 500) / 1000;
}

}  // namespace

Result<std::optional<RedisCommands::ViewKey>> RedisCommands::view_key(const ServedViews* views, std::string_view key) const {
  if (views == nullptr) return std::optional<ViewKey>();
  const std::size_t colon = key.find(':');
  const auto found = views->views.find(key.substr(0, colon));
  if (found == views->views.end()) return std::optional<ViewKey>();
  TRY_ASSIGN(auto values, key_values(*found->second.view, colon == std::string_view::npos ? "" : key.substr(colon + 1)));
  return std::optional(ViewKey{&found->second, std::move(values)});
}

/// A feature on demand that needs nothing but the key.
Result<std::optional<std::string>> RedisCommands::on_demand_text(const ViewKey& key, std::string_view feature) {
  const auto& name = key.view->view->name();
  if (std::ranges::find(key.view->on_demand, feature) == key.view->on_demand.end()) {
    std::vector<std::string> known = key.view->on_demand;
    for (const auto& column : key.view->view->stored()) known.push_back(column.name);
    const auto near = closest(feature, known);
    return not_found(fmt::format("view '{}' has no feature '{}'{}", name, feature, near ? "; did you mean '" + *near + "'?" : ""));
  }
  TRY_ASSIGN(const auto plan, engine_.plan({.features = {fmt::format("{}:{}", name, feature)}}));
  if (plan->inputs().size() > plan->key_count())
    return invalid(fmt::format("'{}:{}' is made of values of the request; ask for it by FS.GET of a service, or by HTTP", name, feature));
  const Row row(key.values);
  TRY_ASSIGN(const auto answers, engine_.answer(*plan, {&row, 1}));
  return text_of(answers.front().value);
}

void RedisCommands::tell_fields(RedisCall& call, bool list) {
  const auto names = call.words.subspan(2);
  const auto views = served_.of(engine_);
  const auto key = view_key(views.get(), call.word(1));
  if (!key.ok()) return tell_error(call, key.error());
  if (!*key) {
    call.wait_for(plain_.read(call.word(1), [&](const PlainValue* value) {
      if (value != nullptr && value->hash() == nullptr) return call.out.error(kWrongType);
      if (list) call.out.array(names.size());
      for (const auto& name : names) {
        const auto* hash = value == nullptr ? nullptr : value->hash();
        const auto found = hash == nullptr ? PlainValue::Hash::const_iterator() : hash->find(name);
        if (hash == nullptr || found == hash->end()) call.out.null();
        else call.out.bulk(found->second);
      }
    }));
    return;
  }
  tell_features(call, **key, names, list);
}

/// What is known of the names comes before anything is said, so that an error is a reply of its own.
void RedisCommands::tell_features(RedisCall& call, const ViewKey& key, std::span<const std::string_view> names, bool list) {
  std::vector<std::optional<std::size_t>> places(names.size());
  std::vector<bool> wanted(key.view->view->stored().size() + 1);  // one more, so that none is never all
  for (std::size_t i = 0; i < names.size(); ++i)
    if (const auto place = key.view->stored.find(names[i]); place != key.view->stored.end()) wanted[*(places[i] = place->second)] = true;
  const auto reading = engine_.read(key.view->view->name(), key.values, wanted);
  if (!reading.ok()) return tell_error(call, reading.error());
  const bool found = reading->status == ViewReading::Status::kFound;
  std::vector<const Value*> stored(names.size(), nullptr);
  std::map<std::size_t, std::optional<std::string>> on_demand;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (places[i]) {
      stored[i] = found ? &reading->values[*places[i]] : nullptr;
      continue;
    }
    auto text = on_demand_text(key, names[i]);
    if (!text.ok()) return tell_error(call, text.error());
    on_demand[i] = std::move(*text);
  }
  std::string text;
  if (list) call.out.array(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    text.clear();
    const auto made = on_demand.find(i);
    if (made != on_demand.end()) tell(call.out, made->second);
    else if (stored[i] != nullptr && append_text(text, *stored[i])) call.out.bulk(text);
    else call.out.null();
  }
}

void RedisCommands::hget(RedisCall& call) { tell_fields(call, false); }
void RedisCommands::hmget(RedisCall& call) { tell_fields(call, true); }

namespace {

/// All fields of a key of either kind, given to `use`.
template <class Use>
void with_fields(Engine& engine, PlainKeys& plain, RedisCall& call, const ServedView* view, std::span<const Value> values, const Use& use) {
  if (view != nullptr) {
    const auto reading = engine.read(view->view->name(), values);
    if (!reading.ok()) return tell_error(call, reading.error());
    return use(fields_of(*view, *reading));
  }
  Fields fields;
  call.wait_for(plain.read(call.word(1), [&](const PlainValue* value) {
    fields.there = value != nullptr;
    fields.wrong_type = value != nullptr && value->hash() == nullptr;
    if (fields.there && !fields.wrong_type)
      for (const auto& [name, text] : *value->hash()) fields.all.emplace_back(name, text);
    // While nobody changes it, as its names are views.
    if (fields.wrong_type) call.out.error(kWrongType);
    else use(fields);
  }));
}

}  // namespace

void RedisCommands::tell_hash(RedisCall& call, bool names, bool texts) {
  const auto views = served_.of(engine_);
  const auto key = view_key(views.get(), call.word(1));
  if (!key.ok()) return tell_error(call, key.error());
  with_fields(engine_, plain_, call, *key ? (*key)->view : nullptr, *key ? (*key)->values : std::vector<Value>(),
              [&](const Fields& fields) {
                if (names && texts) call.out.map(fields.all.size());
                else call.out.array(fields.all.size());
                for (const auto& [name, text] : fields.all) {
                  if (names) call.out.bulk(name);
                  if (texts) call.out.bulk(text);
                }
              });
}

void RedisCommands::hgetall(RedisCall& call) { tell_hash(call, true, true); }
void RedisCommands::hkeys(RedisCall& call) { tell_hash(call, true, false); }
void RedisCommands::hvals(RedisCall& call) { tell_hash(call, false, true); }

void RedisCommands::hlen(RedisCall& call) {
  const auto views = served_.of(engine_);
  const auto key = view_key(views.get(), call.word(1));
  if (!key.ok()) return tell_error(call, key.error());
  with_fields(engine_, plain_, call, *key ? (*key)->view : nullptr, *key ? (*key)->values : std::vector<Value>(),
              [&](const Fields& fields) { call.out.integer(static_cast<std::int64_t>(fields.all.size())); });
}

void RedisCommands::hexists(RedisCall& call) {
  const auto views = served_.of(engine_);
  const auto key = view_key(views.get(), call.word(1));
  if (!key.ok()) return tell_error(call, key.error());
  with_fields(engine_, plain_, call, *key ? (*key)->view : nullptr, *key ? (*key)->values : std::vector<Value>(),
              [&](const Fields& fields) {
                call.out.integer(std::ranges::any_of(fields.all, [&](const auto& field) { return field.first == call.word(2); }) ? 1 : 0);
              });
}

/// A hash is told as a whole, whatever COUNT says.
void RedisCommands::hscan(RedisCall& call) {
  std::string_view pattern = "*";
  for (std::size_t i = 3; i + 1 < call.words.size(); i += 2)
    if (to_lower(call.word(i)) == "match") pattern = call.word(i + 1);
  const auto views = served_.of(engine_);
  const auto key = view_key(views.get(), call.word(1));
  if (!key.ok()) return tell_error(call, key.error());
  with_fields(engine_, plain_, call, *key ? (*key)->view : nullptr, *key ? (*key)->values : std::vector<Value>(),
              [&](const Fields& fields) {
                const auto matches = [&](const auto& field) { return glob_matches(pattern, field.first); };
                call.out.array(2);
                call.out.bulk("0");
                call.out.array(2 * static_cast<std::size_t>(std::ranges::count_if(fields.all, matches)));
                for (const auto& field : fields.all) {
                  if (!matches(field)) continue;
                  call.out.bulk(field.first);
                  call.out.bulk(field.second);
                }
              });
}

void RedisCommands::exists(RedisCall& call) {
  const auto views = served_.of(engine_);
  std::int64_t count = 0;
  for (const auto& word : call.words.subspan(1)) {
    const auto key = view_key(views.get(), word);
    if (!key.ok()) return tell_error(call, key.error());
    if (*key) {
      const auto reading = engine_.read((*key)->view->view->name(), (*key)->values);
      if (!reading.ok()) return tell_error(call, reading.error());
      count += reading->status == ViewReading::Status::kFound ? 1 : 0;
    } else {
      call.wait_for(plain_.read(word, [&](const PlainValue* value) { count += value != nullptr ? 1 : 0; }));
    }
  }
  call.out.integer(count);
}

void RedisCommands::type(RedisCall& call) {
  const auto views = served_.of(engine_);
  const auto key = view_key(views.get(), call.word(1));
  if (!key.ok()) return tell_error(call, key.error());
  if (*key) {
    const auto reading = engine_.read((*key)->view->view->name(), (*key)->values);
    if (!reading.ok()) return tell_error(call, reading.error());
    return call.out.simple(reading->status == ViewReading::Status::kFound ? "hash" : "none");
  }
  call.wait_for(plain_.read(call.word(1), [&](const PlainValue* value) {
    call.out.simple(value == nullptr ? "none" : value->hash() != nullptr ? "hash" : "string");
  }));
}

/// TTL, and PTTL in milliseconds. -2: no such key; -1: it does not expire.
void RedisCommands::ttl(RedisCall& call) {
  const bool millis = call.word(0).size() == 4;
  const auto views = served_.of(engine_);
  const auto key = view_key(views.get(), call.word(1));
  if (!key.ok()) return tell_error(call, key.error());
  const Instant now = clock_.now();
  if (!*key) {
    call.wait_for(plain_.read(call.word(1), [&](const PlainValue* value) {
      if (value == nullptr) call.out.integer(-2);
      else call.out.integer(value->expires ? left_until(*value->expires, now, millis) : -1);
    }));
    return;
  }
  const CompiledView& view = *(*key)->view->view;
  const auto reading = engine_.read(view.name(), (*key)->values);
  if (!reading.ok()) return tell_error(call, reading.error());
  if (reading->status != ViewReading::Status::kFound) return call.out.integer(-2);
  const auto ttl = view.view().ttl;
  call.out.integer(ttl && *ttl > Duration(0) ? left_until(reading->newest.time + *ttl, now, millis) : -1);
}

}  // namespace isobar::features
