#include "features/as_of_join.h"

#include <fmt/format.h>

#include <algorithm>

#include "contribution_maker.h"
#include "features/featurizer_resources.h"
#include "features/timestamp.h"
#include "newest_join.h"
#include "replay_join.h"

namespace isobar::features {

namespace {

constexpr std::uint64_t kMemoryBytesLeast = std::uint64_t{1} << 20;
constexpr std::uint64_t kLookEvery = 1 << 10;

Error stopped() { return {Code::kDeadlineExceeded, "stopped before the end"}; }

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

class AsOfJoin {
 public:
  AsOfJoin(const RequestPlan& plan, const JoinOptions& options) : plan_(plan), project_(plan.project()), options_(options) {}

  Status prepare(const EventStream& events) {
    if (options_.memory_bytes < kMemoryBytesLeast) return invalid("at least 1 MiB of memory is needed");
    fed_.resize(project_.sources().size());
    for (std::size_t part = 0; part < plan_.parts().size(); ++part) {
      const CompiledView& view = project_.views()[plan_.parts()[part].view];
      FeaturizerResources resources;
      if (!options_.as_served) {
        TRY_ASSIGN(resources, load_resources(view, options_.programs, plan_.parts()[part].wanted));
      }
      const bool short_way = options_.path == JoinPath::kFastest && !events.removes() && !options_.as_served;
      parts_.push_back(std::make_unique<PartJoin>(view, project_.definition(), short_way,
                                                  ReplayJoin::Options{.as_of_knowledge = options_.as_of_knowledge,
                                                                      .as_served = options_.as_served,
                                                                      .memory_bytes = options_.memory_bytes / plan_.parts().size(),
                                                                      .temporary = options_.temporary,
                                                                      .stop = options_.stop,
                                                                      .resources = std::move(resources),
                                                                      .wanted = plan_.parts()[part].wanted}));
      feed(part);
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
      if (options_.as_served && seen.size() != parts_.size())
        return invalid(fmt::format("row {} does not say what it had seen of its {} views", report_.rows + 1, parts_.size()));
      for (std::size_t i = 0; i < parts_.size(); ++i) {
        TRY_ASSIGN(const std::string key, plan_.key(plan_.parts()[i], inputs));
        TRY(parts_[i]->add_row(key, at, options_.as_served ? seen[i] : SeenUpto{}));
      }
      if (++report_.rows % kLookEvery == 0 && options_.stop.stop_requested()) return stopped();
    }
    for (auto& part : parts_) TRY(part->end_rows());
    return {};
  }

  Status add_events(const EventStream& events) {
    if (report_.rows > 0) TRY(events.each([this](const TrainingEvent& event) { return add_event(event); }));
    for (auto& part : parts_) TRY(part->end_events());
    return {};
  }

  Status answer(EntityRows& rows, const std::function<Status(const Row&, std::span<const Answered>)>& out) {
    TRY(rows.restart());
    Row inputs;
    Instant at;
    std::vector<ViewReading> readings(parts_.size());
    std::vector<Answered> answers(plan_.outputs().size());
    std::uint64_t instants = 0, count = 0;
    while (true) {
      TRY_ASSIGN(const bool more, rows.next(inputs, at));
      if (!more) break;
      note(instants, at);
      if (++count > report_.rows) break;
      for (std::size_t i = 0; i < parts_.size(); ++i) TRY(parts_[i]->next(readings[i]));
      plan_.answer(inputs, readings, answers);
      TRY(out(inputs, answers));
      if (count % kLookEvery == 0 && options_.stop.stop_requested()) return stopped();
    }
    if (count != report_.rows || instants != instants_) return Error(Code::kConflict, "the rows changed while they were read; try again");
    return {};
  }

  JoinReport report() const {
    JoinReport report = report_;
    for (const auto& part : parts_) report.spilled_bytes += part->spilled_bytes();
    return report;
  }

 private:
  struct Feed {
    std::size_t part, use;
    ContributionMaker maker;
  };

  /// Which sources feed a part, and how.
  void feed(std::size_t part) {
    for (std::size_t source = 0; source < fed_.size(); ++source) {
      const auto& views = project_.sources()[source].views;
      const auto use = std::ranges::find(views, plan_.parts()[part].view);
      if (use == views.end()) continue;
      const CompiledView& view = project_.views()[*use];
      fed_[source].push_back(
          {part, static_cast<std::size_t>(use - views.begin()), {view, source_schema(project_.definition(), view.view())}});
    }
  }

  Status add_event(const TrainingEvent& event) {
    if (++report_.events % kLookEvery == 0 && options_.stop.stop_requested()) return stopped();
    const Instant from = options_.as_of_knowledge ? event.arrived : event.removed ? event.withdrawn : event.order.time;
    if (options_.as_served ? event.superseded : from > last_) return {};
    for (Feed& feed : fed_[event.source]) {
      const auto made = feed.maker.make(project_.event_of(event.source, feed.use, event.row, space_));
      if (!made.ok()) {
        leave_out(event, made.error().message());
        continue;
      }
      if (*made == nullptr) continue;
      if (!(*made)->problem.empty()) leave_out(event, (*made)->problem);
      TRY(parts_[feed.part]->add_event({event.order, event.arrived, event.removed, event.withdrawn, **made, event.line}));
    }
    return {};
  }

  void leave_out(const TrainingEvent& event, const std::string& problem) {
    if (event.removed || report_.left_out++ > 0) return;
    report_.problem =
        fmt::format("an event of '{}' at {}: {}", project_.sources()[event.source].source->name, to_rfc3339(event.order.time), problem);
  }

  static void note(std::uint64_t& sum, Instant at) { sum = sum * 0x9e3779b97f4a7c15 + static_cast<std::uint64_t>(at.unix_nanos()); }

  const RequestPlan& plan_;
  const Project& project_;
  const JoinOptions& options_;
  std::vector<std::unique_ptr<PartJoin>> parts_;
  std::vector<std::vector<Feed>> fed_;  ///< by source
  Row space_;
  Instant last_ = Instant::from_unix_nanos(INT64_MIN);  ///< of all rows
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
