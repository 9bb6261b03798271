#include "features/view_state.h"

#include <fmt/format.h>

#include <algorithm>

#include "view_inside.h"

namespace isobar::features {

ViewState::ViewState(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
ViewState::~ViewState() = default;

Result<std::unique_ptr<ViewState>> ViewState::create(const CompiledView& view, const Options& options) {
  auto inside = std::make_unique<Inside>(view, options);
  if (!view.windows().empty()) {
    TRY_ASSIGN(inside->windows,
               KeyedWindows::create(view.aggregates(), view.argument_types(), view.windows(), {.lateness = view.lateness()}));
  }
  TRY(inside->make_featurizers());
  return std::unique_ptr<ViewState>(new ViewState(std::move(inside)));
}

Status ViewState::Inside::make_featurizers() {
  featurizers.clear();
  const auto& expensive = view->expensive_features();
  for (std::size_t i = 0; i < expensive.size(); ++i) {
    const auto resource = i < options.resources.size() ? options.resources[i] : FeaturizerResource{};
    TRY_ASSIGN(auto featurizer, Featurizer::create(expensive[i].feature, view->lateness(), resource).context(view->name()));
    featurizers.push_back(std::move(featurizer));
  }
  return {};
}

Status ViewState::rebind(const CompiledView& view, FeaturizerResources resources) {
  inside_->view = &view;
  inside_->options.resources = std::move(resources);
  return inside_->make_featurizers();
}

Placed ViewState::insert(const EventOrder& order, const Contribution& contribution) {
  if (order.time <= inside_->watermark) return inside_->take(order, contribution);
  KeyEntry& entry = inside_->entry(contribution.key);
  const auto at = std::ranges::lower_bound(entry.waiting, order, {}, &KeyEvent::order);
  entry.waiting.insert(at, {order, contribution});
  inside_->due.emplace(order.time, contribution.key);
  return Placed::kMerged;
}

/// An event that is not from the future.
Placed ViewState::Inside::take(const EventOrder& order, const Contribution& contribution) {
  KeyEntry& key = entry(contribution.key);
  const bool newer = !key.newest || order > *key.newest;
  if (newer) {
    key.newest = order;
    key.row = contribution.newest;
  }
  for (std::size_t i = 0; i < featurizers.size(); ++i) take_expensive(key, i, order, contribution);
  if (!windows) return Placed::kMerged;
  const Placed placed = windows->insert(contribution.key, order, contribution.arguments);
  return newer ? Placed::kMerged : placed;
}

void ViewState::Inside::take_expensive(KeyEntry& key, std::size_t i, const EventOrder& order, const Contribution& contribution) {
  auto& [input, row] = key.expensive[i];
  const auto added = input->add(order, inputs_of(i, contribution));
  if (!added.fresh || (row && added.known && featurizers[i]->has(*row, added.known->first))) return;
  Note note{.key = contribution.key, .expensive = i, .order = order, .time = order.time, .fresh = true, .error = {}, .served_upto = {}};
  if (row && added.known) {
    note.error = featurizers[i]->error(*row, added.known->first, added.known->second, *input);
    note.served_upto = row->upto;
  }
  notes.push_back(std::move(note));
}

KeyEntry& ViewState::Inside::entry(std::string_view key) {
  const auto known = keys.find(key);
  if (known != keys.end()) return *known->second;
  auto made = std::make_unique<KeyEntry>();
  for (const auto& featurizer : featurizers) made->expensive.push_back({featurizer->input(), std::nullopt});
  return *keys.emplace(std::string(key), std::move(made)).first->second;
}

std::span<const Value> ViewState::Inside::inputs_of(std::size_t i, const Contribution& contribution) const {
  return std::span(contribution.inputs).subspan(view->expensive_features()[i].input, featurizers[i]->inputs());
}

ViewState::Retracted ViewState::retract(const EventOrder& order, const Contribution& contribution) {
  const auto known = inside_->keys.find(contribution.key);
  if (known == inside_->keys.end()) return {.known = false, .newest = false, .span = {}};
  KeyEntry& key = *known->second;
  const auto waits = std::ranges::find(key.waiting, order, &KeyEvent::order);
  if (waits != key.waiting.end()) {
    key.waiting.erase(waits);
    return {};
  }
  Retracted retracted{.known = true, .newest = key.newest == order, .span = {}};
  for (std::size_t i = 0; i < inside_->featurizers.size(); ++i) key.expensive[i].input->remove(order, inside_->inputs_of(i, contribution));
  if (!inside_->windows) return retracted;
  const Retraction done = inside_->windows->retract(contribution.key, order, contribution.arguments);
  retracted.known = retracted.newest || done.what != Retraction::What::kUnknown;
  if (done.what == Retraction::What::kRebuild) retracted.span = done.span;
  return retracted;
}

void ViewState::rebuild(std::string_view key, const std::optional<KeyEvent>& newest, std::optional<Span> span,
                        std::span<const KeyEvent> events) {
  const auto known = inside_->keys.find(key);
  if (known == inside_->keys.end()) return;
  KeyEntry& entry = *known->second;
  entry.newest = newest ? std::optional(newest->order) : std::nullopt;
  entry.row = newest ? newest->contribution.newest : Row();
  if (span && inside_->windows) {
    std::vector<Event> left;
    for (const auto& event : events) left.push_back({event.order, event.contribution.arguments});
    inside_->windows->rebuild(key, *span, left);
  }
}

void ViewState::advance(Instant watermark) {
  if (watermark <= inside_->watermark) return;
  inside_->watermark = watermark;
  if (inside_->windows) inside_->windows->advance(watermark);
  auto& due = inside_->due;
  while (!due.empty() && due.begin()->first <= watermark) {
    const auto known = inside_->keys.find(due.begin()->second);
    due.erase(due.begin());
    if (known == inside_->keys.end()) continue;
    // All of the key's at its first due time; they may have been taken out since.
    auto& waiting = known->second->waiting;
    const auto end = std::ranges::find_if(waiting, [&](const KeyEvent& event) { return event.order.time > watermark; });
    const std::vector<KeyEvent> ready(std::make_move_iterator(waiting.begin()), std::make_move_iterator(end));
    waiting.erase(waiting.begin(), end);
    for (const auto& event : ready) inside_->take(event.order, event.contribution);
  }
}

Instant ViewState::watermark() const { return inside_->watermark; }

bool ViewState::due(Instant at) const { return !inside_->due.empty() && inside_->due.begin()->first <= at; }

void ViewState::expire() {
  if (inside_->windows) inside_->windows->expire();
  const auto& ttl = inside_->view->view().ttl;
  if (!ttl) return;
  const std::int64_t horizon = minus(inside_->watermark.unix_nanos(), (*ttl + inside_->options.remembered).count());
  boost::unordered::erase_if(inside_->keys, [&](const auto& entry) {
    const KeyEntry& key = *entry.second;
    return key.waiting.empty() && (!key.newest || key.newest->time.unix_nanos() < horizon);
  });
}

ViewReading ViewState::read(std::string_view key, Instant at, const std::vector<bool>& wanted) const {
  ViewReading reading;
  const auto known = inside_->keys.find(key);
  if (known == inside_->keys.end() || !known->second->newest) return reading;
  const KeyEntry& entry = *known->second;
  reading.newest = *entry.newest;
  const auto& ttl = inside_->view->view().ttl;
  if (ttl && minus(at.unix_nanos(), entry.newest->time.unix_nanos()) > ttl->count()) {
    reading.status = ViewReading::Status::kExpired;
    return reading;
  }
  reading.status = ViewReading::Status::kFound;
  reading.values.resize(inside_->view->stored().size());
  reading.statuses.resize(reading.values.size());
  inside_->read_values(key, entry, at, wanted, reading);
  return reading;
}

void ViewState::Inside::read_values(std::string_view key, const KeyEntry& entry, Instant at, const std::vector<bool>& wanted,
                                    ViewReading& reading) const {
  const auto is_wanted = [&](std::size_t stored) { return wanted.empty() || wanted[stored]; };
  const auto places = view->newest_features();
  for (std::size_t i = 0; i < places.size(); ++i)
    if (is_wanted(places[i])) reading.values[places[i]] = entry.row[i];
  std::vector<std::size_t> beyond;
  if (windows) {
    std::vector<bool> of_windows;
    if (!wanted.empty()) {
      of_windows.resize(view->windows().size() * view->aggregates().size());
      for (const auto& [stored, place] : view->windowed_features()) of_windows[place] = of_windows[place] || wanted[stored];
    }
    Reading read = windows->read(key, at, of_windows);
    for (const auto& problem : read.problems) beyond.push_back(problem.value);
    for (const auto& [stored, place] : view->windowed_features()) reading.values[stored] = read.values[place];
  }
  const auto& expensive = view->expensive_features();
  for (std::size_t i = 0; i < expensive.size(); ++i)
    if (is_wanted(expensive[i].stored)) reading.values[expensive[i].stored] = expensive_value(entry, i, at);
  for (std::size_t i = 0; i < reading.values.size(); ++i) reading.statuses[i] = status_of(reading.values[i]);
  for (const auto& [stored, place] : view->windowed_features())
    if (std::ranges::find(beyond, place) != beyond.end()) reading.statuses[stored] = FieldStatus::kInvalid;
}

Value ViewState::Inside::expensive_value(const KeyEntry& entry, std::size_t i, Instant at) const {
  const auto& [input, row] = entry.expensive[i];
  if (options.expensive == ExpensiveValues::kStored) return row ? featurizers[i]->value(*row, at) : Value();
  const auto work = input->work(at);
  if (!work) return {};
  const auto made = featurizers[i]->make(*work);
  return made ? featurizers[i]->value(*made, at) : Value();
}

std::vector<ViewState::Note> ViewState::take_notes() { return std::exchange(inside_->notes, {}); }

std::optional<ExpensiveWork> ViewState::work(std::string_view key, std::size_t expensive, Instant at) const {
  const auto known = inside_->keys.find(key);
  return known == inside_->keys.end() ? std::nullopt : known->second->expensive[expensive].input->work(at);
}

std::shared_ptr<const Featurizer> ViewState::featurizer(std::size_t expensive) const { return inside_->featurizers[expensive]; }

bool ViewState::set_expensive(std::string_view key, std::size_t expensive, ExpensiveRow row) {
  const auto known = inside_->keys.find(key);
  if (known == inside_->keys.end()) return false;
  auto& held = known->second->expensive[expensive].row;
  if (held && row.upto <= held->upto) return false;
  held = std::move(row);
  return true;
}

const ExpensiveRow* ViewState::expensive_row(std::string_view key, std::size_t expensive) const {
  const auto known = inside_->keys.find(key);
  if (known == inside_->keys.end()) return nullptr;
  const auto& row = known->second->expensive[expensive].row;
  return row ? &*row : nullptr;
}

std::optional<Instant> ViewState::forgotten_at(std::string_view key) const {
  const auto& ttl = inside_->view->view().ttl;
  const auto known = inside_->keys.find(key);
  if (!ttl || known == inside_->keys.end() || !known->second->newest || !known->second->waiting.empty()) return std::nullopt;
  const std::int64_t time = known->second->newest->time.unix_nanos(), span = (*ttl + inside_->options.remembered).count();
  return time > INT64_MAX - span ? std::nullopt : std::optional(Instant::from_unix_nanos(time + span));
}

void ViewState::each_key(const std::function<void(std::string_view)>& visit) const {
  for (const auto& [key, entry] : inside_->keys) visit(key);
}

std::size_t ViewState::keys() const { return inside_->keys.size(); }
const WindowCounts* ViewState::window_counts() const { return inside_->windows ? &inside_->windows->counts() : nullptr; }
const CompiledView& ViewState::view() const { return *inside_->view; }

}  // namespace isobar::features
