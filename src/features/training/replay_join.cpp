#include "replay_join.h"

#include <algorithm>
#include <bit>

#include "key_hash.h"

namespace isobar::features {

namespace {

constexpr std::uint64_t kBloomWordsLeast = std::uint64_t{1} << 12;
constexpr std::uint64_t kBloomWordsMost = std::uint64_t{1} << 20;
constexpr int kBloomProbes = 3;
constexpr std::size_t kGroupBytes = 2, kGroupBytesAsServed = 8;
/// Behind the group: when it takes effect, where the watermark is, and the number in the order of coming.
constexpr std::size_t kRowOrderBytes = 8 + 8 + 8;
constexpr std::size_t kEventOrderBytes = 8 + 8;
/// After so many events of a group what no window reaches any more is let go of.
constexpr std::uint64_t kExpireEvery = 1 << 16;
constexpr std::size_t kKeysWithRemovalsMost = 1 << 18;
constexpr std::uint64_t kStopEvery = 1 << 12;

template <class Visit>
void each_probe(std::uint64_t hash, std::size_t words, const Visit& visit) {
  const std::uint64_t step = hash >> 32 | 1;
  for (int i = 0; i < kBloomProbes; ++i) visit((hash + static_cast<std::uint64_t>(i) * step) % (64 * words));
}

}  // namespace

/// `effect` is an instant in its order, or as served a line of the log.
struct ReplayJoin::Row {
  bool there = false;
  std::uint64_t group = 0, effect = 0;
  Instant at;
  Instant watermark;  ///< that of the state then; the instant itself, where it is not told
  std::uint64_t number = 0;
  std::string key;
};

struct ReplayJoin::Event {
  std::uint64_t group = 0, effect = 0;
  Instant at;  ///< when it takes effect: its time, or as of knowledge, and as served, its arrival
  EventOrder order;
  bool removed = false;
  Contribution contribution;
};

ReplayJoin::ReplayJoin(const CompiledView& view, const Definition& definition, Options options)
    : view_(view),
      definition_(definition),
      options_(std::move(options)),
      group_bytes_(options_.as_served ? kGroupBytesAsServed : kGroupBytes),
      rows_(group_bytes_ + kRowOrderBytes, options_.memory_bytes / 4, options_.temporary),
      events_(group_bytes_ + kEventOrderBytes, options_.memory_bytes / 2, options_.temporary),
      readings_(sizeof(std::uint64_t), options_.memory_bytes / 4, options_.temporary),
      asked_(std::clamp(std::bit_floor(options_.memory_bytes / 128), kBloomWordsLeast, kBloomWordsMost)) {}

std::uint64_t ReplayJoin::group_of(std::uint64_t hash) const { return options_.as_served ? hash : hash >> 52; }

Status ReplayJoin::add_row(std::string_view key, Instant at, const SeenUpto& seen) {
  const std::uint64_t hash = hash_of_key(key);
  each_probe(hash, asked_.size(), [&](std::uint64_t bit) { asked_[bit / 64] |= std::uint64_t{1} << (bit % 64); });
  head_.clear();
  tail_.clear();
  append_ordered(head_, group_of(hash), group_bytes_);
  if (options_.as_served) append_ordered(head_, seen.line);
  else append_ordered(head_, at);
  append_ordered(head_, options_.as_served ? seen.watermark : at);
  append_ordered(head_, row_count_++);
  append_ordered(tail_, at);
  tail_ += key;
  return rows_.add(head_, tail_);
}

bool ReplayJoin::may_be_asked(std::uint64_t hash) const {
  bool maybe = true;
  each_probe(hash, asked_.size(), [&](std::uint64_t bit) { maybe = maybe && (asked_[bit / 64] >> (bit % 64) & 1) != 0; });
  return maybe;
}

Status ReplayJoin::add_event(const ViewEvent& event) {
  const std::uint64_t hash = hash_of_key(event.contribution.key);
  if (!may_be_asked(hash)) return {};
  head_.clear();
  tail_.clear();
  append_ordered(head_, group_of(hash), group_bytes_);
  if (options_.as_served) append_ordered(head_, event.line);
  else append_ordered(head_, options_.as_of_knowledge ? event.arrived : event.removed ? event.withdrawn : event.order.time);
  append_ordered(head_, event_count_++);
  if (event.removed) note_removal(hash);
  else delay_ = std::max(delay_, event.arrived - event.order.time);
  append_byte(tail_, event.removed ? 1 : 0);
  if (options_.as_served) append_zigzag(tail_, event.arrived.unix_nanos());
  append_zigzag(tail_, event.order.time.unix_nanos());
  append_zigzag(tail_, event.order.created.unix_nanos());
  append_varint(tail_, event.order.sequence);
  append_varint(tail_, event.contribution.key.size());
  tail_ += event.contribution.key;
  append_values(tail_, event.contribution.newest);
  append_values(tail_, event.contribution.arguments);
  append_values(tail_, event.contribution.inputs);
  return events_.add(head_, tail_);
}

void ReplayJoin::note_removal(std::uint64_t hash) {
  if (many_removals_) return;
  with_removals_.insert(hash);
  if (with_removals_.size() < kKeysWithRemovalsMost) return;
  many_removals_ = true;
  with_removals_ = {};
}

bool ReplayJoin::has_removals(std::string_view key) const {
  return many_removals_ || (!with_removals_.empty() && with_removals_.contains(hash_of_key(key)));
}

Status ReplayJoin::read_row(Row& row) {
  TRY_ASSIGN(const std::string_view record, rows_.next());
  row.there = !record.empty();
  if (!row.there) return {};
  row.group = ordered_number(record.substr(0, group_bytes_));
  row.effect = ordered_number(record.substr(group_bytes_, 8));
  row.watermark = ordered_instant(record.substr(group_bytes_ + 8, 8));
  row.number = ordered_number(record.substr(group_bytes_ + 16, 8));
  row.at = ordered_instant(record.substr(group_bytes_ + kRowOrderBytes, 8));
  row.key = record.substr(group_bytes_ + kRowOrderBytes + 8);
  return {};
}

/// Takes the next event.
Result<bool> ReplayJoin::next_event(Event& event) {
  TRY_ASSIGN(const std::string_view record, events_.next());
  if (record.empty()) return false;
  event.group = ordered_number(record.substr(0, group_bytes_));
  event.effect = ordered_number(record.substr(group_bytes_, 8));
  event.at = ordered_instant(record.substr(group_bytes_, 8));
  ByteReader reader(record.substr(group_bytes_ + kEventOrderBytes));
  TRY_ASSIGN(const std::uint8_t removed, reader.byte());
  if (options_.as_served) {
    TRY_ASSIGN(const std::int64_t arrived, reader.zigzag());
    event.at = Instant::from_unix_nanos(arrived);
  }
  TRY_ASSIGN(const std::int64_t time, reader.zigzag());
  TRY_ASSIGN(const std::int64_t created, reader.zigzag());
  TRY_ASSIGN(event.order.sequence, reader.varint());
  event.removed = removed != 0;
  event.order.time = Instant::from_unix_nanos(time);
  event.order.created = Instant::from_unix_nanos(created);
  TRY_ASSIGN(const std::uint64_t length, reader.varint());
  TRY_ASSIGN(event.contribution.key, reader.take(length));
  TRY(read_values(reader, view_.newest_features().size(), event.contribution.newest));
  TRY(read_values(reader, view_.argument_types().size(), event.contribution.arguments));
  TRY(read_values(reader, view_.input_count(), event.contribution.inputs));
  return true;
}

/// What is remembered of the keys that have removals.
struct ReplayJoin::History {
  std::map<std::string, std::map<EventOrder, Contribution>, std::less<>> events;

  void add(const Event& event) { events[event.contribution.key].emplace(event.order, event.contribution); }

  /// The greatest that is not after an instant.
  static EventOrder last_order(Instant at) { return {at, Instant::from_unix_nanos(INT64_MAX), UINT64_MAX}; }

  /// Takes an event out of the state, and makes again what could not forget it.
  void remove(ViewState& state, const Event& event) {
    auto& left = events[event.contribution.key];
    left.erase(event.order);
    const auto retracted = state.retract(event.order, event.contribution);
    if (!retracted.known || (!retracted.newest && !retracted.span)) return;
    const auto after = left.upper_bound(last_order(state.watermark()));
    std::optional<ViewState::KeyEvent> newest;
    if (after != left.begin()) newest = {std::prev(after)->first, std::prev(after)->second};
    std::vector<ViewState::KeyEvent> inside;
    if (retracted.span)
      for (auto at = left.upper_bound(last_order(retracted.span->after)); at != after && at->first.time <= retracted.span->until; ++at)
        inside.push_back({at->first, at->second});
    state.rebuild(event.contribution.key, newest, retracted.span, inside);
  }
};

/// A group's state, from its first event or row to its last.
class ReplayJoin::Group {
 public:
  Group(const CompiledView& view, const ReplayJoin& join) : view_(view), join_(join) {}

  Status start() {
    constexpr Duration kRemembered = std::chrono::hours(24 * 365 * 100);
    const Duration ttl = view_.view().ttl.value_or(Duration(0));
    TRY_ASSIGN(state_, ViewState::create(view_, {.expensive = join_.options_.as_served ? ExpensiveValues::kStored : ExpensiveValues::kFresh,
                                                 .remembered = std::min(kRemembered, kForever - ttl),
                                                 .resources = join_.options_.resources}));
    return {};
  }
  void take(const Event& event) {
    state_->advance(event.at);
    if (event.removed) {
      history_.remove(*state_, event);
    } else {
      if (join_.has_removals(event.contribution.key)) history_.add(event);
      state_->insert(event.order, event.contribution);
    }
    if (!view_.expensive_features().empty()) state_->take_notes();
    if (++taken_ % kExpireEvery == 0) state_->expire();
  }
  ViewReading read(const Row& row) {
    state_->advance(row.watermark);
    return state_->read(row.key, row.at, join_.options_.wanted);
  }

 private:
  const CompiledView& view_;
  const ReplayJoin& join_;
  std::unique_ptr<ViewState> state_;
  History history_;
  std::uint64_t taken_ = 0;
};

/// The view with as much patience as the events ask for. None: it has that.
Result<std::unique_ptr<CompiledView>> ReplayJoin::view_for_delay() const {
  constexpr Duration kDelayMost = std::chrono::hours(24 * 365 * 100);
  if (!options_.as_of_knowledge || delay_ <= view_.lateness()) return std::unique_ptr<CompiledView>();
  Definition patient = definition_;
  for (Source& source : patient.sources)
    if (std::ranges::count(view_.view().sources, source.name) > 0)
      source.lateness = std::max(source.lateness, std::min(delay_, kDelayMost));
  TRY_ASSIGN(CompiledView view, CompiledView::create(patient, view_.view()));
  return std::make_unique<CompiledView>(std::move(view));
}

Status ReplayJoin::end_events() {
  TRY_ASSIGN(const auto patient, view_for_delay());
  asked_ = {};
  TRY(rows_.sort());
  TRY(events_.sort());
  TRY(replay(patient ? *patient : view_));
  return readings_.sort();
}

Status ReplayJoin::replay(const CompiledView& view) {
  Row row;
  Event event;
  TRY(read_row(row));
  TRY_ASSIGN(bool some_event, next_event(event));
  std::uint64_t answered = 0;
  while (row.there) {
    const std::uint64_t group = row.group;
    while (some_event && event.group < group) {
      TRY_ASSIGN(some_event, next_event(event));
    }
    Group state(view, *this);
    TRY(state.start());
    for (; row.there && row.group == group; ++answered) {
      while (some_event && event.group == group && event.effect <= row.effect) {
        state.take(event);
        TRY_ASSIGN(some_event, next_event(event));
      }
      TRY(answer(row.number, state.read(row)));
      for (const auto& resource : options_.resources)
        if (resource.outside) TRY(resource.outside->problem());
      TRY(read_row(row));
      if (answered % kStopEvery == 0 && options_.stop.stop_requested()) return Error(Code::kDeadlineExceeded, "stopped");
    }
  }
  return {};
}

Status ReplayJoin::answer(std::uint64_t row, const ViewReading& reading) {
  head_.clear();
  tail_.clear();
  append_ordered(head_, row);
  append_byte(tail_, static_cast<std::uint8_t>(reading.status));
  append_zigzag(tail_, reading.newest.time.unix_nanos());
  append_zigzag(tail_, reading.newest.created.unix_nanos());
  append_varint(tail_, reading.newest.sequence);
  if (reading.status == ViewReading::Status::kFound) {
    append_values(tail_, reading.values);
    for (const FieldStatus status : reading.statuses) append_byte(tail_, static_cast<std::uint8_t>(status));
  }
  return readings_.add(head_, tail_);
}

Status ReplayJoin::next(ViewReading& reading) {
  TRY_ASSIGN(const std::string_view record, readings_.next());
  if (record.empty()) return Error(Code::kConflict, "there are more rows than there were");
  CHECK(ordered_number(record.substr(0, 8)) == given_, given_);
  ++given_;
  ByteReader reader(record.substr(8));
  TRY_ASSIGN(const std::uint8_t status, reader.byte());
  TRY_ASSIGN(const std::int64_t time, reader.zigzag());
  TRY_ASSIGN(const std::int64_t created, reader.zigzag());
  TRY_ASSIGN(reading.newest.sequence, reader.varint());
  reading.status = static_cast<ViewReading::Status>(status);
  reading.newest.time = Instant::from_unix_nanos(time);
  reading.newest.created = Instant::from_unix_nanos(created);
  if (reading.status != ViewReading::Status::kFound) return {};
  TRY(read_values(reader, view_.stored().size(), reading.values));
  reading.statuses.resize(reading.values.size());
  for (FieldStatus& field : reading.statuses) {
    TRY_ASSIGN(const std::uint8_t byte, reader.byte());
    field = static_cast<FieldStatus>(byte);
  }
  return {};
}

}  // namespace isobar::features
