#include "broker/plan_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "base/text_table.h"
#include "cloud_facts.h"

namespace isobar::broker {

namespace {

constexpr std::string_view kGreen = "\x1b[32m", kBold = "\x1b[1m", kPlain = "\x1b[0m";

std::string painted(std::string text, std::string_view colour, Colour mode) {
  return mode == Colour::kOn ? fmt::format("{}{}{}", colour, text, kPlain) : text;
}

/// Cents where they say something, more digits below.
std::string show_cost(double cost) { return cost == 0 || cost >= 0.1 ? fmt::format("{:.2f}", cost) : fmt::format("{:.2g}", cost); }

std::string show_number(double value) { return value > 0 ? fmt::format("{:g}", value) : "-"; }

std::string show_gpus(const cloud::Shape& shape) {
  return shape.accelerator.empty() ? "-" : fmt::format("{}:{:g}", shape.accelerator, shape.accelerator_count);
}

/// The first candidate of each cloud in the ranking, and the pick, which stands for its own cloud. A catalog file stores
/// a name once, so most of a long ranking is passed over by address, without comparing names.
std::vector<std::size_t> best_of_each_cloud(const PlannedTask& task) {
  std::set<std::string_view> shown = {task.candidate().shape->cloud};
  std::vector<std::size_t> best = {task.pick};
  const auto& ranked = task.candidates->ranked;
  std::vector<const char*> seen;
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    const std::string_view cloud = ranked[i].shape->cloud;
    if (std::find(seen.begin(), seen.end(), cloud.data()) != seen.end()) continue;
    seen.push_back(cloud.data());
    if (shown.insert(cloud).second) best.push_back(i);
  }
  std::sort(best.begin(), best.end());
  return best;
}

/// What a candidate costs for as long as the pick would run; exact for the pick itself.
double cost_of(const PlannedTask& task, std::size_t index) {
  if (index == task.pick) return task.cost;
  return task.candidates->ranked[index].hourly_price * to_seconds(task.runtime) / 3600 * task.num_nodes;
}

std::string render_task(const PlannedTask& task, Colour colour) {
  TextTable table({"INFRA", "INSTANCE", "vCPUs", "Mem(GB)", "GPUS", "COST ($)", "CHOSEN"});
  const std::string copies = task.num_nodes > 1 ? fmt::format("{}x ", task.num_nodes) : "";
  for (const std::size_t index : best_of_each_cloud(task)) {
    const Candidate& candidate = task.candidates->ranked[index];
    const cloud::Shape& shape = *candidate.shape;
    table.add({show_place(candidate), fmt::format("{}{}{}", copies, shape.instance_type, candidate.use_spot ? "[Spot]" : ""),
               show_number(shape.vcpus), show_number(shape.memory_gib), show_gpus(shape), show_cost(cost_of(task, index)),
               index == task.pick ? painted("   ✔", kGreen, colour) : ""});
  }
  constexpr std::size_t kMargin = 1, kGap = 3;
  return table.render(kMargin, kGap, true);
}

std::string show_totals(const Plan& plan) {
  std::string text = fmt::format("Total: ${}", show_cost(plan.total_cost()));
  if (plan.egress_cost > 0) text += fmt::format(" (${} of it for moving data between clouds)", show_cost(plan.egress_cost));
  text += fmt::format(", {} from start to end", format_duration(plan.time));
  if (plan.gap > 0) text += fmt::format("; at most {:.1f} % above the best possible", plan.gap * 100);
  return text + "\n";
}

boost::json::object candidate_json(const Candidate& candidate, double cost) {
  const cloud::Shape& shape = *candidate.shape;
  return {{"cloud", shape.cloud},
          {"region", candidate.region},
          {"zone", candidate.zone},
          {"instance_type", shape.instance_type},
          {"vcpus", shape.vcpus},
          {"memory_gib", shape.memory_gib},
          {"accelerator", shape.accelerator},
          {"accelerator_count", shape.accelerator_count},
          {"use_spot", candidate.use_spot},
          {"hourly_price", candidate.hourly_price},
          {"cost", cost}};
}

boost::json::object task_json(const PlannedTask& task) {
  boost::json::array candidates, exclusions;
  for (const std::size_t index : best_of_each_cloud(task))
    candidates.push_back(candidate_json(task.candidates->ranked[index], cost_of(task, index)));
  for (const Exclusion& e : task.candidates->exclusions)
    exclusions.push_back({{"cloud", e.cloud}, {"what", e.what}, {"reason", e.reason}, {"count", e.count}});
  return {{"name", task.name},
          {"num_nodes", task.num_nodes},
          {"runtime_seconds", to_seconds(task.runtime)},
          {"cost", task.cost},
          {"pick", candidate_json(task.candidate(), task.cost)},
          {"candidates", candidates},
          {"candidate_count", task.candidates->ranked.size()},
          {"exclusions", exclusions}};
}

}  // namespace

std::string show_place(const Candidate& candidate) {
  const bool zone_says_all = candidate.zone.starts_with(candidate.region);
  const std::string place = candidate.zone.empty() ? std::string(candidate.region)
                            : zone_says_all        ? std::string(candidate.zone)
                                                   : fmt::format("{}/{}", candidate.region, candidate.zone);
  const auto shown_as = facts_of(candidate.shape->cloud).shown_as;
  return place.empty() || place == candidate.shape->cloud ? std::string(shown_as) : fmt::format("{} ({})", shown_as, place);
}

std::string render_plan(const Plan& plan, Colour colour) {
  std::string text;
  for (const PlannedTask& task : plan.tasks) {
    if (plan.tasks.size() > 1) text += painted(fmt::format("Task {}", task.name), kBold, colour) + "\n";
    text += render_task(task, colour);
  }
  return plan.tasks.size() > 1 ? text + show_totals(plan) : text;
}

std::string explain(const Plan& plan) {
  std::string text;
  for (const PlannedTask& task : plan.tasks) {
    if (task.candidates->exclusions.empty()) continue;
    text += fmt::format("{}{} offers fit. Left out:\n", plan.tasks.size() > 1 ? "Task " + task.name + ": " : "",
                        task.candidates->ranked.size());
    for (const Exclusion& exclusion : task.candidates->exclusions) text += "  " + describe(exclusion) + "\n";
  }
  return text;
}

std::string plan_json(const Plan& plan) {
  boost::json::array tasks;
  for (const PlannedTask& task : plan.tasks) tasks.push_back(task_json(task));
  const boost::json::object document = {{"objective", plan.objective == Objective::kCost ? "cost" : "time"},
                                        {"method", plan.method == Method::kDynamicProgramming ? "dynamic_programming" : "integer_program"},
                                        {"gap", plan.gap},
                                        {"time_seconds", to_seconds(plan.time)},
                                        {"compute_cost", plan.compute_cost},
                                        {"egress_cost", plan.egress_cost},
                                        {"total_cost", plan.total_cost()},
                                        {"tasks", tasks}};
  return boost::json::serialize(document);
}

}  // namespace isobar::broker
