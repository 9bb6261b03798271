#include "features/demo.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <limits>
#include <thread>

#include "demo_files.h"

namespace isobar::features {

namespace json = boost::json;

namespace {

constexpr std::size_t kWindow = 48;  // hours that a forecast is made from
constexpr Duration kHour = std::chrono::hours(1);

/// The two views differ in their policy alone.
constexpr std::string_view kDefinition = R"(project: demo
entities:
  machine: {{keys: {{machine: string}}}}
sources:
  measured:
    kind: push
    schema: {{machine: string, at: timestamp, value: float64}}
    timestamp: at
views:
  by_regret:
    source: measured
    entity: machine
    features:
      latest: value
      mean: mean(value) over 24h
      forecast: {{featurizer: stl-arima, of: value, window: 48, period: 24, horizon: 24, schedule: {{policy: regret, budget: {0}}}}}
  in_turn:
    source: measured
    entity: machine
    features:
      forecast: {{featurizer: stl-arima, of: value, window: 48, period: 24, horizon: 24, schedule: {{policy: round-robin, budget: {0}}}}}
)";

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

/// What is plotted: means, so that a page need not know of single values.
json::array rounded(const std::vector<double>& numbers) {
  json::array array;
  for (const double number : numbers) {
    if (std::isfinite(number)) array.emplace_back(std::round(number * 1e4) / 1e4);
    else array.emplace_back(nullptr);
  }
  return array;
}

}  // namespace

Trace sample_trace() {
  auto trace = parse_trace(kSampleTrace, TraceFormat::kCsv, "the sample trace");
  CHECK(trace.ok(), trace.ok() ? "" : trace.error().message());
  return std::move(*trace);
}

Demo::Demo(std::vector<Series> series, const DemoOptions& options, Engine& engine, DemoClock& clock)
    : series_(std::move(series)), options_(options), engine_(engine), clock_(clock), values_(series_.size()) {
  hours_ = SIZE_MAX;
  for (const auto& each : series_) hours_ = std::min(hours_, each.hours.size());
  policies_[0].view = "by_regret", policies_[0].name = "regret";
  policies_[1].view = "in_turn", policies_[1].name = "round-robin";
  for (auto& policy : policies_) policy.forecast.resize(series_.size()), policy.key_error.resize(series_.size());
}

Result<std::unique_ptr<Demo>> Demo::create(const Trace& trace, const DemoOptions& options, Engine& engine, DemoClock& clock) {
  if (!(options.refreshes_per_hour > 0)) return invalid("a budget of no refreshes is none; give more than 0");
  std::vector<Series> series(trace.keys.size());
  std::vector<std::optional<Instant>> begins(trace.keys.size());
  for (const auto& row : trace.rows) {
    Series& of = series[row.key];
    auto& begin = begins[row.key];
    if (!begin) begin = row.time;
    const auto hour = static_cast<std::size_t>((row.time - *begin) / kHour);
    if (of.hours.size() <= hour) of.hours.resize(hour + 1);
    of.hours[hour].push_back(row.value);
  }
  for (std::size_t i = 0; i < series.size(); ++i) {
    Series& of = series[i];
    of.key = trace.keys[i];
    if (of.hours.size() <= kWindow)
      return invalid(
          fmt::format("key '{}' has {} hours; a forecast is made from {}, and more are to be played", of.key, of.hours.size(), kWindow));
    for (std::size_t hour = 1; hour < of.hours.size(); ++hour)
      if (of.hours[hour].empty()) of.hours[hour].push_back(mean(of.hours[hour - 1]));  // it stays as it was
    double steps = 0;
    for (std::size_t hour = 1; hour < of.hours.size(); ++hour) steps += std::abs(mean(of.hours[hour]) - mean(of.hours[hour - 1]));
    of.mean_step = steps > 0 ? steps / static_cast<double>(of.hours.size() - 1) : 1;
  }
  if (series.empty()) return invalid("the trace is empty");
  return std::unique_ptr<Demo>(new Demo(std::move(series), options, engine, clock));
}

/// Virtual time begins at a round hour, so that hours are the forecasts' steps.
Instant Demo::at(std::size_t hour) const { return Instant::from_unix_seconds(1'767'225'600) + kHour * static_cast<std::int64_t>(hour); }

std::size_t Demo::hour() const {
  const MutexLock lock(mutex_);
  return hour_;
}

Status Demo::apply(std::string_view budget) {
  TRY_ASSIGN(const auto definition, parse_definition(fmt::format(kDefinition, budget), "the demo's definition"));
  TRY(engine_.apply(definition, "the demo's definition"));
  return {};
}

/// What an hour still has, and the first value of the next, which says that it has ended: so what was foretold of it is judged at once.
Status Demo::push(std::size_t hour) {
  Arrival arrival{.source = "measured", .rows = {}, .id = fmt::format("hour {}", hour), .advance = {}};
  const auto add = [&](const Series& series, std::size_t of, std::size_t i) {
    const auto& values = series.hours[of];
    const Instant when = at(of) + kHour * static_cast<std::int64_t>(i) / static_cast<std::int64_t>(values.size());
    arrival.rows.push_back({{Value(when), Value(series.key), Value(values[i])}});  // by the names of the columns: at, machine, value
  };
  for (const auto& series : series_) {
    if (hour == 0) add(series, 0, 0);
    for (std::size_t i = 1; i < series.hours[hour].size(); ++i) add(series, hour, i);
    if (hour + 1 < hours_) add(series, hour + 1, 0);
  }
  TRY(engine_.push(std::move(arrival)));
  return {};
}

Status Demo::begin() {
  TRY(apply("unlimited"));
  for (std::size_t hour = 0; hour < kWindow; ++hour) {
    clock_.set(at(hour + 1));
    TRY(push(hour));
  }
  TRY(wait_for_rows());
  TRY(apply(fmt::format("{}/h", options_.refreshes_per_hour)));
  const MutexLock lock(mutex_);
  hour_ = kWindow;
  return {};
}

Status Demo::wait_for_rows() {
  for (int tries = 0; tries < 3000; ++tries) {
    bool all = true;
    for (const auto& policy : policies_) {
      TRY_ASSIGN(const auto forecasts, ask(policy));
      all = all && std::ranges::all_of(forecasts, [](double forecast) { return std::isfinite(forecast); });
    }
    if (all) return {};
    std::this_thread::sleep_for(10ms);
  }
  return Error(Code::kDeadlineExceeded, "the first forecasts were not made within half a minute");
}

/// What each key's value will be in the hour that has begun. NaN: nothing is known of it.
Result<std::vector<double>> Demo::ask(const Policy& policy) const {
  TRY_ASSIGN(const auto plan, engine_.plan({.service = "", .features = {policy.view + ":forecast"}}));
  std::vector<Row> rows;
  for (const auto& series : series_) rows.push_back({Value(series.key)});
  TRY_ASSIGN(const auto answers, engine_.answer(*plan, rows));
  std::vector<double> forecasts;
  for (const auto& answer : answers)
    forecasts.push_back(answer.status == FieldStatus::kPresent ? std::get<std::vector<double>>(answer.value.as<List>()).front()
                                                               : std::numeric_limits<double>::quiet_NaN());
  return forecasts;
}

Result<bool> Demo::step() {
  const std::size_t hour = this->hour();
  if (hour >= hours_) return false;
  clock_.set(at(hour));
  std::array<std::vector<double>, 2> forecasts;
  for (std::size_t i = 0; i < 2; ++i) {
    TRY_ASSIGN(forecasts[i], ask(policies_[i]));
  }
  clock_.set(at(hour + 1));  // the hour is over: rows that are made now know all of it
  TRY(push(hour));
  const EngineStatus status = engine_.status();
  const MutexLock lock(mutex_);
  for (std::size_t i = 0; i < 2; ++i) {
    policies_[i].forecast = std::move(forecasts[i]);
    for (const auto& expensive : status.expensive) {
      if (expensive.view != policies_[i].view) continue;
      policies_[i].refreshes = expensive.counters.refreshes;
      policies_[i].waiting_hours = to_seconds(expensive.gauges.staleness_most) / 3600;
      policies_[i].regret = expensive.gauges.regret;
    }
  }
  judge(hour);
  ++hour_;
  return true;
}

void Demo::judge(std::size_t hour) {
  answers_ += series_.size();
  for (std::size_t key = 0; key < series_.size(); ++key) values_[key] = mean(series_[key].hours[hour]);
  for (auto& policy : policies_) {
    for (std::size_t key = 0; key < series_.size(); ++key) {
      const double error = std::abs(policy.forecast[key] - values_[key]) / series_[key].mean_step;
      policy.error += error;
      policy.key_error[key] += error;
    }
    policy.mean_error.push_back(policy.error / static_cast<double>(answers_));
  }
}

std::string Demo::state() const {
  const MutexLock lock(mutex_);
  json::object state;
  state["hour"] = hour_;
  state["hours"] = hours_;
  state["first"] = kWindow;
  state["budget"] = options_.refreshes_per_hour;
  state["time"] = format_instant(clock_.now());
  json::array policies;
  for (const auto& policy : policies_) {
    json::object shown;
    shown["name"] = policy.name;
    shown["view"] = policy.view;
    shown["mean_error"] = rounded(policy.mean_error);
    shown["key_error"] = rounded(policy.key_error);
    shown["forecast"] = rounded(policy.forecast);
    shown["refreshes"] = policy.refreshes;
    shown["waiting_hours"] = std::round(policy.waiting_hours);
    shown["regret"] = policy.regret;
    policies.push_back(std::move(shown));
  }
  state["policies"] = std::move(policies);
  json::array keys;
  for (const auto& series : series_) keys.emplace_back(series.key);
  state["keys"] = std::move(keys);
  state["values"] = rounded(values_);
  return json::serialize(state);
}

std::optional<Demo::Page> Demo::page(std::string_view path) const {
  if (path == "/") return Page{"text/html; charset=utf-8", std::string(kDemoPage)};
  if (path == "/demo/demo.js") return Page{"text/javascript; charset=utf-8", std::string(kDemoScript)};
  if (path == "/demo/demo.css") return Page{"text/css; charset=utf-8", std::string(kDemoStyle)};
  if (path == "/demo/uplot.js") return Page{"text/javascript; charset=utf-8", std::string(kChartScript)};
  if (path == "/demo/uplot.css") return Page{"text/css; charset=utf-8", std::string(kChartStyle)};
  if (path == "/demo/state") return Page{"application/json", state()};
  return std::nullopt;
}

std::string Demo::summary() const {
  const MutexLock lock(mutex_);
  const double regret = policies_[0].mean_error.empty() ? 0 : policies_[0].mean_error.back();
  const double turn = policies_[1].mean_error.empty() ? 0 : policies_[1].mean_error.back();
  return fmt::format(
      "hour {} of {}: {} answers; mean error by regret {:.3f} with {} refreshes, by round-robin {:.3f} with {} refreshes ({:+.0f} %)\n",
      hour_, hours_, answers_, regret, policies_[0].refreshes, turn, policies_[1].refreshes, turn > 0 ? 100 * (regret / turn - 1) : 0);
}

}  // namespace isobar::features
