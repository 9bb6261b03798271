// features simulate: what each scheduling policy would have made of each budget on a recorded trace.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <boost/json.hpp>
#include <charconv>

#include "base/child.h"
#include "base/text.h"
#include "command.h"
#include "features/curves.h"
#include "features/forecast.h"
#include "features/simulation.h"

namespace isobar::app {

namespace {

namespace json = boost::json;

struct SimulateOptions {
  std::string trace, featurizer = "stl-arima", queries = "uniform", align, step, length, max_staleness;
  std::string policies = "regret,round-robin,fifo", budgets = "0.05,0.125,0.25,0.5,1,2,4";
  std::string plot, csv, output = "table";
  features::TraceColumns columns;
  features::SeriesOptions series;
  features::RatingsOptions ratings;
  features::SimulationOptions simulation;
  bool json = false;
};

Result<std::vector<double>> read_budgets(const std::string& text) {
  std::vector<double> budgets;
  for (const std::string_view part : split(text, ',')) {
    const std::string_view word = trim(part);
    double budget = 0;
    const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), budget);
    if (failure != std::errc() || end != word.data() + word.size())
      return invalid(fmt::format("'{}' is no number of refreshes a step; write 0.25,0.5,1", word));
    budgets.push_back(budget);
  }
  return budgets;
}

std::vector<std::string> read_policies(const std::string& text) {
  if (text == "all") return features::policy_names();
  std::vector<std::string> policies;
  for (const std::string_view part : split(text, ',')) policies.emplace_back(trim(part));
  return policies;
}

/// Steps of CHOICE with its default, or as the user wrote it.
Status read_durations(SimulateOptions& o) {
  if (!o.step.empty()) {
    TRY_ASSIGN(o.series.step, parse_duration(o.step).context("--step"));
    o.ratings.step = o.series.step;
  }
  if (!o.length.empty()) {
    TRY_ASSIGN(o.series.length, parse_duration(o.length).context("--for"));
  }
  if (!o.max_staleness.empty()) {
    TRY_ASSIGN(o.simulation.staleness_most, parse_duration(o.max_staleness).context("--max-staleness"));
  }
  return {};
}

Result<std::unique_ptr<features::Workload>> make_workload(SimulateOptions& o, const features::Trace& trace) {
  if (o.featurizer == "ridge") {
    o.ratings.seed = o.simulation.seed;
    return features::make_ratings_workload(trace, o.ratings);
  }
  o.series.forecaster = o.featurizer;
  o.series.queries = o.queries == "zipf" ? features::Queries::kZipf : features::Queries::kUniform;
  o.series.seed = o.simulation.seed;
  if (!o.align.empty()) o.series.align_starts = o.align == "start";
  return features::make_series_workload(trace, o.series);
}

json::object to_json(const features::Workload& workload, const features::Simulation& simulation) {
  json::array curves, remarks;
  for (const auto& curve : simulation.curves) {
    json::array points;
    for (const auto& point : curve.points)
      points.push_back(json::object{{"budget", point.budget}, {"error", point.error}, {"refreshes", point.refreshes}});
    curves.push_back(json::object{{"policy", curve.policy}, {"points", std::move(points)}});
  }
  for (const auto& remark : workload.remarks()) remarks.emplace_back(remark);
  return {{"keys", simulation.keys},       {"steps", simulation.steps},   {"rows", simulation.rows},
          {"answers", simulation.answers}, {"loss", workload.loss()},     {"remarks", std::move(remarks)},
          {"never", simulation.never},     {"always", simulation.always}, {"curves", std::move(curves)}};
}

/// Before the work, not after it: a plot that cannot be drawn is known by its name.
Status check_plot(const std::string& file) {
  const std::string ending = fs::path(file).extension().string();
  if (file.empty() || ending == ".svg" || ending == ".png") return {};
  return invalid(fmt::format("--plot {}: plots are .svg or .png; name the file accordingly", file));
}

Status draw(const std::string& file, const features::Workload& workload, const features::Simulation& simulation) {
  const std::string terminal = fs::path(file).extension() == ".svg" ? "svg" : "pngcairo";
  const auto drawn = run_child({"gnuplot"}, features::gnuplot_script(workload, simulation, terminal, file), 60s);
  if (!drawn.ok() && drawn.error().code() == Code::kNotFound)
    return unavailable(fmt::format("{} was not drawn, as gnuplot is not there; install it by: apt-get install gnuplot-nox", file));
  TRY(drawn);
  if (drawn->exit_code != 0) return unavailable(fmt::format("{} was not drawn; gnuplot said: {}", file, trim(drawn->err)));
  return {};
}

struct Answer {
  std::unique_ptr<features::Workload> workload;
  features::Simulation simulation;
};

Result<Answer> run(SimulateOptions& o) {
  TRY(check_plot(o.plot));
  TRY(read_durations(o));
  o.simulation.policies = read_policies(o.policies);
  TRY_ASSIGN(o.simulation.budgets, read_budgets(o.budgets).context("--budgets"));
  TRY_ASSIGN(const features::Trace trace, features::read_trace(o.trace, o.columns));
  Answer answer;
  TRY_ASSIGN(answer.workload, make_workload(o, trace).context(o.trace));
  TRY_ASSIGN(answer.simulation, features::simulate(*answer.workload, o.simulation));
  return answer;
}

int simulate(Context& context, SimulateOptions& o) {
  const Console& console = context.console();
  const auto answer = run(o);
  if (!answer.ok()) return console.fail(answer.error());
  if (o.json || o.output == "json") console.print(json::serialize(to_json(*answer->workload, answer->simulation)) + "\n");
  else console.print(features::render_simulation(*answer->workload, answer->simulation));
  if (!o.csv.empty()) {
    const Status written = write_file(o.csv, features::curves_csv(answer->simulation), Durability::kCache);
    if (!written.ok()) return console.fail("--csv", written.error());
  }
  if (o.plot.empty()) return kOk;
  const Status drawn = draw(o.plot, *answer->workload, answer->simulation);
  return drawn.ok() ? kOk : console.fail("--plot", drawn.error());
}

void add_trace_options(CLI::App& command, SimulateOptions& o) {
  command
      .add_option("TRACE", o.trace,
                  "A .csv or .jsonl file with key, time and value, or a folder whose .csv files are a key each, with time (or timestamp) "
                  "and value.")
      ->required();
  command.add_option("--key-column", o.columns.key, "What the column is called that holds the key, where that is not key.");
  command.add_option("--time-column", o.columns.time, "The same for time.");
  command.add_option("--value-column", o.columns.value, "The same for value.");
  command.add_option("--item-column", o.columns.item, "The same for item, of ratings.");
  command.add_option(
      "--step", o.step,
      "Values within a step are averaged; budgets are refreshes a step. 1h; for ridge 1m, and steps without a rating are left out.");
  command.add_option("--for", o.length, "How much of each key is taken, from its start; keys that are shorter are left out. As 330h.");
  command
      .add_option("--align", o.align,
                  "Whether keys are taken as they are in time, or as if all had begun together, as in a folder they are.")
      ->check(CLI::IsMember({"time", "start"}));
}

void add_featurizer_options(CLI::App& command, SimulateOptions& o) {
  auto featurizers = features::forecaster_names();
  featurizers.emplace_back("ridge");
  command
      .add_option("--featurizer", o.featurizer,
                  "What is computed of a key: a forecast of its values, or the vector of a user who rates items (ridge).")
      ->check(CLI::IsMember(featurizers))
      ->capture_default_str();
  command.add_option("--window", o.series.window, "Of forecasts: steps of history that one is made of.")
      ->check(CLI::Range(4, 1000000))
      ->capture_default_str();
  command.add_option("--period", o.series.period, "Of forecasts: steps of a season.")->check(CLI::Range(2, 500000))->capture_default_str();
  command.add_option("--queries", o.queries, "Of forecasts: all keys are asked for alike, or some much more often.")
      ->check(CLI::IsMember({"uniform", "zipf"}))
      ->capture_default_str();
  command.add_option("--factors", o.ratings.factors, "Of ridge: the length of a user's vector.")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_option("--ridge", o.ratings.ridge, "Of ridge: the weight that keeps vectors short.")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

void add_policy_options(CLI::App& command, SimulateOptions& o) {
  command.add_option("--policies", o.policies, "Of " + join(features::policy_names(), ", ") + "; or all.")->capture_default_str();
  command.add_option("--budgets", o.budgets, "Refreshes a step, over all keys.")->capture_default_str();
  command.add_option("--max-staleness", o.max_staleness, "A key whose row lacks an input older than this goes before all others.");
  command.add_flag("--cold-first", o.simulation.cold_first, "Keys without a row go before those that have one.");
  command.add_option("--floor", o.simulation.floor_per_hour, "Of regret: what an hour of waiting counts as, in the unit of the errors.")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--seed", o.simulation.seed, "Of all that is drawn at random.")->capture_default_str();
  command.add_option("--plot", o.plot, "Draw the curves into this .svg or .png file, by gnuplot.");
  command.add_option("--csv", o.csv, "Write the curves into this file.");
  command.add_option("-o,--output", o.output, "table or json.")->check(CLI::IsMember({"table", "json"}));
  command.add_flag("--json", o.json, "The same as -o json.");
}

}  // namespace

void add_features_commands(Commands& commands) {
  auto* group = commands.group(nullptr, "features", "Features that are kept fresh where freshness pays.");
  auto o = std::make_shared<SimulateOptions>();
  auto* command = commands.add(
      group, "simulate", "Run a recorded trace through the scheduler in virtual time: the error that each policy leaves with each budget.",
      [o](Context& context) { return simulate(context, *o); });
  add_trace_options(*command, *o);
  add_featurizer_options(*command, *o);
  add_policy_options(*command, *o);
  add_features_plan_command(commands, group);
  add_features_training_command(commands, group);
  add_features_apply_command(commands, group);
  add_features_serve_command(commands, group);
  add_features_skew_command(commands, group);
  add_features_demo_command(commands, group);
}

}  // namespace isobar::app
