// Expensive features: the featurizer with its parameters, and the schedule by which rows are refreshed.

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "features/forecast.h"
#include "features/policy.h"
#include "reading.h"

namespace isobar::features {

namespace {

constexpr std::string_view kRidge = "ridge", kCommand = "command", kLibrary = "library";
constexpr int kEventsMost = 10'000, kBatchMost = 10'000;
/// What a decomposition of so many points needs in memory (features/stl.h) is known to be there.
constexpr int kWindowMost = 2'000, kHorizonMost = 10'000;

std::optional<double> read_number(std::string_view word) {
  double number = 0;
  const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (failure != std::errc() || end != word.data() + word.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

std::optional<double> seconds_of(std::string_view unit) {
  if (unit == "s") return 1;
  if (unit == "m") return 60;
  if (unit == "h") return 3'600;
  if (unit == "d") return 86'400;
  return std::nullopt;
}

/// 10/s, 600/h, a bare number of refreshes a second, 0.5 cpu, unlimited.
std::optional<Budget> parse_budget(std::string_view text) {
  text = trim(text);
  if (text == "unlimited") return Budget{.per_second = std::numeric_limits<double>::infinity()};
  constexpr std::string_view kCpu = "cpu";
  if (text.ends_with(kCpu)) {
    const auto number = read_number(trim(text.substr(0, text.size() - kCpu.size())));
    return number ? std::optional(Budget{.unit = CostUnit::kCpuSeconds, .per_second = *number}) : std::nullopt;
  }
  const std::size_t slash = text.find('/');
  const auto number = read_number(trim(text.substr(0, slash)));
  const auto seconds = slash == std::string_view::npos ? std::optional(1.0) : seconds_of(trim(text.substr(slash + 1)));
  return number && seconds ? std::optional(Budget{.per_second = *number / *seconds}) : std::nullopt;
}

void read_budget(FieldReader& reader, Budget& budget) {
  std::string text;
  if (reader.text("budget", text)) {
    const auto read = parse_budget(text);
    if (read) budget = *read;
    else
      reader.report("budget",
                    fmt::format("'{}' is no budget; write refreshes as 10/s or 600/h, a share of a core as 0.5 cpu, or unlimited", text));
  }
  reader.number("burst", budget.burst, 0);
  if (const auto allowance = Allowance::create(budget); !allowance.ok()) reader.report("budget", allowance.error().message());
}

void read_policy(FieldReader& reader, Schedule& schedule) {
  reader.text("policy", schedule.policy);
  reader.number("floor_per_hour", schedule.floor_per_hour, 0);
  reader.boolean("cold_first", schedule.cold_first);
  if (Duration most{0}; read_duration(reader, "max_staleness", most)) schedule.max_staleness = most;
  const auto policy = make_policy(schedule.policy, {.floor_per_hour = schedule.floor_per_hour});
  if (!policy.ok()) return reader.report("policy", policy.error().message());
  if ((*policy)->queue() == Queue::kLatestPerKey) return;
  if (schedule.max_staleness || schedule.cold_first)
    reader.report("policy",
                  fmt::format("{} looks at events, not at keys; leave out max_staleness and cold_first, or take another", schedule.policy));
}

void read_loss(FieldReader& reader, Schedule& schedule) {
  std::string loss;
  if (!reader.text("loss", loss)) return;
  const auto read = parse_loss(loss);
  if (read.ok()) schedule.loss = *read;
  else reader.report("loss", read.error().message());
}

void read_schedule(FieldReader& feature, Schedule& schedule) {
  schedule.policy = kDefaultPolicy;
  schedule.floor_per_hour = PolicyOptions{}.floor_per_hour;
  const YamlNode* node = feature.get("schedule");
  if (node == nullptr) return;
  FieldReader reader(*node, feature.path_of("schedule"), feature.problems());
  read_policy(reader, schedule);
  read_budget(reader, schedule.budget);
  read_loss(reader, schedule);
  reader.finish();
}

ForecastParameters read_forecast(FieldReader& reader, const std::string& featurizer) {
  ForecastParameters parameters;
  read_duration(reader, "step", parameters.step);
  bool fits = true;
  const auto whole = [&](std::string_view key, int& into, int least, int most) {
    if (!reader.integer(key, into, least, most) && reader.has(key)) fits = false;
  };
  whole("window", parameters.window, 4, kWindowMost);
  whole("period", parameters.period, 2, kWindowMost / 2);
  whole("horizon", parameters.horizon, 1, kHorizonMost);
  if (!fits) return parameters;
  const auto made = make_forecaster(featurizer, static_cast<std::size_t>(parameters.window), parameters.period);
  if (!made.ok()) reader.report(reader.has("window") ? "window" : "period", made.error().message());
  return parameters;
}

RidgeParameters read_ridge(ViewReading& in, FieldReader& reader) {
  RidgeParameters parameters;
  read_sql(in, reader, "item", parameters.item, "it needs item: the column that says which item was rated");
  if (!reader.text("item_factors", parameters.item_factors) && !reader.has("item_factors"))
    reader.problems().add(reader.mark(), reader.path(), "it needs item_factors: the file with the factors of the items");
  reader.integer("factors", parameters.factors, 1, 1'000);
  if (reader.number("ridge", parameters.ridge, 0) && parameters.ridge <= 0) reader.report("ridge", "it is not above 0; write it as 5");
  return parameters;
}

OutsideParameters read_outside(ViewReading& in, FieldReader& reader, bool command) {
  OutsideParameters parameters;
  const auto needs = [&](std::string_view key, bool there, std::string_view what) {
    if (!there && !reader.has(key)) reader.problems().add(reader.mark(), reader.path(), what);
  };
  if (reader.text_list("of", parameters.of)) {
    for (auto& sql : parameters.of) {
      sql = trim(sql);
      type_in(in, *reader.get("of"), reader.path_of("of"), sql);
    }
  }
  needs("of", !parameters.of.empty(), "it needs of: the column, or expression, or a list of these, that it is given of each event");
  if (command) {
    const bool there = reader.text_list("command", parameters.command);
    needs("command", there, "it needs command: the program and its arguments, as [embed.py, --small]");
    if (there && (parameters.command.empty() || parameters.command.front().empty())) reader.report("command", "it names no program");
    reader.integer("batch", parameters.batch, 1, kBatchMost);
    read_duration(reader, "timeout", parameters.timeout);
  } else {
    needs("library", reader.text("library", parameters.library), "it needs library: the file of the shared library");
    reader.text("arguments", parameters.arguments);
  }
  reader.integer("window", parameters.window, 1, kEventsMost);
  return parameters;
}

void check_number(FieldReader& reader, std::optional<Type> of) {
  if (of && !of->is_number()) reader.report("of", fmt::format("it is {}; a featurizer takes numbers", name_of(*of)));
}

}  // namespace

void read_expensive(ViewReading& in, const YamlField& field, const std::string& path) {
  FieldReader reader(field.value, path, in.reading.problems);
  ExpensiveFeature feature;
  auto names = forecaster_names();
  for (const std::string_view other : {kRidge, kCommand, kLibrary}) names.emplace_back(other);
  const auto which = reader.choice("featurizer", names);
  if (!which) {
    if (!reader.has("featurizer")) reader.report("featurizer", "it is empty; name one of " + join(names, ", "));
    return;
  }
  feature.featurizer = names[*which];
  const bool outside = feature.featurizer == kCommand || feature.featurizer == kLibrary;
  if (outside) {
    feature.parameters = read_outside(in, reader, feature.featurizer == kCommand);
    if (!reader.has("type"))
      reader.problems().add(reader.mark(), reader.path(),
                            "it needs type: what is made of it, as float64[], which cannot be told otherwise");
  } else {
    check_number(reader, read_sql(in, reader, "of", feature.of, "it needs of: the column, or expression, that it is computed from"));
    if (feature.featurizer == kRidge) {
      feature.parameters = read_ridge(in, reader);
      feature.schedule.loss = Loss::kSquared;
    } else {
      feature.parameters = read_forecast(reader, feature.featurizer);
      feature.schedule.loss = Loss::kScaled;
    }
  }
  read_schedule(reader, feature.schedule);
  const Remarks remarks = read_remarks(reader);
  const std::optional<Type> made = outside ? remarks.type : Type{Kind::kFloat64, true};
  add_feature(in, {.name = field.key.text, .made_by = std::move(feature), .mark = field.key.mark}, in.judged ? made : std::nullopt, remarks,
              path);
}

}  // namespace isobar::features
