#include "features/as_of_join.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/parallel.h"
#include "contribution_maker.h"
#include "features/featurizer_resources.h"
#include "features/timestamp.h"
#include "key_hash.h"
#include "newest_join.h"
#include "replay_join.h"

namespace isobar::features {

namespace {

constexpr std::uint64_t kMemoryBytesLeast = std::uint64_t{1} << 20;
constexpr std::uint64_t kLookEvery = 1 << 10;

Error stopped() { return {Code::kDeadlineExceeded, "stopped before the end"}; }

/// That this process may use, which may be fewer than there are.
std::size_t processors() {
  cpu_set_t allowed;
  const bool known = ::sched_getaffinity(0, sizeof allowed, &allowed) == 0;
  return known ? static_cast<std::size_t>(std::max(1, CPU_COUNT(&allowed))) : std::max(1U, std::thread::hardware_concurrency());
}

/// A view's join by the way that is best for it: the short one as long as it fits.
class PartJoin final : public ViewJoin {
 public:
  PartJoin(const CompiledView& view, const Definition& definition, bool short_way, ReplayJoin::Options options)
      : view_(view), definition_(definition), options_(std::move(options)) {
    if (short_way && NewestJoin::can_join(view)) newest_ = std::make_unique<NewestJoin>(view, options_.as_of_knowledge);
    else replay_ = std::make_unique<ReplayJoin>(view, definition, options_);
  }

  Status add_row(std::string_view key, Instant at, const SeenUpto& seen) override {
    TRY(look());
    return way().add_row(key, at, seen);
  }
  Status end_rows() override { return way().end_rows(); }
  Status add_event(const ViewEvent& event) override {
    TRY(look());
    return way().add_event(event);
  }
  Status end_events() override { return way().end_events(); }
  Status next(ViewReading& reading) override { return way().next(reading); }

  std::uint64_t spilled_bytes() const { return replay_ ? replay_->spilled_bytes() : 0; }
  Duration delay() const { return replay_ ? replay_->delay() : Duration(0); }
  void set_delay(Duration delay) {
    if (replay_) replay_->set_delay(delay);
  }

 private:
  ViewJoin& way() { return newest_ ? static_cast<ViewJoin&>(*newest_) : *replay_; }

  /// Now and then, whether it still fits.
  Status look() {
    if (!newest_ || ++added_ % kLookEvery != 0) return {};
    if (newest_->bytes() <= options_.memory_bytes && !newest_->too_many_rows()) return {};
    replay_ = std::make_unique<ReplayJoin>(view_, definition_, options_);
    TRY(newest_->move_to(*replay_));
    newest_.reset();
    return {};
  }

  const CompiledView& view_;
  const Definition& definition_;
  ReplayJoin::Options options_;
  std::unique_ptr<NewestJoin> newest_;
  std::unique_ptr<ReplayJoin> replay_;
  std::uint64_t added_ = 0;
};

/// An event as it is kept for the threads.
struct KeptEvent {
  std::size_t source = 0;
  EventOrder order;
  Instant arrived, withdrawn;
  bool removed = false;
  std::uint64_t line = 0, number = 0;
  Row row;
};

/// What one thread at a time works at: of a view's keys those of one share, or all.
class JoinUnit {
 public:
  JoinUnit(const RequestPlan& plan, std::size_t part, std::size_t share, std::size_t shares, ReplayJoin::Options options)
      : project_(plan.project()),
        view_(project_.views()[plan.parts()[part].view]),
        share_(share),
        shares_(shares),
        join_(view_, project_.definition(), short_way(options), std::move(options)) {
    for (std::size_t source = 0; source < project_.sources().size(); ++source) {
      const auto& views = project_.sources()[source].views;
      const auto use = std::ranges::find(views, plan.parts()[part].view);
      if (use == views.end()) continue;
      feeds_.push_back(
          {source, static_cast<std::size_t>(use - views.begin()), {view_, source_schema(project_.definition(), view_.view())}});
    }
  }

  static std::size_t share_of(std::string_view key, std::size_t shares) { return shares == 1 ? 0 : hash_of_key(key) % shares; }

  PartJoin& join() { return join_; }

  /// event   one that was kept, or with the same members
  template <class Event>
  Status add(const Event& event, std::uint64_t number) {
    for (Feed& feed : feeds_) {
      if (feed.source != event.source) continue;
      const auto made = feed.maker.make(project_.event_of(event.source, feed.use, event.row, space_));
      if (!made.ok()) {
        leave_out(event, number, made.error().message());
        continue;
      }
      if (*made == nullptr) continue;
      if (!(*made)->problem.empty()) leave_out(event, number, (*made)->problem);
      if (share_of((*made)->key, shares_) != share_) continue;
      TRY(join_.add_event({event.order, event.arrived, event.removed, event.withdrawn, **made, event.line}));
    }
    return {};
  }

  std::uint64_t left_out() const { return left_out_; }
  /// The number of the event that was left out first, and why.
  const std::pair<std::uint64_t, std::string>& first_left_out() const { return first_; }

 private:
  struct Feed {
    std::size_t source, use;
    ContributionMaker maker;
  };
  static bool short_way(const ReplayJoin::Options& options) { return options.short_way; }

  /// Each share sees each event; one of them counts.
  template <class Event>
  void leave_out(const Event& event, std::uint64_t number, const std::string& problem) {
    if (event.removed || share_ != 0 || left_out_++ > 0) return;
    first_ = {number, fmt::format("an event of '{}' at {}: {}", project_.sources()[event.source].source->name, to_rfc3339(event.order.time),
                                  problem)};
  }

  const Project& project_;
  const CompiledView& view_;
  std::size_t share_, shares_;
  PartJoin join_;
  std::vector<Feed> feeds_;
  Row space_;
  std::uint64_t left_out_ = 0;
  std::pair<std::uint64_t, std::string> first_;
};

/// Events go to threads by the batch; each thread has some of the units, and takes the batches one after another.
class UnitThreads {
 public:
  using Batch = std::vector<KeptEvent>;
  static constexpr std::size_t kBatchEvents = 4096;

  UnitThreads(std::vector<std::vector<JoinUnit*>> units) : units_(std::move(units)), status_(units_.size()), taken_(units_.size()) {
    for (std::size_t i = 0; i < units_.size(); ++i) threads_.emplace_back([this, i] { run(i); });
  }
  ~UnitThreads() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
  }

  /// One that was used, or a new one.
  std::unique_ptr<Batch> take_batch() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !spare_.empty() || made_ < kBatchesMost; });
    if (spare_.empty()) {
      ++made_;
      return std::make_unique<Batch>(kBatchEvents);
    }
    auto batch = std::move(spare_.back());
    spare_.pop_back();
    return batch;
  }
  /// used   of its events
  void give(std::unique_ptr<Batch> batch, std::size_t used) {
    {
      const std::lock_guard lock(mutex_);
      batches_.push_back({std::move(batch), used, units_.size()});
    }
    changed_.notify_all();
  }
  Status status() const {
    const std::lock_guard lock(mutex_);
    for (const Status& one : status_) TRY(one);
    return {};
  }
  /// Until all that was given is taken.
  Status finish() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return batches_.empty(); });
    lock.unlock();
    return status();
  }

 private:
  static constexpr std::size_t kBatchesMost = 8;
  struct Given {
    std::unique_ptr<Batch> batch;
    std::size_t used, left;  ///< left: threads that have not taken it
  };

  void run(std::size_t thread) {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return closed_ || taken_[thread] < first_ + batches_.size(); });
      if (taken_[thread] == first_ + batches_.size()) return;
      Given& given = batches_[taken_[thread] - first_];
      if (status_[thread].ok()) {
        lock.unlock();
        Status done = take(thread, *given.batch, given.used);
        lock.lock();
        status_[thread] = std::move(done);
      }
      // A deque's other elements stay where they are while the first go.
      ++taken_[thread];
      --given.left;
      while (!batches_.empty() && batches_.front().left == 0) {
        spare_.push_back(std::move(batches_.front().batch));
        batches_.pop_front();
        ++first_;
      }
      changed_.notify_all();
    }
  }
  Status take(std::size_t thread, const Batch& batch, std::size_t used) {
    for (JoinUnit* unit : units_[thread])
      for (std::size_t i = 0; i < used; ++i) TRY(unit->add(batch[i], batch[i].number));
    return {};
  }

  const std::vector<std::vector<JoinUnit*>> units_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Given> batches_;
  std::size_t first_ = 0, made_ = 0;
  std::vector<std::unique_ptr<Batch>> spare_;
  std::vector<Status> status_;
  std::vector<std::size_t> taken_;  ///< of each thread, how many batches
  bool closed_ = false;
  std::vector<std::jthread> threads_;  // last, as they use the others
};

class AsOfJoin {
 public:
  AsOfJoin(const RequestPlan& plan, const JoinOptions& options) : plan_(plan), options_(options) {}

  Status prepare(const EventStream& events) {
    if (options_.memory_bytes < kMemoryBytesLeast) return invalid("at least 1 MiB of memory is needed");
    const std::size_t parts = plan_.parts().size();
    threads_ = options_.threads > 0 ? options_.threads : processors();
    shares_ = parts == 0 ? 1 : (threads_ + parts - 1) / parts;
    units_.resize(parts);
    for (std::size_t part = 0; part < parts; ++part) {
      const CompiledView& view = plan_.project().views()[plan_.parts()[part].view];
      for (std::size_t share = 0; share < shares_; ++share) {
        ReplayJoin::Options with{.as_of_knowledge = options_.as_of_knowledge,
                                 .as_served = options_.as_served,
                                 .short_way = options_.path == JoinPath::kFastest && !events.removes() && !options_.as_served,
                                 .memory_bytes = options_.memory_bytes / parts / shares_,
                                 .temporary = options_.temporary,
                                 .stop = options_.stop,
                                 .resources = {},
                                 .wanted = plan_.parts()[part].wanted};
        if (!options_.as_served) {
          TRY_ASSIGN(with.resources, load_resources(view, options_.programs, plan_.parts()[part].wanted));
        }
        units_[part].push_back(std::make_unique<JoinUnit>(plan_, part, share, shares_, std::move(with)));
      }
    }
    return {};
  }

  Status add_rows(EntityRows& rows) {
    TRY(rows.restart());
    Row inputs;
    Instant at;
    while (true) {
      TRY_ASSIGN(const bool more, rows.next(inputs, at));
      if (!more) break;
      last_ = std::max(last_, at);
      note(instants_, at);
      const auto seen = rows.seen();
      if (options_.as_served && seen.size() != units_.size())
        return invalid(fmt::format("row {} does not say what it had seen of its {} views", report_.rows + 1, units_.size()));
      for (std::size_t i = 0; i < units_.size(); ++i) {
        TRY_ASSIGN(const std::string key, plan_.key(plan_.parts()[i], inputs));
        const std::size_t share = JoinUnit::share_of(key, shares_);
        if (shares_ > 1) share_of_row_.push_back(static_cast<std::uint16_t>(share));
        TRY(units_[i][share]->join().add_row(key, at, options_.as_served ? seen[i] : SeenUpto{}));
      }
      if (++report_.rows % kLookEvery == 0 && options_.stop.stop_requested()) return stopped();
    }
    return each_unit([](JoinUnit& unit) { return unit.join().end_rows(); });
  }

  Status add_events(const EventStream& events) {
    if (report_.rows > 0) TRY(threads_ == 1 ? add_events_here(events) : add_events_to_threads(events));
    for (auto& shares : units_) {
      // A view reaches back as far for all of its keys.
      Duration delay{0};
      for (auto& unit : shares) delay = std::max(delay, unit->join().delay());
      for (auto& unit : shares) unit->join().set_delay(delay);
    }
    return each_unit([](JoinUnit& unit) { return unit.join().end_events(); });
  }

  Status answer(EntityRows& rows, const std::function<Status(const Row&, std::span<const Answered>)>& out) {
    TRY(rows.restart());
    Row inputs;
    Instant at;
    std::vector<ViewReading> readings(units_.size());
    std::vector<Answered> answers(plan_.outputs().size());
    std::uint64_t instants = 0, count = 0;
    while (true) {
      TRY_ASSIGN(const bool more, rows.next(inputs, at));
      if (!more) break;
      note(instants, at);
      if (++count > report_.rows) break;
      for (std::size_t i = 0; i < units_.size(); ++i) {
        const std::size_t share = shares_ > 1 ? share_of_row_[(count - 1) * units_.size() + i] : 0;
        TRY(units_[i][share]->join().next(readings[i]));
      }
      plan_.answer(inputs, readings, answers);
      TRY(out(inputs, answers));
      if (count % kLookEvery == 0 && options_.stop.stop_requested()) return stopped();
    }
    if (count != report_.rows || instants != instants_) return Error(Code::kConflict, "the rows changed while they were read; try again");
    return {};
  }

  JoinReport report() const {
    JoinReport report = report_;
    std::uint64_t first = UINT64_MAX;
    for (const auto& shares : units_)
      for (const auto& unit : shares) {
        report.spilled_bytes += unit->join().spilled_bytes();
        report.left_out += unit->left_out();
        if (unit->left_out() == 0 || unit->first_left_out().first >= first) continue;
        first = unit->first_left_out().first;
        report.problem = unit->first_left_out().second;
      }
    return report;
  }

 private:
  /// Whether any row could see it.
  bool counts(const TrainingEvent& event) {
    ++report_.events;
    const Instant from = options_.as_of_knowledge ? event.arrived : event.removed ? event.withdrawn : event.order.time;
    return options_.as_served ? !event.superseded : from <= last_;
  }

  Status add_events_here(const EventStream& events) {
    return events.each([this](const TrainingEvent& event) -> Status {
      if (!counts(event)) return {};
      if (report_.events % kLookEvery == 0 && options_.stop.stop_requested()) return stopped();
      for (auto& shares : units_)
        for (auto& unit : shares) TRY(unit->add(event, report_.events));
      return {};
    });
  }

  Status add_events_to_threads(const EventStream& events) {
    std::vector<std::vector<JoinUnit*>> dealt(std::min(threads_, units_.size() * shares_));
    std::size_t next = 0;
    for (auto& shares : units_)
      for (auto& unit : shares) dealt[next++ % dealt.size()].push_back(unit.get());
    UnitThreads threads(std::move(dealt));
    auto batch = threads.take_batch();
    std::size_t used = 0;
    TRY(events.each([&](const TrainingEvent& event) -> Status {
      if (!counts(event)) return {};
      KeptEvent& kept = (*batch)[used++];
      kept = {event.source, event.order, event.arrived, event.withdrawn, event.removed, event.line, report_.events, std::move(kept.row)};
      kept.row = event.row;
      if (used < UnitThreads::kBatchEvents) return {};
      if (options_.stop.stop_requested()) return stopped();
      threads.give(std::move(batch), std::exchange(used, 0));
      batch = threads.take_batch();
      return threads.status();
    }));
    threads.give(std::move(batch), used);
    return threads.finish();
  }

  /// The same with each, as many at a time as there are threads.
  template <class Call>
  Status each_unit(const Call& call) {
    std::vector<JoinUnit*> all;
    for (auto& shares : units_)
      for (auto& unit : shares) all.push_back(unit.get());
    std::vector<Status> done(all.size());
    for_each_at_once(all.size(), threads_, [&](std::size_t i) { done[i] = call(*all[i]); });
    for (const Status& one : done) TRY(one);
    return {};
  }

  static void note(std::uint64_t& sum, Instant at) { sum = sum * 0x9e3779b97f4a7c15 + static_cast<std::uint64_t>(at.unix_nanos()); }

  const RequestPlan& plan_;
  const JoinOptions& options_;
  std::size_t threads_ = 1, shares_ = 1;
  std::vector<std::vector<std::unique_ptr<JoinUnit>>> units_;  ///< of each of the plan's parts, by share
  std::vector<std::uint16_t> share_of_row_;                    ///< row by row, of each part; none: there is one share
  Instant last_ = Instant::from_unix_nanos(INT64_MIN);         ///< of all rows
  std::uint64_t instants_ = 0;
  JoinReport report_;
};

}  // namespace

Result<JoinReport> join_as_of(const RequestPlan& plan, EntityRows& rows, const EventStream& events, const JoinOptions& options,
                              const std::function<Status(const Row& inputs, std::span<const Answered>)>& out) {
  AsOfJoin join(plan, options);
  TRY(join.prepare(events));
  TRY(join.add_rows(rows));
  TRY(join.add_events(events));
  TRY(join.answer(rows, out));
  return join.report();
}

}  // namespace isobar::features
