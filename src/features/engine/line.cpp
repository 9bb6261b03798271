#include "line.h"

#include <fmt/format.h>

#include <algorithm>

#include "features/key_codec.h"

namespace isobar::features {

namespace {

std::optional<Contribution> contribution(const Epoch& epoch, std::size_t source, std::size_t use, const Row& row, std::string& problem) {
  const Project::SourceUse& of = epoch.project->sources()[source];
  Row space;
  auto gives = epoch.project->views()[of.views[use]].contribution(epoch.project->event_of(source, use, row, space));
  if (!gives) {
    if (problem.empty()) problem = gives.error().message();
    return std::nullopt;
  }
  if (*gives && problem.empty()) problem = (*gives)->problem;
  return std::move(*gives);
}

/// An event that is taken out stays in the history, with the line that takes it out: lines are durable before they are applied, and one
/// that is applied meanwhile has to find what was there at its own time.
constexpr char kTakenOut = static_cast<char>(0xff);

std::string taken_out(std::uint64_t line, const Row& event) {
  std::string bytes(1, kTakenOut);
  append_varint(bytes, line);
  return bytes + encode_row(event);
}

/// The event as a line leaves it. None: it is taken out by then.
Result<std::optional<Row>> event_left_by(std::string_view bytes, std::uint64_t line) {
  if (!bytes.starts_with(kTakenOut)) {
    TRY_ASSIGN(Row event, decode_row(bytes));
    return std::optional(std::move(event));
  }
  ByteReader reader(bytes.substr(1));
  TRY_ASSIGN(const std::uint64_t by, reader.varint());
  if (by <= line) return std::optional<Row>();
  std::string number;
  append_varint(number, by);
  TRY_ASSIGN(Row event, decode_row(bytes.substr(1 + number.size())));
  return std::optional(std::move(event));
}

/// What is left of a key's history before a line: the newest event that is not from the future, and those of a span.
struct Left {
  std::optional<ViewState::KeyEvent> newest;
  std::vector<ViewState::KeyEvent> events;
};

Result<Left> left_of(const Store& store, const ViewSlot& slot, std::string_view key, std::uint64_t before, Instant now,
                     const std::optional<Span>& span) {
  Left left;
  Status sound;
  const Status scanned = store.snapshot()->history({slot.id, key}, now, [&](const HistoryRow& row) {
    if (!row.row || row.order.sequence >= before) return true;
    if (left.newest && (!span || row.order.time <= span->after)) return false;
    const auto read = [&]() -> Status {
      TRY_ASSIGN(const auto event, event_left_by(*row.row, before));
      if (!event) return {};
      TRY_ASSIGN(auto gives, slot.view().contribution(*event));
      if (!gives) return {};
      if (span && row.order.time > span->after && row.order.time <= span->until) left.events.push_back({row.order, *gives});
      if (!left.newest) left.newest = ViewState::KeyEvent{row.order, std::move(*gives)};
      return {};
    };
    sound = read();
    return sound.ok();
  });
  TRY(scanned);
  TRY(sound);
  return left;
}

}  // namespace

Result<std::string> record_key(const Project::SourceUse& of, const Row& row) {
  std::vector<Type> types;
  Row values;
  for (const auto& name : of.source->key) {
    const std::size_t place = *of.schema.find(name);
    types.push_back(of.schema.columns()[place].type);
    values.push_back(row[place]);
  }
  return encode_key(types, values);
}

Line prepare(const Epoch& epoch, std::size_t source, LogRecord record, std::uint64_t number, std::span<const std::size_t> only) {
  Line line{.number = number, .source = source, .record = std::move(record), .views = {}, .problem = {}};
  if (line.superseded()) return line;
  const auto& views = epoch.project->sources()[source].views;
  for (std::size_t use = 0; use < views.size(); ++use) {
    if (!only.empty() && std::ranges::find(only, views[use]) == only.end()) continue;
    Line::ForView gives{.view = views[use], .gone = {}, .come = {}};
    std::string of_what_is_gone;
    if (line.record.removed) gives.gone = contribution(epoch, source, use, line.record.removed->row, of_what_is_gone);
    if (line.record.added) gives.come = contribution(epoch, source, use, line.record.added->row, line.problem);
    if (gives.gone || gives.come) line.views.push_back(std::move(gives));
  }
  return line;
}

void append_history(const Epoch& epoch, const Line& line, std::vector<RowWrite>& into) {
  const auto& of = epoch.project->sources()[line.source];
  for (const auto& gives : line.views) {
    const ViewSlot& slot = *epoch.slots[gives.view];
    if (!slot.keeps_history) continue;
    const auto use = static_cast<std::size_t>(std::ranges::find(of.views, gives.view) - of.views.begin());
    Row space;
    if (gives.gone)
      into.push_back({.view = slot.id,
                      .key = gives.gone->key,
                      .order = line.record.removed->order,
                      .row = taken_out(line.number, epoch.project->event_of(line.source, use, line.record.removed->row, space)),
                      .latest = false});
    if (gives.come)
      into.push_back({.view = slot.id,
                      .key = gives.come->key,
                      .order = line.record.added->order,
                      .row = encode_row(epoch.project->event_of(line.source, use, line.record.added->row, space)),
                      .latest = false});
  }
}

namespace {

/// Takes the event that a line withdraws out of the state of its key. The shard is locked.
Status take_out(const Store& store, ViewSlot& slot, ViewShard& shard, const Line& line, const Contribution& gone, Instant now)
    REQUIRES(shard.mutex) {
  shard.state->advance(now);
  const auto retracted = shard.state->retract(line.record.removed->order, gone);
  if (retracted.newest || retracted.span) {
    TRY_ASSIGN(const Left left, left_of(store, slot, gone.key, line.number, shard.state->watermark(), retracted.span));
    shard.state->rebuild(gone.key, left.newest, retracted.span, left.events);
  }
  shard.seen = line.number;
  shard.unwritten.mark(gone.key, line.number, now);
  return {};
}

Given put_in(ViewShard& shard, const Line& line, const Contribution& come, Instant now, std::vector<ViewState::Note>& notes)
    REQUIRES(shard.mutex) {
  shard.state->advance(now);
  const Given given{.late = shard.state->insert(line.record.added->order, come) == Placed::kLate};
  shard.seen = line.number;
  shard.unwritten.mark(come.key, line.number, now);
  auto noted = shard.state->take_notes();
  notes.insert(notes.end(), std::make_move_iterator(noted.begin()), std::make_move_iterator(noted.end()));
  return given;
}

}  // namespace

Result<Given> give(const Store& store, const Epoch& epoch, const Line& line, const Line::ForView& to, Instant now,
                   std::vector<ViewState::Note>& notes) {
  ViewSlot& slot = *epoch.slots[to.view];
  ViewShard* const from = to.gone ? &slot.shard_of(to.gone->key) : nullptr;
  ViewShard* const into = to.come ? &slot.shard_of(to.come->key) : nullptr;
  if (from != nullptr) {
    const MutexLock lock(from->mutex);
    TRY(take_out(store, slot, *from, line, *to.gone, now));
    // Of a key that stays the same nobody sees the one without the other.
    if (into == from) return put_in(*from, line, *to.come, now, notes);
  }
  if (into == nullptr) return Given{};
  const MutexLock lock(into->mutex);
  return put_in(*into, line, *to.come, now, notes);
}

}  // namespace isobar::features
