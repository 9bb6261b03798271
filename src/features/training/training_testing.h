#pragma once

/// Rows and events in memory, and the slow, obvious join of them that tests hold the fast ones to.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "features/as_of_join.h"
#include "features/timestamp.h"

namespace isobar::features {

template <class T>
T must(Result<T> result) {
  CHECK(result.ok(), result.ok() ? "" : result.error().message());
  return std::move(result).value();
}
inline void must(const Status& status) { CHECK(status.ok(), status.ok() ? "" : status.error().message()); }

inline Instant at_second(std::int64_t second) { return Instant::from_unix_seconds(second); }

class RowsInMemory final : public EntityRows {
 public:
  std::vector<std::pair<Row, Instant>> rows;

  Status restart() override {
    given_ = 0;
    return {};
  }
  Result<bool> next(Row& inputs, Instant& at) override {
    if (given_ == rows.size()) return false;
    inputs = rows[given_].first;
    at = rows[given_++].second;
    return true;
  }

 private:
  std::size_t given_ = 0;
};

class EventsInMemory final : public EventStream {
 public:
  struct Kept {
    std::size_t source;
    EventOrder order;
    Instant arrived;
    bool removed;
    Instant withdrawn;
    Row row;
  };
  std::vector<Kept> events;
  bool removals = false;

  Status each(const std::function<Status(const TrainingEvent&)>& visit) const override {
    for (const Kept& kept : events) TRY(visit({kept.source, kept.order, kept.arrived, kept.removed, kept.withdrawn, kept.row}));
    return {};
  }
  bool removes() const override { return removals; }
};

inline std::shared_ptr<const RequestPlan> plan_of(std::string_view definition, const RequestSpec& spec) {
  auto parsed = must(parse_definition(definition, "t.yaml"));
  return must(RequestPlan::create(must(Project::create(std::move(parsed))), spec));
}

struct Joined {
  std::vector<std::vector<Answered>> rows;
  JoinReport report;
};
inline Joined joined_by(std::size_t threads, const RequestPlan& plan, RowsInMemory rows, const EventsInMemory& events,
                        JoinOptions options) {
  Joined joined;
  options.threads = threads;
  joined.report = must(join_as_of(plan, rows, events, options, [&](const Row&, std::span<const Answered> answers) -> Status {
    joined.rows.emplace_back(answers.begin(), answers.end());
    return {};
  }));
  return joined;
}
inline bool same_answers(const Joined& a, const Joined& b) {
  return std::ranges::equal(a.rows, b.rows, [](const auto& row, const auto& other) {
    return std::ranges::equal(row, other, [](const Answered& x, const Answered& y) {
      return x.value == y.value && x.status == y.status && x.event_time == y.event_time;
    });
  });
}
/// By one thread, and by so many that views are shared among them: the same.
inline Joined joined(const RequestPlan& plan, const RowsInMemory& rows, const EventsInMemory& events, const JoinOptions& options) {
  Joined alone = joined_by(1, plan, rows, events, options);
  const Joined by_many = joined_by(5, plan, rows, events, options);
  CHECK(same_answers(alone, by_many));
  CHECK(alone.report.left_out == by_many.report.left_out, alone.report.left_out, by_many.report.left_out);
  CHECK(alone.report.problem == by_many.report.problem, alone.report.problem, by_many.report.problem);
  return alone;
}
inline JoinOptions in_memory() {
  JoinOptions options;
  options.temporary = fs::temp_directory_path();
  return options;
}

/// "7 PRESENT, null NOT_FOUND"
inline std::string described(const std::vector<Answered>& answers) {
  std::string text;
  for (const Answered& answer : answers)
    text += (text.empty() ? "" : ", ") + describe(answer.value) + " " + std::string(name_of(answer.status));
  return text;
}

}  // namespace isobar::features
