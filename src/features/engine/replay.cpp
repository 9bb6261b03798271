#include "replay.h"

#include <fmt/format.h>

#include <algorithm>

#include "features/key_codec.h"
#include "features/row_codec.h"
#include "log_places.h"
#include "written_states.h"

namespace isobar::features {

namespace {

constexpr std::size_t kRowsOfWrite = 10'000;

}  // namespace

Status each_line(const Snapshot& snapshot, ViewId log, const LogColumns& columns, const Project& project, std::uint64_t first,
                 const std::function<Status(std::size_t source, LogRecord record, std::uint64_t number)>& visit) {
  Status sound;
  const auto take = [&](LogRecord record, std::uint64_t number) -> Status {
    if (number < first) return {};
    TRY_ASSIGN(const auto* known, columns.find(record.columns));
    const auto source = project.find_source(known->source);
    if (!source) return {};
    const auto& now = project.sources()[*source].schema.columns();
    for (auto* entry : {&record.added, &record.removed})
      if (*entry) {
        TRY_ASSIGN((*entry)->row, in_columns(std::move((*entry)->row), known->columns, now));
      }
    return visit(*source, std::move(record), number);
  };
  TRY(snapshot.states({log, kLinesKey}, kLogLevel, first_piece(first), [&](const StoredState& piece) {
    sound = each_record(piece.state, static_cast<std::uint64_t>(piece.bucket), take);
    return sound.ok();
  }));
  return sound;
}

Replay::Replay(Store& store, const Epoch& epoch, ViewId log, const LogColumns& columns, Instant now)
    : store_(store), epoch_(epoch), log_(log), columns_(columns), now_(now) {}

Status Replay::load(std::size_t view) {
  ViewSlot& slot = *epoch_.slots[view];
  const auto snapshot = store_.snapshot();
  TRY_ASSIGN(const auto mark, read_mark(*snapshot, log_, mark_of(slot.id)));
  if (!mark) {
    rebuild(view);
    return {};
  }
  From& from = from_[view];
  from.line = *mark;
  Status sound;
  const Status scanned = snapshot->scan_states(slot.id, [&](const StoredState& stored) {
    const auto put = [&]() -> Status {
      TRY_ASSIGN(const ReadState read, read_state(stored.state));
      ViewShard& shard = slot.shard_of(stored.key);
      const MutexLock lock(shard.mutex);
      shard.state->advance(now_);
      TRY(shard.state->decode(stored.key, read.state));
      if (read.line > *mark) from.keys.emplace(stored.key, read.line);
      return {};
    };
    sound = put();
    return sound.ok();
  });
  TRY(scanned);
  return sound.ok() ? Status() : Status(sound.error().context("state of a key of view " + slot.view().name()));
}

Status Replay::run(std::uint64_t last_line) {
  std::uint64_t first = records_.empty() ? last_line + 1 : 0;
  for (const auto& [view, from] : from_) {
    views_.push_back(view);
    first = std::min(first, from.line + 1);
    epoch_.slots[view]->applied = from.line;
  }
  const auto snapshot = store_.snapshot();
  TRY(each_line(*snapshot, log_, columns_, *epoch_.project, first,
                [&](std::size_t source, LogRecord record, std::uint64_t number) { return play(source, std::move(record), number); }));
  TRY(write_rows());
  Commit marks;
  for (const auto& [view, from] : from_)
    if (from.rebuilt) marks.states.push_back(written_mark(log_, mark_of(epoch_.slots[view]->id), 0));
  for (const std::size_t source : records_) marks.states.push_back(written_mark(log_, mark_of(*epoch_.records[source]), 0));
  for (const std::size_t view : views_) epoch_.slots[view]->applied = last_line;
  if (marks.states.empty()) return {};
  TRY(store_.commit(std::move(marks)));
  return {};
}

Status Replay::play(std::size_t source, LogRecord record, std::uint64_t number) {
  ++played_;
  if (records_.contains(source)) make_record(source, record, number);
  if (views_.empty()) return write_rows();
  const Line line = prepare(epoch_, source, std::move(record), number, views_);
  for (const auto& to : line.views) TRY(play_to(from_.at(to.view), line, to));
  return row_bytes_ >= kRowsOfWrite ? write_rows() : Status();
}

Status Replay::play_to(const From& from, const Line& line, const Line::ForView& to) {
  if (from.rebuilt) {
    Line one{.number = line.number, .source = line.source, .record = line.record, .views = {to}, .problem = {}};
    const std::size_t before = rows_.rows.size();
    append_history(epoch_, one, rows_.rows);
    row_bytes_ += rows_.rows.size() - before;
    // What is taken out is looked for in the history, which must have it.
    if (to.gone) TRY(write_rows());
  } else if (line.number <= from.line) {
    return {};
  }
  Line::ForView lacking = to;
  const auto has = [&](const std::optional<Contribution>& gives) {
    const auto known = gives ? from.keys.find(gives->key) : from.keys.end();
    return known != from.keys.end() && line.number <= known->second;
  };
  if (has(lacking.gone)) lacking.gone.reset();
  if (has(lacking.come)) lacking.come.reset();
  std::vector<ViewState::Note> notes;
  TRY(give(store_, epoch_, line, lacking, now_, notes));
  return {};
}

void Replay::make_record(std::size_t source, const LogRecord& record, std::uint64_t number) {
  const Project::SourceUse& of = epoch_.project->sources()[source];
  const auto put = [&](const LogEntry& entry, EventOrder order, bool there) {
    auto bytes = record_key(of, entry.row);
    if (!bytes) return;  // a record of before there was a key
    rows_.rows.push_back({.view = *epoch_.records[source],
                          .key = std::move(*bytes),
                          .order = order,
                          .row = there ? std::optional(encode_row(entry.row)) : std::nullopt,
                          .history = false});
    ++row_bytes_;
  };
  if (record.added) return put(*record.added, record.added->order, true);
  EventOrder gone = record.removed->order;
  gone.sequence = number;
  put(*record.removed, gone, false);
}

Status Replay::write_rows() {
  if (rows_.rows.empty()) return {};
  TRY(store_.commit(std::exchange(rows_, {})));
  row_bytes_ = 0;
  return {};
}

}  // namespace isobar::features
