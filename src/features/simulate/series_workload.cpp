#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "features/forecast.h"
#include "features/loss.h"
#include "features/workload.h"

namespace isobar::features {

namespace {

/// One key, evenly spaced.
struct Steps {
  std::uint32_t begin = 0;      ///< the step of virtual time that is its first
  std::vector<double> values;   ///< without gaps
  std::vector<bool> has_value;  ///< whether there was one, or it is that before
  double scale = 0;             ///< mean |step|
};

double mean_step(const std::vector<double>& values) {
  double sum = 0;
  for (std::size_t i = 1; i < values.size(); ++i) sum += std::abs(values[i] - values[i - 1]);
  return values.size() < 2 ? 0 : sum / static_cast<double>(values.size() - 1);
}

/// origin     where steps are counted from
/// steps_most the most that are taken
Steps resample(const std::vector<const TraceRow*>& rows, Instant origin, Duration step, std::size_t steps_most) {
  const auto index_of = [&](const TraceRow& row) { return static_cast<std::size_t>((row.time - origin) / step); };
  Steps steps{static_cast<std::uint32_t>(index_of(*rows.front())), {}, {}, 0};
  std::size_t at = 0;
  while (at < rows.size()) {
    const std::size_t index = index_of(*rows[at]), place = index - steps.begin;
    if (place >= steps_most) {
      // It goes on beyond, so what is missing before is a gap like any other.
      steps.values.resize(steps_most, steps.values.back());
      steps.has_value.resize(steps_most, false);
      break;
    }
    double sum = 0, count = 0;
    for (; at < rows.size() && index_of(*rows[at]) == index; ++at, ++count) sum += rows[at]->value;
    if (!steps.values.empty()) steps.values.resize(place, steps.values.back());
    steps.has_value.resize(place, false);
    steps.values.push_back(sum / count);
    steps.has_value.push_back(true);
  }
  steps.scale = mean_step(steps.values);
  return steps;
}

class SeriesWorkload final : public Workload {
 public:
  explicit SeriesWorkload(const SeriesOptions& options) : options_(options) {
    step_ = options.step;
    loss_ = "|forecast − value| / mean step of the series";
  }

  Status build(const Trace& trace) {
    TRY(check());
    TRY_ASSIGN(forecaster_, make_forecaster(options_.forecaster, options_.window, options_.period));
    TRY(take_keys(trace));
    list_events();
    count_queries();
    return fit_all();
  }

  AnswerError answer(std::uint32_t event, std::uint32_t row) const override {
    const Steps& series = series_[events_[event].key];
    const double predicted = rows_[row].at(events_[event].step - events_[row].step);
    const double value = series.values[events_[event].step - series.begin];
    // A forecast that runs off to infinity is as wrong as an answer can be.
    const auto error = loss_of(Loss::kScaled, value, predicted, series.scale);
    const double capped = error.ok() ? std::min(*error, options_.error_most) : options_.error_most;
    return {capped, capped};
  }

 private:
  Status check() const {
    if (options_.step <= Duration(0)) return invalid("a step takes no time; give one such as 1h");
    if (!(options_.error_most > 0))
      return invalid(fmt::format("an error of {} at most is not possible; give a number above 0", options_.error_most));
    if (options_.length && *options_.length / options_.step <= static_cast<std::int64_t>(options_.window))
      return invalid(fmt::format("{} are {} steps, and the first {} of them are history; give more", format_duration(*options_.length),
                                 *options_.length / options_.step, options_.window));
    return {};
  }

  Status take_keys(const Trace& trace) {
    std::vector<std::vector<const TraceRow*>> by_key(trace.keys.size());
    for (const TraceRow& row : trace.rows) by_key[row.key].push_back(&row);
    const bool align = options_.align_starts.value_or(trace.in_files_by_key);
    const std::int64_t step = options_.step.count(), first = trace.rows.front().time.unix_nanos();
    const Instant common = Instant::from_unix_nanos(first - ((first % step) + step) % step);
    const std::size_t length =
        options_.length ? static_cast<std::size_t>(*options_.length / options_.step) : std::numeric_limits<std::size_t>::max();
    std::size_t too_short = 0;
    for (std::size_t key = 0; key < by_key.size(); ++key) {
      const Instant origin = align ? by_key[key].front()->time : common;
      if ((by_key[key].back()->time - origin) / options_.step > 100'000'000)
        return invalid(
            fmt::format("key {} reaches over more than a hundred million steps; give a longer --step, or mend its times", trace.keys[key]));
      Steps steps = resample(by_key[key], origin, options_.step, length);
      const bool enough = options_.length ? steps.values.size() == length : steps.values.size() > options_.window;
      too_short += enough ? 0 : 1;
      if (!enough) continue;
      keys_.push_back(trace.keys[key]);
      series_.push_back(std::move(steps));
    }
    const std::string needed = format_duration(options_.length.value_or(options_.step * static_cast<std::int64_t>(options_.window + 1)));
    if (keys_.empty()) return invalid(fmt::format("no key has values over {}; give a shorter --for, --window or --step", needed));
    if (too_short > 0)
      remarks_.push_back(fmt::format("{} of {} keys are left out: they have values over less than {}.", too_short, by_key.size(), needed));
    return {};
  }

  void list_events() {
    for (std::uint32_t key = 0; key < series_.size(); ++key) {
      const Steps& series = series_[key];
      for (std::size_t i = options_.window - 1; i < series.values.size(); ++i) {
        const bool first = i == options_.window - 1;
        if (first || series.has_value[i]) events_.push_back({key, series.begin + static_cast<std::uint32_t>(i), first ? 0U : 1U, first});
      }
    }
    std::stable_sort(events_.begin(), events_.end(), [](const TraceEvent& a, const TraceEvent& b) { return a.step < b.step; });
  }

  /// Of Zipf's queries: as many in each step as it has values; those of keys without one there are lost, as nobody learns of their error.
  void count_queries() {
    if (options_.queries == Queries::kUniform) return;
    Random random(options_.seed);
    std::vector<double> until(keys_.size());
    std::vector<std::size_t> order(keys_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    double sum = 0;
    for (std::size_t rank = 0; rank < until.size(); ++rank) until[rank] = sum += 1 / static_cast<double>(rank + 1);
    std::vector<std::uint32_t> drawn(keys_.size());
    for (std::size_t from = 0, to = 0; from < events_.size(); from = to) {
      std::fill(drawn.begin(), drawn.end(), 0);
      for (to = from; to < events_.size() && events_[to].step == events_[from].step; ++to)
        if (!events_[to].first_row)
          ++drawn[order[static_cast<std::size_t>(std::lower_bound(until.begin(), until.end() - 1, random.uniform() * sum) -
                                                 until.begin())]];
      for (std::size_t i = from; i < to; ++i) events_[i].queries = events_[i].first_row ? 0 : drawn[events_[i].key];
    }
  }

  Status fit_all() {
    const double bytes = static_cast<double>(events_.size()) * (sizeof(Forecast) + 8.0 * options_.period);
    if (bytes > 4e9)
      return invalid(
          fmt::format("{} rows would take more than 4 GiB; cut the trace short by --for, or give a longer --step", events_.size()));
    rows_.reserve(events_.size());
    for (const TraceEvent& event : events_) {
      const Steps& series = series_[event.key];
      const std::size_t end = event.step - series.begin + 1;
      TRY_ASSIGN(Forecast row, forecaster_->fit(std::span(series.values).subspan(end - options_.window, options_.window)));
      rows_.push_back(std::move(row));
    }
    return {};
  }

  SeriesOptions options_;
  std::unique_ptr<Forecaster> forecaster_;
  std::vector<Steps> series_;
  std::vector<Forecast> rows_;  ///< of each event, made of its input and those before
};

}  // namespace

Result<std::unique_ptr<Workload>> make_series_workload(const Trace& trace, const SeriesOptions& options) {
  auto workload = std::make_unique<SeriesWorkload>(options);
  TRY(workload->build(trace));
  return std::unique_ptr<Workload>(std::move(workload));
}

}  // namespace isobar::features
