// The engine's definition: applied, opened again, replaced.

#include <fmt/format.h>

#include <algorithm>
#include <future>

#include "features/featurizer_resources.h"
#include "log_places.h"
#include "making.h"
#include "replay.h"
#include "running_engine.h"

namespace isobar::features {

namespace {

bool is_own(std::string_view name) { return name.starts_with('#'); }

/// The views that the store should have for a definition, beside those that are nobody's.
std::vector<ViewSpec> specs_of(const Definition* definition, const Registry& registry) {
  std::vector<ViewSpec> specs;
  for (const auto& view : registry.views)
    if (is_own(view.name)) specs.push_back({view.name, view.lifetime});
  for (const std::string_view own : {kLogView, kPlainView})
    if (std::ranges::find(specs, own, &ViewSpec::name) == specs.end()) specs.push_back({std::string(own), {}});
  if (definition == nullptr) return specs;
  for (const auto& view : definition->views) specs.push_back({stored_name(*definition, view), {}});
  for (const auto& source : definition->sources)
    if (!source.key.empty()) specs.push_back({records_name(source), {}});
  return specs;
}

std::optional<ViewId> id_of(const Registry& registry, std::string_view name) {
  const auto known = std::ranges::find(registry.views, name, &RegisteredView::name);
  return known == registry.views.end() ? std::nullopt : std::optional(known->id);
}

Result<Definition> parsed(const Registry& registry) { return parse_definition(registry.definition, "the store's definition"); }

/// known   a line that is there
Result<std::uint64_t> last_line_of(const Snapshot& snapshot, ViewId log, std::uint64_t known) {
  std::uint64_t last = known;
  Status sound;
  const Status scanned = snapshot.states({log, kLinesKey}, kLogLevel, first_piece(known), [&](const StoredState& piece) {
    const auto lines = records_in(piece.state);
    if (!lines) sound = lines.error();
    else last = static_cast<std::uint64_t>(piece.bucket) + *lines - 1;
    return lines.ok();
  });
  TRY(scanned);
  TRY(sound);
  return std::max(last, known);
}

bool same_schedule(const Schedule& a, const Schedule& b) {
  const auto all = [](const Schedule& s) {
    return std::tie(s.policy, s.floor_per_hour, s.cold_first, s.budget.unit, s.budget.per_second, s.budget.burst, s.loss, s.max_staleness);
  };
  return all(a) == all(b);
}

}  // namespace

Status RunningEngine::begin() {
  if (!config_.log_file.empty()) {
    TRY_ASSIGN(journal_, Log::to_file(config_.log_file));
  }
  Registry registry = store_->registry();
  if (!id_of(registry, kLogView) || !id_of(registry, kPlainView)) {
    TRY_ASSIGN(registry, store_->apply(registry.definition, specs_of(nullptr, registry)));
  }
  log_ = *id_of(registry, kLogView);
  const auto snapshot = store_->snapshot();
  TRY_ASSIGN(LogColumns columns, LogColumns::load(*snapshot, log_));
  TRY_ASSIGN(const auto known, read_mark(*snapshot, log_, kMarkOfLog));
  last_line_ = known.value_or(0);
  written_.emplace(*store_, log_);
  refresher_.emplace(clock_);
  std::shared_ptr<Epoch> first;
  TRY_ASSIGN(last_line_, last_line_of(*snapshot, log_, last_line_));
  if (!registry.definition.empty()) {
    TRY_ASSIGN(Definition definition, parsed(registry));
    TRY_ASSIGN(auto project, Project::create(std::move(definition)));
    TRY_ASSIGN(first, make_epoch(std::move(project), true));
    intake_.emplace(config_, *store_, log_, std::move(columns), last_line_ + 1);
    TRY(fill(*first, nullptr, registry, true));
    columns = intake_->columns();
  }
  intake_.emplace(config_, *store_, log_, std::move(columns), last_line_ + 1);
  seen_line_ = last_line_;
  if (first) replace(first, nullptr);
  thread_.emplace(config_.rows_most.value, EngineThread::Work{.take_in = [this](auto arrivals) { take_in(std::move(arrivals)); },
                                                              .now_and_then = [this] { now_and_then(); }});
  return {};
}

Result<DefinitionPlan> RunningEngine::apply(const Definition& definition, const std::string& file) {
  std::promise<Result<DefinitionPlan>> promise;
  auto done = promise.get_future();
  thread_->post([&] { promise.set_value(apply_here(definition, file)); });
  return done.get();
}

Result<DefinitionPlan> RunningEngine::apply_here(const Definition& definition, const std::string& file) {
  const auto before = epoch();
  TRY_ASSIGN(DefinitionPlan plan, plan_definition(before ? &before->project->definition() : nullptr, definition, file));
  const std::string canonical = canonical_text(definition);
  if (canonical != store_->registry().definition) TRY(change_to(definition, canonical));
  return plan;
}

Status RunningEngine::change_to(const Definition& definition, const std::string& canonical) {
  const auto before = epoch();
  TRY_ASSIGN(auto project, Project::create(definition));
  TRY_ASSIGN(auto next, make_epoch(std::move(project), false));
  TRY(written_->wait());  // or it would come behind the views that it writes to
  TRY_ASSIGN(const Registry registry, store_->apply(canonical, specs_of(&definition, store_->registry())));
  TRY(fill(*next, before.get(), registry, false));
  replace(next, before.get());
  return {};
}

/// With states for all of its views, which are empty. Whatever cannot be is found here, before anything is changed.
Result<std::shared_ptr<Epoch>> RunningEngine::make_epoch(std::shared_ptr<const Project> project, bool opening) {
  auto made = std::make_shared<Epoch>();
  made->project = std::move(project);
  for (std::size_t i = 0; i < made->project->views().size(); ++i) {
    const CompiledView& view = made->project->views()[i];
    auto resources = load_resources(view, config_.programs);
    // A store is opened with what it holds, whoever opens it: rows that may not be made here are served as they are.
    if (opening && !resources.ok() &&
        (resources.error().code() == Code::kPermissionDenied || resources.error().code() == Code::kUnavailable)) {
      journal_.warn("featurizer_not_run", {{"view", view.name()}, {"reason", resources.error().message()}});
      resources = FeaturizerResources();
    }
    TRY(resources);
    TRY_ASSIGN(auto slot, ViewSlot::create(made->project, i, std::move(*resources), config_.drift_every.value));
    for (const auto& expensive : view.expensive_features()) {
      TRY_ASSIGN(auto scheduled, ScheduledFeature::create(expensive.feature.schedule));
      slot->scheduled.push_back(std::move(scheduled));
    }
    made->slots.push_back(std::move(slot));
  }
  return made;
}

/// Puts in what the store has, and the log, of the views that the epoch before does not have alike.
Status RunningEngine::fill(Epoch& epoch, const Epoch* before, const Registry& registry, bool opening) {
  const Definition& definition = epoch.project->definition();
  TRY(intake_->know_columns(definition, *store_));
  Replay replay(*store_, epoch, log_, intake_->columns(), clock_.now());
  const auto snapshot = store_->snapshot();
  epoch.records.resize(definition.sources.size());
  for (std::size_t i = 0; i < definition.sources.size(); ++i) {
    if (definition.sources[i].key.empty()) continue;
    epoch.records[i] = id_of(registry, records_name(definition.sources[i]));
    TRY_ASSIGN(const auto mark, read_mark(*snapshot, log_, mark_of(*epoch.records[i])));
    if (!mark) replay.rebuild_records(i);
  }
  for (std::size_t i = 0; i < epoch.slots.size(); ++i) epoch.slots[i]->id = *id_of(registry, stored_name(definition, definition.views[i]));
  for (std::size_t i = 0; i < epoch.slots.size(); ++i) {
    if (before != nullptr && before->slot_of(epoch.slots[i]->id) != nullptr) continue;
    TRY(replay.load(i));
    TRY_ASSIGN(const auto drift, snapshot->state({log_, kDriftKey}, kLogLevel, mark_of(epoch.slots[i]->id)));
    if (drift) TRY(epoch.slots[i]->drift->read(*drift));
  }
  TRY(replay.run(last_line_));
  for (const auto& slot : epoch.slots)
    for (auto& shard : slot->shards) {
      const MutexLock lock(shard.mutex);
      shard.seen = last_line_;
    }
  if (!opening) return {};
  replayed_ = replay.played();
  return {};
}

/// What a view that is made alike had, into the one that follows it.
void RunningEngine::take_over(ViewSlot& from, ViewSlot& into) {
  from.retired = true;
  // A program that runs already goes on.
  const auto& before = from.view().expensive_features();
  for (std::size_t i = 0; i < into.resources.size() && i < from.resources.size(); ++i) {
    const auto* then = std::get_if<OutsideParameters>(&before[i].feature.parameters);
    const auto* now = std::get_if<OutsideParameters>(&into.view().expensive_features()[i].feature.parameters);
    if (then != nullptr && now != nullptr && *then == *now && from.resources[i].outside) into.resources[i] = from.resources[i];
  }
  for (std::size_t i = 0; i < ViewSlot::kShards; ++i) {
    const MutexLock lock(from.shards[i].mutex);
    const MutexLock also(into.shards[i].mutex);
    std::swap(from.shards[i].state, into.shards[i].state);
    std::swap(from.shards[i].unwritten, into.shards[i].unwritten);
    into.shards[i].seen = from.shards[i].seen;
    const Status bound = into.shards[i].state->rebind(into.view(), into.resources);
    CHECK(bound.ok(), bound.error().message());  // the same was made before, when the epoch was
  }
  into.drift = from.drift;
  into.applied = from.applied.load();
  into.read = from.read.load();
  into.not_found = from.not_found.load();
  into.expired = from.expired.load();
  into.nulls = from.nulls.load();
}

/// From here on the epoch is what runs. Whoever reads by the one before meanwhile finds that it is no more, and plans again.
void RunningEngine::replace(const std::shared_ptr<Epoch>& epoch, const Epoch* before) {
  const Instant now = clock_.now();
  std::vector<Refresher::Feature> features;
  const MutexLock lock(mutex_);
  if (before != nullptr)
    for (const auto& slot : before->slots) slot->retired = true;
  for (const auto& slot : epoch->slots) {
    const auto kept = before == nullptr ? nullptr : before->slot_of(slot->id);
    if (kept) take_over(*kept, *slot);
    const auto& expensive = slot->view().expensive_features();
    for (std::size_t i = 0; i < expensive.size(); ++i) {
      if (kept && same_schedule(kept->view().expensive_features()[i].feature.schedule, expensive[i].feature.schedule))
        slot->scheduled[i] = kept->scheduled[i];
      else tell_all(*slot, i, now);
      features.push_back({slot, i, slot->scheduled[i]});
    }
  }
  epoch_ = epoch;
  for (const auto& source : epoch->project->definition().sources) counts_.try_emplace(source.name);
  refresher_->set(std::move(features));
}

Status RunningEngine::restart_drift(std::string_view view) {
  const auto now_runs = epoch();
  const auto at = now_runs ? now_runs->project->find_view(view) : std::nullopt;
  if (!at) return not_found(fmt::format("there is no view '{}'", view));
  now_runs->slots[*at]->drift->restart();
  return {};
}

void RunningEngine::tell_all(ViewSlot& slot, std::size_t expensive, Instant now) {
  for (auto& shard : slot.shards) {
    const MutexLock lock(shard.mutex);
    shard.state->each_key([&](std::string_view key) {
      if (const auto work = shard.state->work(key, expensive, now))
        slot.scheduled[expensive]->found(key, *work, shard.state->expensive_row(key, expensive), now);
    });
  }
}

}  // namespace isobar::features
