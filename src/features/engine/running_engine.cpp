#include "running_engine.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "features/row_codec.h"
#include "log_places.h"
#include "replay.h"

namespace isobar::features {

namespace {

constexpr Duration kBetweenExpiries = std::chrono::minutes(1);

Error replaced() { return {Code::kConflict, "the definition was replaced since the request was planned; plan it again"}; }

}  // namespace

RunningEngine::RunningEngine(std::unique_ptr<Store> store, const EngineConfig& config, const Clock& clock)
    : config_(config), clock_(clock), store_(std::move(store)) {}

RunningEngine::~RunningEngine() {
  thread_.reset();  // it wakes the refresher
  refresher_.reset();
  if (const auto last = epoch(); last && written_ && !broken_)
    if (const Status written = written_->write_all(*last, last_line_); !written.ok())
      journal_.warn("states_not_written", {{"reason", written.error().message()}});
}

// ---------------------------------------------------------------- taking in

/// Arrivals that were handed to the store, and are not known to be durable yet.
struct RunningEngine::Round {
  std::shared_ptr<Epoch> epoch;
  struct Each {
    WaitingArrival* arrival;
    Taking taking;
    std::future<Result<Outcome>> outcome;
  };
  std::vector<Each> each;
};

void RunningEngine::push(Arrival arrival, PushDone done) {
  WaitingArrival waiting{std::move(arrival), std::move(done)};
  PushDone told = waiting.done;
  if (const Status pushed = thread_->push(std::move(waiting)); !pushed.ok()) told(pushed.error());
}

void RunningEngine::take_in(std::vector<WaitingArrival> arrivals) {
  Round round{.epoch = epoch(), .each = {}};
  for (auto& waiting : arrivals) {
    if (!round.epoch) {
      waiting.done(not_found("no definition was applied yet: isobar features apply FILE"));
      continue;
    }
    if (intake_->must_wait(*round.epoch, waiting.arrival)) settle(round);
    auto taking = intake_->take(*round.epoch, waiting.arrival, clock_.now());
    if (!taking) {
      count_refused(waiting.arrival);
      waiting.done(taking.error());
      settle(round);  // what it would have corrected is as it was
      continue;
    }
    auto outcome = store_->submit(std::move(taking->commit));
    if (outcome) {
      round.each.push_back({&waiting, std::move(*taking), std::move(*outcome)});
      continue;
    }
    waiting.done(outcome.error());
    settle(round);
  }
  settle(round);
}

void RunningEngine::settle(Round& round) {
  bool given = false;
  for (auto& [arrival, taking, future] : round.each) {
    const auto outcome = future.get();
    if (!outcome) {
      arrival->done(outcome.error());
      continue;
    }
    Taken taken{.outcome = *outcome, .problem = {}};
    if (*outcome == Outcome::kApplied) taken = give_all(*round.epoch, arrival->arrival.source, taking, clock_.now());
    given = true;
    arrival->done(std::move(taken));
  }
  round.each.clear();
  intake_->settled();
  if (given && refresher_) refresher_->wake();
}

/// What is durable is given to the views, and then seen.
Taken RunningEngine::give_all(const Epoch& epoch, const std::string& source, Taking& taking, Instant now) {
  Taken taken{.outcome = Outcome::kApplied, .rows = taking.lines.size(), .refused = taking.refused, .problem = taking.problem};
  std::vector<ViewState::Note> notes;
  Instant newest{};
  for (const auto& line : taking.lines) {
    bool late = false;
    for (const auto& to : line.views) {
      notes.clear();
      const auto given = give(*store_, epoch, line, to, now, notes);
      if (!given)
        journal_.error("event_not_applied",
                       {{"view", epoch.slots[to.view]->view().name()}, {"line", line.number}, {"reason", given.error().message()}});
      late = late || (given && given->late);
      for (const auto& note : notes) epoch.slots[to.view]->scheduled[note.expensive]->take(note, now);
    }
    taken.late += late ? 1 : 0;
    taken.invalid += line.problem.empty() ? 0 : 1;
    if (taken.problem.empty()) taken.problem = line.problem;
    if (line.record.added) newest = std::max(newest, line.record.added->order.time);
    last_line_ = line.number;
  }
  for (const auto& slot : epoch.slots) slot->applied = last_line_;
  seen_line_ = last_line_;
  const MutexLock lock(mutex_);
  SourceCounts& counts = counts_[source];
  counts.refused += taken.refused;
  if (taking.lines.empty()) return taken;
  counts.events += taken.rows;
  counts.deletions += taking.deletions;
  counts.late += taken.late;
  counts.invalid += taken.invalid;
  counts.newest = std::max(counts.newest, newest);
  counts.last_seen = now;
  return taken;
}

void RunningEngine::count_refused(const Arrival& arrival) {
  const MutexLock lock(mutex_);
  if (const auto known = counts_.find(arrival.source); known != counts_.end()) known->second.refused += arrival.rows.size();
}

void RunningEngine::now_and_then() {
  const auto now_runs = epoch();
  if (!now_runs || broken_) return;
  const Instant now = clock_.now();
  if (const Status written = written_->write(*now_runs, now - config_.write_behind.value, last_line_); !written.ok()) {
    broken_ = true;
    journal_.error("store_not_writable", {{"reason", written.error().message()}});
  }
  if (now - last_expiry_ < kBetweenExpiries) return;
  last_expiry_ = now;
  for (const auto& slot : now_runs->slots)
    for (auto& shard : slot->shards) {
      const MutexLock lock(shard.mutex);
      shard.state->advance(now);
      shard.state->expire();
    }
}

// ---------------------------------------------------------------- reading

std::shared_ptr<Epoch> RunningEngine::epoch() const {
  const MutexLock lock(mutex_);
  return epoch_;
}

std::shared_ptr<const Project> RunningEngine::project() const {
  const auto now = epoch();
  return now ? now->project : nullptr;
}

Result<std::shared_ptr<const RequestPlan>> RunningEngine::plan(const RequestSpec& spec) {
  const auto now = epoch();
  if (!now) return not_found("no definition was applied yet: isobar features apply FILE");
  return now->plan(spec);
}

ViewReading RunningEngine::read_key(ViewSlot& slot, std::string_view key, Instant now, const std::vector<bool>& wanted,
                                    SeenUpto* seen) const {
  ViewReading reading;
  {
    ViewShard& shard = slot.shard_of(key);
    const MutexLock lock(shard.mutex);
    shard.state->advance(now);
    reading = shard.state->read(key, now, wanted);
    if (seen != nullptr) *seen = {shard.seen, shard.state->watermark()};
  }
  ++slot.read;
  if (reading.status == ViewReading::Status::kNotFound) ++slot.not_found;
  if (reading.status == ViewReading::Status::kExpired) ++slot.expired;
  slot.drift->offer(reading, wanted, now);
  if (reading.status == ViewReading::Status::kFound)
    for (std::size_t i = 0; i < reading.statuses.size(); ++i)
      slot.nulls += (wanted.empty() || wanted[i]) && reading.statuses[i] == FieldStatus::kNullValue ? 1 : 0;
  return reading;
}

Result<std::vector<Answered>> RunningEngine::answer(const RequestPlan& plan, std::span<const Row> rows) {
  const auto now_runs = epoch();
  if (!now_runs || now_runs->project.get() != &plan.project()) return replaced();
  const Instant now = clock_.now();
  const auto asked = now_runs->asked(plan);
  std::vector<Answered> answers(rows.size() * plan.outputs().size());
  std::vector<ViewReading> readings(plan.parts().size());
  std::vector<std::optional<double>> regrets(asked.size());
  std::vector<ServedAnswer> sampled;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ServedAnswer* const sample = config_.sample != nullptr && config_.sample->wants() ? &sampled.emplace_back() : nullptr;
    if (sample != nullptr) sample->seen.resize(readings.size());
    for (std::size_t part = 0; part < readings.size(); ++part) {
      const auto key = plan.key(plan.parts()[part], rows[i]);
      if (!key.ok()) return key.error().context(fmt::format("row {}", i + 1));
      readings[part] = read_key(*now_runs->slots[plan.parts()[part].view], *key, now, plan.parts()[part].wanted,
                                sample != nullptr ? &sample->seen[part] : nullptr);
      for (std::size_t each = 0; each < asked.size(); ++each)
        if (asked[each].part == part) regrets[each] = asked[each].scheduled->query(*key, now);
    }
    const auto of_row = std::span(answers).subspan(i * plan.outputs().size(), plan.outputs().size());
    plan.answer(rows[i], readings, of_row);
    for (std::size_t each = 0; each < asked.size(); ++each) of_row[asked[each].output].regret = regrets[each];
    if (sample == nullptr) continue;
    sample->inputs = rows[i];
    sample->answers.assign(of_row.begin(), of_row.end());
  }
  if (epoch() != now_runs) return replaced();
  for (ServedAnswer& sample : sampled) {
    sample.plan = plan.shared_from_this();
    sample.at = now;
    config_.sample->take(std::move(sample));
  }
  return answers;
}

Result<ViewReading> RunningEngine::read(std::string_view view, std::span<const Value> keys, const std::vector<bool>& wanted) {
  const auto now = epoch();
  const auto at = now ? now->project->find_view(view) : std::nullopt;
  if (!at) return not_found(fmt::format("there is no view '{}'", view));
  TRY_ASSIGN(const std::string key, now->project->views()[*at].key_bytes(keys));
  const bool sampled = config_.sample != nullptr && config_.sample->wants();
  const Instant instant = clock_.now();
  SeenUpto seen;
  ViewReading reading = read_key(*now->slots[*at], key, instant, wanted, &seen);
  if (epoch() != now) return replaced();
  if (sampled) sample_reading(*now, *at, keys, wanted, instant, seen, reading);
  return reading;
}

/// A reading of a view as if its features had been asked for by their names.
void RunningEngine::sample_reading(Epoch& epoch, std::size_t view, std::span<const Value> keys, const std::vector<bool>& wanted, Instant at,
                                   SeenUpto seen, const ViewReading& reading) const {
  const CompiledView& compiled = epoch.project->views()[view];
  RequestSpec spec{.offline_too = true};
  for (std::size_t i = 0; i < compiled.stored().size(); ++i)
    if (wanted.empty() || wanted[i]) spec.features.push_back(fmt::format("{}:{}", compiled.name(), compiled.stored()[i].name));
  if (spec.features.empty()) return;
  auto plan = epoch.plan(spec);
  if (!plan) return;
  ServedAnswer sample{.plan = *plan, .inputs = {keys.begin(), keys.end()}, .at = at, .seen = {seen}, .answers = {}};
  sample.answers.resize((*plan)->outputs().size());
  (*plan)->answer(sample.inputs, {&reading, 1}, sample.answers);
  config_.sample->take(std::move(sample));
}

Result<RunningEngine::Expensive> RunningEngine::find_expensive(const Epoch& epoch, std::string_view view, std::string_view feature) const {
  const auto at = epoch.project->find_view(view);
  if (!at) return not_found(fmt::format("there is no view '{}'", view));
  const CompiledView& compiled = epoch.project->views()[*at];
  const auto& expensive = compiled.expensive_features();
  std::vector<std::string> names;
  for (const auto& each : expensive) names.push_back(compiled.stored()[each.stored].name);
  if (names.empty()) return not_found(fmt::format("view '{}' has no expensive feature: all of it is up to date with every event", view));
  if (feature.empty() && names.size() > 1) return invalid(fmt::format("view '{}' has {}; say which feature", view, join(names, ", ")));
  const auto found = feature.empty() ? names.begin() : std::ranges::find(names, feature);
  if (found == names.end())
    return not_found(fmt::format("view '{}' has no expensive feature '{}'; it has {}", view, feature, join(names, ", ")));
  return Expensive{epoch.slots[*at], static_cast<std::size_t>(found - names.begin())};
}

Status RunningEngine::feedback(const FeedbackReport& report) {
  const auto now_runs = epoch();
  if (!now_runs) return not_found("no definition was applied yet");
  TRY_ASSIGN(const Expensive expensive, find_expensive(*now_runs, report.view, report.feature));
  TRY_ASSIGN(const std::string key, expensive.slot->view().key_bytes(report.key));
  double error = 0;
  if (report.error) {
    error = *report.error;
  } else {
    const auto number = [](const std::optional<Value>& value) -> std::optional<double> {
      if (!value || value->is_null() || !value->type().is_number()) return std::nullopt;
      return value->type().is_integer() ? static_cast<double>(value->as_integer()) : value->as_float();
    };
    const auto label = number(report.label), prediction = number(report.prediction);
    if (!label || !prediction) return invalid("feedback is an error, or a label and a prediction, as numbers");
    TRY_ASSIGN(error, loss_of(expensive.slot->view().expensive_features()[expensive.index].feature.schedule.loss, *label, *prediction));
  }
  TRY(expensive.slot->scheduled[expensive.index]->feedback(key, error, clock_.now()));
  refresher_->wake();
  return {};
}

Result<Explanation> RunningEngine::explain(std::string_view view, std::string_view feature, std::span<const Value> keys) {
  const auto now_runs = epoch();
  if (!now_runs) return not_found("no definition was applied yet");
  TRY_ASSIGN(const Expensive expensive, find_expensive(*now_runs, view, feature));
  TRY_ASSIGN(const std::string key, expensive.slot->view().key_bytes(keys));
  return expensive.slot->scheduled[expensive.index]->explain(key, clock_.now());
}

EngineStatus RunningEngine::status() const {
  EngineStatus status;
  const Instant now = clock_.now();
  status.definition_version = store_->registry().version;
  status.log_events = seen_line_;
  status.replayed_events = replayed_;
  status.disk_bytes = store_->disk_bytes();
  const auto now_runs = epoch();
  if (!now_runs) return status;
  for (const auto& slot : now_runs->slots) {
    status.views.push_back({slot->view().name(), slot->keys(), slot->read, slot->not_found, slot->expired, slot->nulls});
    status.unwritten_keys += slot->unwritten();
    const auto drift = slot->drift->tell();
    for (std::size_t i = 0; i < drift.size(); ++i)
      status.drift.push_back({slot->view().name(), slot->view().stored()[i].name, drift[i].psi, drift[i].nulls_then, drift[i].nulls_now});
    const auto& expensive = slot->view().expensive_features();
    for (std::size_t i = 0; i < expensive.size(); ++i) {
      auto [counters, gauges] = slot->scheduled[i]->counted(now);
      status.expensive.push_back({slot->view().name(), slot->view().stored()[expensive[i].stored].name, counters, gauges});
    }
  }
  const MutexLock lock(mutex_);
  for (const auto& source : now_runs->project->definition().sources) {
    const auto known = counts_.find(source.name);
    const SourceCounts counts = known == counts_.end() ? SourceCounts{} : known->second;
    status.sources.push_back(
        {source.name, counts.events, counts.deletions, counts.refused, counts.late, counts.invalid, counts.newest, counts.last_seen});
  }
  return status;
}

Status RunningEngine::each_event(const std::function<Status(const LoggedEvent&)>& visit) const {
  const auto now_runs = epoch();
  if (!now_runs) return not_found("no definition was applied yet");
  const auto snapshot = store_->snapshot();
  TRY_ASSIGN(const LogColumns columns, LogColumns::load(*snapshot, log_));
  const Project& project = *now_runs->project;
  return each_line(*snapshot, log_, columns, project, 0, [&](std::size_t source, LogRecord record, std::uint64_t number) -> Status {
    LoggedEvent event{
        .sequence = number, .source = project.definition().sources[source].name, .order = {}, .arrived = record.arrived, .row = {}};
    const auto added = [&]() -> Status {
      if (!record.added) return {};
      event.order = record.added->order;
      event.row = record.added->row;
      event.removed = false;
      return visit(event);
    };
    const auto removed = [&]() -> Status {
      if (!record.removed) return {};
      event.order = record.removed->order;
      event.row = record.removed->row;
      event.removed = true;
      event.withdrawn = record.withdrawn;
      return visit(event);
    };
    // A version that came late is withdrawn with its coming.
    const bool late = record.added && record.removed && record.added->order == record.removed->order;
    event.superseded = late;
    TRY(late ? added() : removed());
    return late ? removed() : added();
  });
}

}  // namespace isobar::features
