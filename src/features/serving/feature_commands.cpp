// What Redis has not: services, feedback, explanations; and streams, which are sources here.

#include <fmt/format.h>

#include <charconv>

#include "base/text.h"
#include "freshness.h"
#include "key_text.h"
#include "redis_commands.h"

namespace isobar::features {

namespace {

constexpr int kReplansMost = 3;

std::string input_names(const RequestPlan& plan) {
  std::string names;
  for (const auto& input : plan.inputs()) names += (names.empty() ? "" : " ") + input.name;
  return names;
}

Result<Row> read_inputs(const RequestPlan& plan, std::span<const std::string_view> words) {
  if (words.size() != plan.inputs().size())
    return invalid(fmt::format("the service needs {} values, {}, and there are {}", plan.inputs().size(), input_names(plan), words.size()));
  Row row;
  for (std::size_t i = 0; i < words.size(); ++i) {
    TRY_ASSIGN(Value value, value_from_text(words[i], plan.inputs()[i]));
    row.push_back(std::move(value));
  }
  return row;
}

struct EntryId {
  Position at;
  bool automatic = false;           ///< '*': all of it is made here
  bool sequence_automatic = false;  ///< 'MS-*'
};

/// MS-SEQ, MS (of sequence 0), MS-* or *.
std::optional<EntryId> read_entry_id(std::string_view text) {
  EntryId id;
  if (text == "*") return EntryId{.automatic = true};
  const std::size_t dash = text.find('-');
  const auto read = [](std::string_view digits, std::uint64_t& number) {
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return !digits.empty() && failure == std::errc() && end == digits.data() + digits.size();
  };
  if (!read(text.substr(0, dash), id.at.major)) return std::nullopt;
  if (dash == std::string_view::npos) return id;
  id.sequence_automatic = text.substr(dash + 1) == "*";
  if (!id.sequence_automatic && !read(text.substr(dash + 1), id.at.minor)) return std::nullopt;
  return id;
}

/// XADD key [NOMKSTREAM] [MAXLEN|MINID [=|~] n [LIMIT n]] id field value …: where the id is. Streams are not cut here, the log keeps them.
std::size_t place_of_id(const RedisCall& call) {
  std::size_t at = 2;
  while (at < call.words.size()) {
    const std::string word = to_lower(call.word(at));
    if (word == "nomkstream") {
      ++at;
    } else if (word == "maxlen" || word == "minid") {
      at += at + 1 < call.words.size() && (call.word(at + 1) == "=" || call.word(at + 1) == "~") ? 3 : 2;
    } else if (word == "limit") {
      at += 2;
    } else {
      break;
    }
  }
  return at;
}

/// An entry's fields as a row of the source. An entry without the source's time is as old as its id says.
Result<Row> read_entry(const Project::SourceUse& source, std::span<const std::string_view> fields, const Position& id) {
  const auto& columns = source.schema.columns();
  Row row(columns.size());
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    TRY_ASSIGN(const std::size_t column, source.schema.require(fields[i]));
    TRY_ASSIGN(row[column], value_from_text(fields[i + 1], columns[column]));
  }
  constexpr std::uint64_t kMillisMost = INT64_MAX / 1'000'000;
  if (row[source.timestamp].is_null() && id.major <= kMillisMost)
    row[source.timestamp] = Value(Instant::from_unix_nanos(static_cast<std::int64_t>(id.major) * 1'000'000));
  return row;
}

}  // namespace

/// FS.GET service value…: the service's features by name, of the values of its keys and of what its features on demand ask for.
void RedisCommands::fs_get(RedisCall& call) {
  const RequestSpec spec{.service = std::string(call.word(1))};
  for (int tried = 1;; ++tried) {
    const auto plan = engine_.plan(spec);
    if (!plan.ok()) return tell_error(call, plan.error());
    const auto row = read_inputs(**plan, call.words.subspan(2));
    if (!row.ok()) return tell_error(call, row.error());
    const auto answers = engine_.answer(**plan, {&*row, 1});
    // The definition may be replaced between the two.
    if (!answers.ok() && answers.error().code() == Code::kConflict && tried < kReplansMost) continue;
    if (!answers.ok()) return tell_error(call, answers.error());
    call.out.map(answers->size());
    for (std::size_t i = 0; i < answers->size(); ++i) {
      call.out.bulk((*plan)->outputs()[i].name);
      const auto text = text_of((*answers)[i].value);
      if (text) call.out.bulk(*text);
      else call.out.null();
    }
    return;
  }
}

void RedisCommands::fs_feedback(RedisCall& call) {
  double error = 0;
  const std::string_view text = call.word(3);
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), error);
  if (failure != std::errc() || end != text.data() + text.size()) return call.out.error("ERR value is not a valid float");
  const Status taken = take_error(engine_, std::string(call.word(1)), call.word(2), error);
  if (!taken.ok()) return tell_error(call, taken.error());
  call.out.simple("OK");
}

void RedisCommands::fs_explain(RedisCall& call) {
  const auto explained = explain(engine_, std::string(call.word(1)), call.words.size() > 3 ? std::string(call.word(3)) : "", call.word(2));
  if (!explained.ok()) return tell_error(call, explained.error());
  call.out.bulk(explained->why);
}

void RedisCommands::xadd(RedisCall& call) {
  const auto project = engine_.project();
  const auto at = project ? project->find_source(call.word(1)) : std::nullopt;
  if (!at) return call.out.error(fmt::format("ERR there is no source '{}'; a stream is a source of the definition", call.word(1)));
  const SourceKind kind = project->sources()[*at].source->kind;
  if (kind != SourceKind::kPush && kind != SourceKind::kRedisStream)
    return call.out.error(fmt::format("ERR source '{}' is of kind {}: its events come from there alone", call.word(1), name_of(kind)));
  const std::size_t place = place_of_id(call);
  const auto fields = call.words.subspan(std::min(place + 1, call.words.size()));
  if (fields.empty() || fields.size() % 2 != 0) return call.out.error("ERR wrong number of arguments for 'xadd' command");
  auto id = read_entry_id(call.word(place));
  if (!id) return call.out.error("ERR Invalid stream ID specified as stream command argument");
  const bool ours = id->automatic || id->sequence_automatic;
  if (ours) {
    const MutexLock lock(mutex_);
    if (id->automatic) id->at = std::max(Position{static_cast<std::uint64_t>(clock_.now().unix_nanos() / 1'000'000), 0}, last_entry_);
    if (id->at.major == last_entry_.major) id->at.minor = last_entry_.minor + 1;
    last_entry_ = id->at;
  }
  auto row = read_entry(project->sources()[*at], fields, id->at);
  if (!row.ok()) return tell_error(call, row.error());
  const std::string name = fmt::format("{}-{}", id->at.major, id->at.minor);
  Arrival arrival{.source = std::string(call.word(1)), .id = ours ? "" : "xadd:" + name};
  arrival.rows.push_back({std::move(*row), false});
  call.later = [this, arrival = std::move(arrival), name, protocol = call.client.protocol](std::function<void(std::string)> tell) mutable {
    outstanding_.begin();
    engine_.push(std::move(arrival), [this, name, protocol, tell = std::move(tell)](const Result<Taken>& taken) {
      std::string reply;
      RespWriter out(reply, protocol);
      if (taken.ok()) {
        out.bulk(name);
      } else {
        metrics_.redis_errors.fetch_add(1, std::memory_order_relaxed);
        out.error(fmt::format("{} {}", taken.error().code() == Code::kExhausted ? "BUSY" : "ERR", taken.error().message()));
      }
      tell(std::move(reply));
      outstanding_.end();
    });
  };
}

}  // namespace isobar::features
