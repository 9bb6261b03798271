#include "intake.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "features/key_codec.h"
#include "features/row_codec.h"
#include "features/timestamp.h"
#include "log_places.h"

namespace isobar::features {

namespace {

/// Which of two versions of a record counts: the later, whichever came first.
bool counts_over(const EventOrder& order, const EventOrder& other) { return order > other; }

}  // namespace

Intake::Intake(const EngineConfig& config, const Store& store, ViewId log, LogColumns columns, std::uint64_t next_line)
    : config_(config), store_(store), log_(log), columns_(std::move(columns)), next_line_(next_line) {}

bool Intake::must_wait(const Epoch& epoch, const Arrival& arrival) const {
  const auto source = epoch.project->find_source(arrival.source);
  return source && epoch.records[*source] && std::ranges::find(unsure_, *source) != unsure_.end();
}

Status Intake::know_columns(const Definition& definition, Store& store) {
  Commit commit;
  for (const auto& source : definition.sources) columns_.number_of(source, log_, commit.states);
  if (commit.states.empty()) return {};
  TRY(store.commit(std::move(commit)));
  return {};
}

Status Intake::check(const Epoch& epoch, std::size_t source, const SourceRow& row, Instant now) const {
  const Project::SourceUse& of = epoch.project->sources()[source];
  TRY(of.schema.check(row.row));
  if (row.deleted && of.source->key.empty())
    return invalid(fmt::format("a deletion, and records of '{}' have no key; give the source one in the definition", of.source->name));
  for (const auto& name : of.source->key)
    if (row.row[*of.schema.find(name)].is_null()) return invalid(fmt::format("'{}', which is of the record's key, is null", name));
  const auto* time = row.row[of.timestamp].get_if<Instant>();
  if (time == nullptr && row.deleted) return {};
  if (time == nullptr) return invalid(fmt::format("'{}', the time of the event, is null or not there", of.source->timestamp));
  const Duration ahead = Duration(minus(time->unix_nanos(), now.unix_nanos()));
  if (ahead > config_.future_most.value)
    return invalid(fmt::format("'{}' is {}, {} from now; at most {} are taken (a clock ahead, or seconds for milliseconds?)",
                               of.source->timestamp, to_rfc3339(*time), format_duration(ahead),
                               format_duration(config_.future_most.value)));
  return {};
}

Result<Taking> Intake::take(const Epoch& epoch, Arrival& arrival, Instant now) {
  const auto source = epoch.project->find_source(arrival.source);
  if (!source) {
    std::vector<std::string> names;
    for (const auto& known : epoch.project->definition().sources) names.push_back(known.name);
    const auto near = closest(arrival.source, names);
    return not_found(fmt::format("there is no source '{}'{}", arrival.source, near ? fmt::format("; did you mean '{}'?", *near) : ""));
  }
  Taking taking;
  std::vector<SourceRow> sound;
  sound.reserve(arrival.rows.size());
  for (std::size_t i = 0; i < arrival.rows.size(); ++i) {
    const Status checked = check(epoch, *source, arrival.rows[i], now);
    if (checked.ok()) {
      sound.push_back(std::move(arrival.rows[i]));
      continue;
    }
    Error problem = checked.error().context(fmt::format("row {} of {}", i + 1, arrival.rows.size()));
    if (!arrival.skip_invalid) return problem;
    if (taking.refused++ == 0) taking.problem = problem.message();
  }
  if (!arrival.id.empty()) taking.commit.push = PushId{arrival.source, arrival.id};
  if (arrival.advance) taking.commit.advances.push_back(*arrival.advance);
  if (taking.commit.push || arrival.advance) unsure_.push_back(*source);
  const std::uint32_t columns = columns_.number_of(*epoch.project->sources()[*source].source);
  const Duration keep = config_.keep_events.value;
  for (auto& row : sound) {
    taking.deletions += row.deleted ? 1 : 0;
    TRY_ASSIGN(LogRecord record, record_of(epoch, *source, std::move(row), now, taking.commit.rows));
    if (!record.added && !record.removed) continue;  // a deletion of what is not there
    record.columns = columns;
    if (taking.lines.size() % kLinesOfPiece == 0)
      taking.commit.states.push_back({.view = log_,
                                      .key = std::string(kLinesKey),
                                      .level = kLogLevel,
                                      .bucket = static_cast<std::int64_t>(next_line_),
                                      .state = std::string(),
                                      .keep_until = keep > Duration::zero() ? now + keep : Instant::from_unix_nanos(INT64_MAX)});
    append_record(*taking.commit.states.back().state, record);
    Line& line = taking.lines.emplace_back(prepare(epoch, *source, std::move(record), next_line_++));
    append_history(epoch, line, taking.commit.rows);
  }
  return taking;
}

Result<LogRecord> Intake::record_of(const Epoch& epoch, std::size_t source, SourceRow row, Instant now, std::vector<RowWrite>& rows) {
  if (epoch.records[source]) return keyed_record(epoch, source, std::move(row), now, rows);
  LogRecord record{.columns = 0, .arrived = now, .added = {}, .removed = {}};
  TRY_ASSIGN(const EventOrder order, epoch.project->order_of(source, row.row, next_line_));
  record.added = LogEntry{order, std::move(row.row)};
  return record;
}

Result<std::optional<LogEntry>> Intake::current(ViewId records, const std::string& key) {
  if (const auto known = records_.find({records, key}); known != records_.end()) return known->second;
  const RowKey asked{records, key};
  TRY_ASSIGN(const auto latest, store_.latest(std::span(&asked, 1)));
  if (latest.front().status != LatestRow::Status::kFound) return std::optional<LogEntry>();
  TRY_ASSIGN(Row row, decode_row(latest.front().row));
  return std::optional(LogEntry{latest.front().order, std::move(row)});
}

LogRecord Intake::removal(const Project::SourceUse& of, const SourceRow& row, std::optional<LogEntry> there, Instant now) const {
  LogRecord record{.columns = 0, .arrived = now, .added = {}, .removed = {}};
  if (!there) return record;
  const auto* time = row.row[of.timestamp].get_if<Instant>();
  record.withdrawn = std::max(there->order.time, time != nullptr ? *time : now);
  record.removed = std::move(there);
  return record;
}

Result<LogRecord> Intake::keyed_record(const Epoch& epoch, std::size_t source, SourceRow row, Instant now, std::vector<RowWrite>& rows) {
  const Project::SourceUse& of = epoch.project->sources()[source];
  const ViewId records = *epoch.records[source];
  TRY_ASSIGN(const std::string key, record_key(of, row.row));
  TRY_ASSIGN(auto there, current(records, key));
  if (row.deleted) {
    LogRecord record = removal(of, row, std::move(there), now);
    if (!record.removed) return record;
    EventOrder gone = record.removed->order;
    gone.sequence = next_line_;  // right behind the version that it takes away
    rows.push_back({.view = records, .key = key, .order = gone, .row = {}, .history = false});
    records_[{records, key}] = std::nullopt;
    return record;
  }
  LogRecord record{.columns = 0, .arrived = now, .added = {}, .removed = {}};
  TRY_ASSIGN(const EventOrder order, epoch.project->order_of(source, row.row, next_line_));
  record.added = LogEntry{order, std::move(row.row)};
  if (there && !counts_over(order, there->order)) {  // it came late: the version that follows it is there already
    record.removed = record.added;
    record.withdrawn = there->order.time;
    return record;
  }
  rows.push_back({.view = records, .key = key, .order = order, .row = encode_row(record.added->row), .history = false});
  if (there) record.withdrawn = std::max(there->order.time, order.time);
  record.removed = std::move(there);
  records_[{records, key}] = record.added;
  return record;
}

}  // namespace isobar::features
