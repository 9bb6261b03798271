#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "features/ridge.h"
#include "features/workload.h"

namespace isobar::features {

namespace {

using Vector = std::vector<double>;

/// What a rating is made of: the mean of all, how much better the item is than it, how much more the user gives, and how both agree.
/// A user's vector is (more given, agreement…), an item's (better, agreement…); the other's leading 1 stands for what is its own.
struct Factors {
  double mean = 0;
  std::vector<Vector> users, items;

  Vector of_item(std::uint32_t item) const { return with_one(items[item]); }
  Vector of_user(std::uint32_t user) const { return with_one(users[user]); }
  /// What a user's vector is to explain of a rating: all but the mean and what is the item's own.
  double for_user(const TraceRow& row) const { return row.value - mean - items[row.item][0]; }
  double for_item(const TraceRow& row) const { return row.value - mean - users[row.key][0]; }

 private:
  static Vector with_one(const Vector& own) {
    Vector seen = own;
    seen[0] = 1;
    return seen;
  }
};

/// Alternating least squares: the users' vectors given the items', then the items' given the users', each a ridge regression of its own.
class Training {
 public:
  Training(const Trace& trace, std::span<const TraceRow> rows, const RatingsOptions& options) : rows_(rows), options_(options) {
    factors_.users.assign(trace.keys.size(), Vector(options.factors, 0.0));
    factors_.items.assign(trace.items.size(), Vector(options.factors, 0.0));
    for (const TraceRow& row : rows) factors_.mean += row.value / static_cast<double>(rows.size());
    Random random(options.seed);
    for (Vector& item : factors_.items)
      for (std::size_t i = 1; i < item.size(); ++i) item[i] = (random.uniform() - 0.5) * 0.2;
  }

  Result<Factors> run() && {
    for (int round = 0; round < options_.rounds; ++round) {
      TRY(solve(
          factors_.users, [](const TraceRow& row) { return row.key; },
          [this](const TraceRow& row) { return std::pair(factors_.of_item(row.item), factors_.for_user(row)); }));
      TRY(solve(
          factors_.items, [](const TraceRow& row) { return row.item; },
          [this](const TraceRow& row) { return std::pair(factors_.of_user(row.key), factors_.for_item(row)); }));
    }
    // Of an item that nobody rated nothing is known: no answer of it depends on the user.
    std::vector<bool> rated(factors_.items.size());
    for (const TraceRow& row : rows_) rated[row.item] = true;
    for (std::size_t item = 0; item < rated.size(); ++item)
      if (!rated[item]) std::fill(factors_.items[item].begin(), factors_.items[item].end(), 0.0);
    return std::move(factors_);
  }

 private:
  template <class Whose, class Equation>
  Status solve(std::vector<Vector>& vectors, const Whose& whose, const Equation& equation) {
    std::vector<std::vector<const TraceRow*>> rows(vectors.size());
    for (const TraceRow& row : rows_) rows[whose(row)].push_back(&row);
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      if (rows[i].empty()) continue;
      RidgeSums sums(options_.factors);
      for (const TraceRow* row : rows[i]) {
        const auto [seen, explained] = equation(*row);
        sums.add(seen, explained);
      }
      TRY_ASSIGN(vectors[i], sums.solve(options_.ridge));
    }
    return {};
  }

  std::span<const TraceRow> rows_;
  const RatingsOptions& options_;
  Factors factors_;
};

class RatingsWorkload final : public Workload {
 public:
  explicit RatingsWorkload(const RatingsOptions& options) : options_(options) {
    step_ = options.step;
    loss_ = "(rating − prediction)²";
  }

  Status build(const Trace& trace) {
    TRY(check(trace));
    keys_ = trace.keys;
    const std::size_t half = trace.rows.size() / 2;
    const std::span<const TraceRow> all(trace.rows);
    TRY_ASSIGN(factors_, Training(trace, all.first(half), options_).run());
    return stream(all.first(half), all.subspan(half));
  }

  AnswerError answer(std::uint32_t event, std::uint32_t row) const override {
    double predicted = factors_.mean + factors_.items[ratings_[event].item][0];
    if (row != kNoRow) predicted += dot(factors_.of_item(ratings_[event].item), rows_[row]);
    const double error = ratings_[event].value - predicted;
    return {error * error, std::abs(error)};
  }

 private:
  Status check(const Trace& trace) const {
    if (trace.items.empty())
      return invalid("ridge vectors are for ratings of items, and the trace has no column 'item'; name yours by --item-column");
    if (trace.rows.size() < 4)
      return invalid(fmt::format("{} ratings are too few: half of them train the items' factors", trace.rows.size()));
    if (options_.step <= Duration(0)) return invalid("a step takes no time; give one such as 1m");
    if (options_.factors < 1 || options_.factors > 1000)
      return invalid(fmt::format("{} factors are not possible; give 1 to 1000", options_.factors));
    if (options_.rounds < 1) return invalid("give one round of training or more");
    return {};
  }

  /// A user of the first half begins with the vector of what was rated there; any other without one.
  Status stream(std::span<const TraceRow> before, std::span<const TraceRow> rows) {
    std::vector<RidgeSums> sums(keys_.size(), RidgeSums(options_.factors));
    for (const TraceRow& row : before) sums[row.key].add(factors_.of_item(row.item), factors_.for_user(row));
    std::vector<bool> known(keys_.size());
    for (const TraceRow& row : before) {
      if (known[row.key]) continue;
      known[row.key] = true;
      TRY(add_event({row.key, 0, 0, true}, row, sums[row.key]));
    }
    std::uint32_t step = 0;
    std::int64_t minute = rows.front().time.unix_nanos() / options_.step.count();
    for (const TraceRow& row : rows) {
      const std::int64_t own = row.time.unix_nanos() / options_.step.count();
      step += own != minute ? 1 : 0;
      minute = own;
      sums[row.key].add(factors_.of_item(row.item), factors_.for_user(row));
      TRY(add_event({row.key, step + 1, 1, false}, row, sums[row.key]));
    }
    return {};
  }

  Status add_event(const TraceEvent& event, const TraceRow& row, const RidgeSums& sums) {
    events_.push_back(event);
    ratings_.push_back(row);
    TRY_ASSIGN(Vector vector, sums.solve(options_.ridge));
    rows_.push_back(std::move(vector));
    return {};
  }

  RatingsOptions options_;
  Factors factors_;
  std::vector<TraceRow> ratings_;  ///< of each event
  std::vector<Vector> rows_;       ///< of each event: the user's vector after it
};

}  // namespace

Result<std::unique_ptr<Workload>> make_ratings_workload(const Trace& trace, const RatingsOptions& options) {
  auto workload = std::make_unique<RatingsWorkload>(options);
  TRY(workload->build(trace));
  return std::unique_ptr<Workload>(std::move(workload));
}

}  // namespace isobar::features
