#include "broker/optimizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "broker/egress.h"
#include "placement.h"

namespace isobar::broker {

namespace {

constexpr Duration kDefaultRuntime = std::chrono::hours(1);

Duration runtime_on(const TaskNode& task, const Candidate& candidate) { return task.runtime ? task.runtime(candidate) : kDefaultRuntime; }

double cost_on(const TaskNode& task, const Candidate& candidate) {
  return candidate.hourly_price * to_seconds(runtime_on(task, candidate)) / 3600 * task.num_nodes;
}

Status check_graph(const std::vector<TaskNode>& tasks) {
  if (tasks.empty()) return invalid("there are no tasks to place");
  for (const TaskNode& task : tasks) {
    if (task.num_nodes < 1) return invalid(fmt::format("task {}: num_nodes is {}; it must be 1 or more", task.name, task.num_nodes));
    for (const std::size_t parent : task.parents)
      if (parent >= tasks.size()) return invalid(fmt::format("task {}: its parent {} is not there", task.name, parent));
  }
  return {};
}

/// Parents before children.
Result<std::vector<std::uint32_t>> topological_order(const std::vector<TaskNode>& tasks, const std::vector<placement::Edge>& edges) {
  std::vector<std::size_t> waiting(tasks.size(), 0);
  std::vector<std::vector<std::uint32_t>> children(tasks.size());
  for (const placement::Edge& edge : edges) {
    ++waiting[edge.to];
    children[edge.from].push_back(edge.to);
  }
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < tasks.size(); ++i)
    if (waiting[i] == 0) order.push_back(i);
  for (std::size_t done = 0; done < order.size(); ++done)
    for (const std::uint32_t child : children[order[done]])
      if (--waiting[child] == 0) order.push_back(child);
  if (order.size() == tasks.size()) return order;
  const auto stuck = std::find_if(waiting.begin(), waiting.end(), [](std::size_t n) { return n > 0; });
  return invalid(
      fmt::format("task {} waits for itself: the tasks form a cycle", tasks[static_cast<std::size_t>(stuck - waiting.begin())].name));
}

/// Candidates of each task, best first by the objective. Tasks that ask for the same share theirs.
class CandidateLists {
 public:
  CandidateLists(const Market& market, Objective objective) : market_(market), objective_(objective) {}

  Result<std::shared_ptr<const Candidates>> of(const TaskNode& task) {
    const auto same = std::find_if(found_.begin(), found_.end(), [&](const auto& entry) { return entry.first == task.resources; });
    if (same != found_.end()) return ranked(task, same->second);
    TRY_ASSIGN(Candidates candidates, find_candidates(task.resources, market_).context("task " + task.name));
    found_.emplace_back(task.resources, std::make_shared<const Candidates>(std::move(candidates)));
    return ranked(task, found_.back().second);
  }

 private:
  /// Candidates come cheapest first an hour, which is the objective's order unless some run longer than others.
  std::shared_ptr<const Candidates> ranked(const TaskNode& task, const std::shared_ptr<const Candidates>& by_price) const {
    if (!task.runtime) return by_price;
    auto own = std::make_shared<Candidates>(*by_price);
    std::stable_sort(own->ranked.begin(), own->ranked.end(), [&](const Candidate& a, const Candidate& b) {
      const auto key = [&](const Candidate& c) {
        const double seconds = to_seconds(runtime_on(task, c)), cost = cost_on(task, c);
        return objective_ == Objective::kCost ? std::pair(cost, seconds) : std::pair(seconds, cost);
      };
      return key(a) < key(b);
    });
    return own;
  }

  const Market& market_;
  const Objective objective_;
  std::vector<std::pair<ResourceChoice, std::shared_ptr<const Candidates>>> found_;
};

/// A pipeline as a placement problem, and the way back from its options to the candidates.
class Pipeline {
 public:
  Pipeline(const std::vector<TaskNode>& tasks, const Market& market, Objective objective) : tasks_(tasks) {
    problem_.objective = objective;
    for (const auto& section : market.catalog.sections()) clouds_.push_back(section.cloud);
  }

  Status build(const Market& market) {
    TRY(check_graph(tasks_));
    CandidateLists lists(market, problem_.objective);
    for (const TaskNode& task : tasks_) {
      TRY_ASSIGN(auto candidates, lists.of(task));
      add_options(task, *candidates);
      candidates_.push_back(std::move(candidates));
    }
    add_edges();
    TRY_ASSIGN(problem_.order, topological_order(tasks_, problem_.edges));
    return {};
  }

  Result<Plan> solve(Duration time_limit) const {
    auto by_tree = placement::solve_forest(problem_);
    if (by_tree && (problem_.objective == Objective::kCost || placement::is_chain(problem_))) return to_plan(*by_tree);
    TRY_ASSIGN(const placement::Solution solution, by_tree ? placement::cheapest_as_fast(problem_, *std::move(by_tree), time_limit)
                                                           : placement::solve_integer_program(problem_, time_limit));
    return to_plan(solution);
  }

 private:
  /// The first candidate of a cloud in the ranking is its best.
  void add_options(const TaskNode& task, const Candidates& candidates) {
    std::map<std::uint32_t, std::size_t> best;  // cloud → candidate
    for (std::size_t i = 0; i < candidates.ranked.size() && best.size() < clouds_.size(); ++i) {
      const auto at = std::lower_bound(clouds_.begin(), clouds_.end(), candidates.ranked[i].shape->cloud);
      best.emplace(static_cast<std::uint32_t>(at - clouds_.begin()), i);
    }
    auto& options = problem_.nodes.emplace_back();
    auto& indices = option_candidates_.emplace_back();
    for (const auto& [cloud, index] : best) {
      const Candidate& candidate = candidates.ranked[index];
      placement::Option option{cloud, cost_on(task, candidate), to_seconds(runtime_on(task, candidate))};
      if (task.input) {
        option.cost += egress_cost(task.input->cloud, clouds_[cloud], task.input->gigabytes);
        option.seconds += to_seconds(transfer_time(task.input->cloud, clouds_[cloud], task.input->gigabytes));
      }
      options.push_back(option);
      indices.push_back(index);
    }
  }

  void add_edges() {
    constexpr std::string_view kElsewhere;  // no cloud has an empty name
    for (std::uint32_t to = 0; to < tasks_.size(); ++to) {
      std::vector<std::size_t> parents = tasks_[to].parents;
      std::sort(parents.begin(), parents.end());
      parents.erase(std::unique(parents.begin(), parents.end()), parents.end());
      for (const std::size_t from : parents) {
        const double gigabytes = tasks_[from].output_gb;
        placement::Edge edge{static_cast<std::uint32_t>(from), to, 0, {}};
        for (const std::string_view cloud : clouds_) edge.cost_from.push_back(egress_cost(cloud, kElsewhere, gigabytes));
        edge.seconds = to_seconds(transfer_time("here", "there", gigabytes));
        problem_.edges.push_back(std::move(edge));
      }
    }
  }

  Plan to_plan(const placement::Solution& solution) const {
    Plan plan;
    plan.objective = problem_.objective;
    plan.gap = solution.gap;
    plan.method = solution.method;
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      const std::size_t pick = option_candidates_[i][solution.picks[i]];
      const Candidate& candidate = candidates_[i]->ranked[pick];
      plan.tasks.push_back(
          {tasks_[i].name, candidates_[i], pick, tasks_[i].num_nodes, runtime_on(tasks_[i], candidate), cost_on(tasks_[i], candidate)});
      plan.compute_cost += plan.tasks.back().cost;
    }
    const placement::Totals totals = placement::evaluate(problem_, solution.picks);
    plan.egress_cost = totals.cost - plan.compute_cost;
    plan.time = from_seconds(totals.seconds);
    return plan;
  }

  const std::vector<TaskNode>& tasks_;
  std::vector<std::string_view> clouds_;  // in name order, as sections are
  placement::Problem problem_;
  std::vector<std::shared_ptr<const Candidates>> candidates_;
  std::vector<std::vector<std::size_t>> option_candidates_;  // [node][option]
};

}  // namespace

Result<Plan> optimize(const std::vector<TaskNode>& tasks, const Market& market, const OptimizeOptions& options) {
  Pipeline pipeline(tasks, market, options.objective);
  TRY(pipeline.build(market));
  return pipeline.solve(options.time_limit);
}

}  // namespace isobar::broker
