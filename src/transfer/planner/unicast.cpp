// The program, for a throughput q of B gigabytes:
//
//   F[i,j] ≥ 0 flow in Gbit/s, N[v] ∈ 0..quota VMs, T[i,j] measured Gbit/s of one VM pair, c[i,j] $/GB, w[v] $/s of a VM,
//   e[v], g[v] most that one VM sends and receives, t0 the start of a VM, 8.59 Gbit in a GB
//
//   Σ_j F[v,j]/T[v,j] ≤ N[v]     Σ_i F[i,v]/T[i,v] ≤ N[v]       a VM has 64 connections out and 64 in
//   Σ_j F[v,j] ≤ e[v]·N[v]       Σ_i F[i,v] ≤ g[v]·N[v]
//   out(source) = in(destination) = q                            every other region passes on what it gets
//   Σ N[v] of a cloud ≤ its quota
//
//   $/GB·q = Σ c·F + Σ w·N·(8.59 + t0·q/B)
//
// The last line is linear but for q·N, the price of waiting for VMs to start. With q given it is linear altogether.

#include "transfer/unicast.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "integer_program.h"

namespace isobar::transfer {

namespace {

constexpr double kTinyGbps = 1e-7;
constexpr double kRounding = 1e-6;

double usd_per_second(const OverlayRegion& region) { return region.vm_usd_per_hour / 3600; }

/// What a plan has used of a region's VMs, in VMs; the greatest of these rounded up is how many it needs.
struct Use {
  double connections_out = 0, connections_in = 0, egress = 0, ingress = 0;
  double most() const { return std::max({connections_out, connections_in, egress, ingress}); }
};

std::vector<Use> use_of(const Overlay& overlay, const std::vector<EdgeFlow>& flows) {
  std::vector<Use> use(overlay.size());
  for (const EdgeFlow& flow : flows) {
    const double pairs = flow.gbps / overlay.gbps.at(flow.from, flow.to);
    if (!overlay.links_are_shared) {
      use[flow.from].connections_out += pairs;
      use[flow.to].connections_in += pairs;
    }
    use[flow.from].egress += flow.gbps / overlay.regions[flow.from].vm_egress_gbps;
    use[flow.to].ingress += flow.gbps / overlay.regions[flow.to].vm_ingress_gbps;
  }
  return use;
}

void charge(const UnicastProblem& problem, UnicastPlan& plan) {
  plan.seconds = problem.volume_gb * kGbitPerGb / plan.gbps;
  plan.egress_usd = plan.vm_usd = 0;
  for (const EdgeFlow& flow : plan.flows)
    plan.egress_usd += flow.gbps / plan.gbps * problem.volume_gb * problem.overlay.usd_per_gb.at(flow.from, flow.to);
  for (std::size_t v = 0; v < plan.vms.size(); ++v)
    plan.vm_usd += plan.vms[v] * usd_per_second(problem.overlay.regions[v]) * (plan.seconds + to_seconds(problem.vm_start));
}

/// What is asked of the program; every question is a choice of these.
struct Question {
  double gbps_least = 0, gbps_most = kUnbounded;
  double usd_weight = 1;   ///< of $/GB·q in the objective
  double gbps_weight = 0;  ///< of q
  std::optional<double> usd_per_gb_max;
  double start_gbps = 0;  ///< the q at which the start of VMs is charged
};

class Program {
 public:
  Program(const UnicastProblem& problem, const Question& question) : problem_(problem), question_(question) {
    add_variables();
    add_flow_rows();
    add_vm_rows();
    if (question.usd_per_gb_max) add_ceiling();
  }

  Result<std::optional<UnicastPlan>> solve() const {
    TRY_ASSIGN(const auto answer, program_.minimise(problem_.solve_limit, Branching::kByRule));  // 0.1 s a plan; by trial 0.3 s
    if (answer.values.empty()) {
      if (!answer.proven) return Error(Code::kDeadlineExceeded, "the planner found nothing in its time; allow it more");
      return std::optional<UnicastPlan>();
    }
    UnicastPlan plan = read(answer.values);
    if (!answer.proven) plan.gap = std::abs(answer.objective - answer.bound) / std::max(std::abs(answer.objective), 1e-9);
    if (plan.gbps < kTinyGbps) return std::optional<UnicastPlan>();
    charge(problem_, plan);
    return std::optional(std::move(plan));
  }

 private:
  const Overlay& overlay() const { return problem_.overlay; }

  double vm_factor(std::size_t v) const {
    return usd_per_second(overlay().regions[v]) * (kGbitPerGb + to_seconds(problem_.vm_start) * question_.start_gbps / problem_.volume_gb);
  }

  void add_variables() {
    throughput_ = program_.add(question_.gbps_least, question_.gbps_most, question_.gbps_weight);
    for (std::size_t v = 0; v < overlay().size(); ++v)
      vms_.push_back(program_.add(0, overlay().regions[v].vms_max, question_.usd_weight * vm_factor(v), Domain::kInteger));
    for (RegionIndex from = 0; from < overlay().size(); ++from)
      for (RegionIndex to = 0; to < overlay().size(); ++to) {
        if (from == to || to == problem_.source || from == problem_.destination || overlay().gbps.at(from, to) <= 0) continue;
        const double most = overlay().links_are_shared ? overlay().gbps.at(from, to) : kUnbounded;
        const Column column = program_.add(0, most, question_.usd_weight * overlay().usd_per_gb.at(from, to));
        edges_.push_back({from, to, column});
      }
  }

  void add_flow_rows() {
    std::vector<std::vector<Term>> balance(overlay().size());
    for (const Edge& edge : edges_) {
      balance[edge.from].push_back({edge.column, 1});
      balance[edge.to].push_back({edge.column, -1});
    }
    balance[problem_.source].push_back({throughput_, -1});
    balance[problem_.destination].push_back({throughput_, 1});
    for (auto& terms : balance)
      if (!terms.empty()) program_.require(std::move(terms), 0, 0);
  }

  void add_vm_rows() {
    struct Rows {
      std::vector<Term> connections_out, connections_in, egress, ingress;
    };
    std::vector<Rows> rows(overlay().size());
    for (const Edge& edge : edges_) {
      const double pairs = 1 / overlay().gbps.at(edge.from, edge.to);
      if (!overlay().links_are_shared) {
        rows[edge.from].connections_out.push_back({edge.column, pairs});
        rows[edge.to].connections_in.push_back({edge.column, pairs});
      }
      rows[edge.from].egress.push_back({edge.column, 1 / overlay().regions[edge.from].vm_egress_gbps});
      rows[edge.to].ingress.push_back({edge.column, 1 / overlay().regions[edge.to].vm_ingress_gbps});
    }
    for (std::size_t v = 0; v < rows.size(); ++v)
      for (auto* terms : {&rows[v].connections_out, &rows[v].connections_in, &rows[v].egress, &rows[v].ingress}) {
        if (terms->empty()) continue;
        terms->push_back({vms_[v], -1});
        program_.require(std::move(*terms), -kUnbounded, 0);
      }
    for (const CloudQuota& quota : overlay().cloud_quotas) {
      std::vector<Term> terms;
      for (std::size_t v = 0; v < vms_.size(); ++v)
        if (provider_of(overlay().regions[v].name) == quota.provider) terms.push_back({vms_[v], 1});
      if (!terms.empty()) program_.require(std::move(terms), 0, quota.vms_max);
    }
  }

  void add_ceiling() {
    std::vector<Term> terms = {{throughput_, -*question_.usd_per_gb_max}};
    for (const Edge& edge : edges_) terms.push_back({edge.column, overlay().usd_per_gb.at(edge.from, edge.to)});
    for (std::size_t v = 0; v < vms_.size(); ++v) terms.push_back({vms_[v], vm_factor(v)});
    program_.require(std::move(terms), -kUnbounded, 0);
  }

  UnicastPlan read(const std::vector<double>& values) const {
    const auto value = [&](Column column) { return values[static_cast<std::size_t>(column)]; };
    UnicastPlan plan;
    plan.gbps = value(throughput_);
    for (const Edge& edge : edges_)
      if (value(edge.column) > kTinyGbps) plan.flows.push_back({edge.from, edge.to, value(edge.column)});
    // A program that does not price VMs may take more than it needs.
    for (const Use& use : use_of(overlay(), plan.flows))
      plan.vms.push_back(use.most() > 0 ? std::max(1, static_cast<int>(std::ceil(use.most() - kRounding))) : 0);
    return plan;
  }

  struct Edge {
    RegionIndex from, to;
    Column column;
  };
  const UnicastProblem& problem_;
  const Question question_;
  IntegerProgram program_;
  Column throughput_ = 0;
  std::vector<Column> vms_;
  std::vector<Edge> edges_;
};

Result<std::optional<UnicastPlan>> ask(const UnicastProblem& problem, const Question& question) {
  return Program(problem, question).solve();
}

std::string_view name(const UnicastProblem& problem, RegionIndex region) { return problem.overlay.regions[region].name; }

bool has_route(const UnicastProblem& problem) {
  std::vector<bool> seen(problem.overlay.size());
  std::vector<RegionIndex> next = {problem.source};
  while (!next.empty()) {
    const RegionIndex at = next.back();
    next.pop_back();
    if (at == problem.destination) return true;
    if (seen[at]) continue;
    seen[at] = true;
    for (RegionIndex to = 0; to < problem.overlay.size(); ++to)
      if (problem.overlay.gbps.at(at, to) > 0 && problem.overlay.regions[to].vms_max > 0) next.push_back(to);
  }
  return false;
}

Error no_route(const UnicastProblem& problem) {
  for (const RegionIndex end : {problem.source, problem.destination})
    if (problem.overlay.regions[end].vms_max == 0)
      return not_found(fmt::format("no VM may be used in {}; raise its quota to 1 or more", name(problem, end)));
  return not_found(fmt::format("no route from {} to {}: no chain of measured links joins them; measure one, or add it to the grid",
                               name(problem, problem.source), name(problem, problem.destination)));
}

Status check(const UnicastProblem& problem) {
  CHECK(problem.source < problem.overlay.size() && problem.destination < problem.overlay.size());
  if (problem.source == problem.destination) return invalid("source and destination are the same region; nothing needs to cross a link");
  if (!(problem.volume_gb > 0)) return invalid("the volume is zero; give the bytes that are to be moved");
  if (problem.overlay.regions[problem.source].vms_max == 0 || !has_route(problem)) return no_route(problem);
  return {};
}

/// Nothing carries `gbps`: says what is the most.
Error beyond_quotas(const UnicastProblem& problem, double gbps) {
  const auto most = fastest_within(problem, std::nullopt);
  if (!most.ok()) return most.error();
  return invalid(
      fmt::format("{:.4g} Gbit/s from {} to {} are beyond the VM quotas, which allow {:.4g} Gbit/s ({}); allow more VMs, or ask for less",
                  gbps, name(problem, problem.source), name(problem, problem.destination), most->gbps,
                  fmt::join(binding_limits(problem, *most, std::nullopt), "; ")));
}

}  // namespace

Result<UnicastPlan> cheapest_at(const UnicastProblem& problem, double gbps) {
  TRY(check(problem));
  TRY_ASSIGN(auto plan, ask(problem, {.gbps_least = gbps, .gbps_most = gbps, .start_gbps = gbps}));
  if (!plan) return beyond_quotas(problem, gbps);
  return std::move(*plan);
}

Result<UnicastPlan> cheapest_from(const UnicastProblem& problem, double gbps_least) {
  TRY(check(problem));
  std::optional<UnicastPlan> best;
  if (gbps_least > 0) {
    TRY_ASSIGN(best, cheapest_at(problem, gbps_least));
  } else {
    TRY_ASSIGN(best, fastest_within(problem, std::nullopt));
  }
  // Each round asks for the plan that gains most over the price of the last one; none gaining ends it.
  for (int round = 0; round < 8; ++round) {
    const double price = best->usd_per_gb(problem);
    TRY_ASSIGN(auto next, ask(problem, {.gbps_least = gbps_least, .gbps_weight = -price, .start_gbps = best->gbps}));
    if (!next || next->usd_per_gb(problem) > price * (1 - 1e-7)) break;
    best = std::move(next);
  }
  return std::move(*best);
}

Result<UnicastPlan> fastest_within(const UnicastProblem& problem, std::optional<double> usd_per_gb) {
  TRY(check(problem));
  Question question{.usd_weight = 0, .gbps_weight = -1, .usd_per_gb_max = usd_per_gb};
  TRY_ASSIGN(auto plan, ask(problem, question));
  if (plan && usd_per_gb && problem.vm_start > Duration::zero()) {
    question.start_gbps = question.gbps_most = plan->gbps;
    TRY_ASSIGN(plan, ask(problem, question));
  }
  if (plan) return std::move(*plan);
  TRY_ASSIGN(const auto cheapest, cheapest_from(problem, 0));
  if (!usd_per_gb || cheapest.usd_per_gb(problem) <= *usd_per_gb) return cheapest;
  return invalid(
      fmt::format("no plan from {} to {} costs ${:.4f}/GB or less: the cheapest costs ${:.4f}/GB (${:.2f} in all), ${:.4f}/GB of it egress",
                  name(problem, problem.source), name(problem, problem.destination), *usd_per_gb, cheapest.usd_per_gb(problem),
                  cheapest.usd(), cheapest.egress_usd / problem.volume_gb));
}

namespace {

/// Every VM of the regions along `path` pairs up; `count` of them in each.
std::optional<UnicastPlan> plan_along(const UnicastProblem& problem, const std::vector<RegionIndex>& path) {
  const Overlay& overlay = problem.overlay;
  double each = kUnbounded, whole = kUnbounded;  // of one VM chain; of the path, where links are shared
  int count = overlay.regions[path.front()].vms_max;
  std::map<std::string_view, int> of_cloud;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const OverlayRegion& region = overlay.regions[path[i]];
    count = std::min(count, region.vms_max);
    ++of_cloud[provider_of(region.name)];
    if (i > 0) each = std::min(each, region.vm_ingress_gbps);
    if (i > 0)
      (overlay.links_are_shared ? whole : each) = std::min(overlay.links_are_shared ? whole : each, overlay.gbps.at(path[i - 1], path[i]));
    if (i + 1 < path.size()) each = std::min(each, region.vm_egress_gbps);
  }
  for (const CloudQuota& quota : overlay.cloud_quotas)
    if (const auto used = of_cloud.find(quota.provider); used != of_cloud.end()) count = std::min(count, quota.vms_max / used->second);
  if (count == 0 || each <= 0 || whole <= 0) return std::nullopt;
  count = static_cast<int>(std::min<double>(count, std::ceil(whole / each)));
  UnicastPlan plan;
  plan.gbps = std::min(each * count, whole);
  plan.vms.assign(overlay.size(), 0);
  for (const RegionIndex region : path) plan.vms[region] = count;
  for (std::size_t i = 1; i < path.size(); ++i) plan.flows.push_back({path[i - 1], path[i], plan.gbps});
  charge(problem, plan);
  return plan;
}

}  // namespace

std::optional<UnicastPlan> direct_plan(const UnicastProblem& problem) { return plan_along(problem, {problem.source, problem.destination}); }

std::optional<UnicastPlan> single_relay_plan(const UnicastProblem& problem) {
  std::optional<UnicastPlan> best;
  for (RegionIndex relay = 0; relay < problem.overlay.size(); ++relay) {
    if (relay == problem.source || relay == problem.destination) continue;
    auto plan = plan_along(problem, {problem.source, relay, problem.destination});
    if (plan && (!best || plan->gbps > best->gbps)) best = std::move(plan);
  }
  return best;
}

namespace {

/// The widest path over what is left of the flows: Dijkstra with the narrowest link for a length.
Path widest_path(const PairTable& left, RegionIndex source, RegionIndex destination) {
  const std::size_t n = left.size();
  std::vector<double> width(n, 0);
  std::vector<RegionIndex> before(n, source);
  std::vector<bool> done(n);
  width[source] = kUnbounded;
  for (std::size_t round = 0; round < n; ++round) {
    RegionIndex at = source;
    double best = 0;
    for (RegionIndex v = 0; v < n; ++v)
      if (!done[v] && width[v] > best) best = width[v], at = v;
    if (best == 0 || at == destination) break;
    done[at] = true;
    for (RegionIndex to = 0; to < n; ++to)
      if (const double through = std::min(best, left.at(at, to)); through > width[to]) width[to] = through, before[to] = at;
  }
  Path path{{}, width[destination]};
  if (path.gbps == 0) return path;
  for (RegionIndex at = destination; at != source; at = before[at]) path.regions.push_back(at);
  path.regions.push_back(source);
  std::reverse(path.regions.begin(), path.regions.end());
  return path;
}

}  // namespace

std::vector<Path> paths_of(const UnicastPlan& plan, RegionIndex source, RegionIndex destination) {
  PairTable left(plan.vms.size());
  for (const EdgeFlow& flow : plan.flows) left.at(flow.from, flow.to) = flow.gbps;
  std::vector<Path> paths;
  for (;;) {
    Path path = widest_path(left, source, destination);
    if (path.gbps < std::max(kTinyGbps, plan.gbps * 1e-6)) return paths;
    for (std::size_t i = 1; i < path.regions.size(); ++i) left.at(path.regions[i - 1], path.regions[i]) -= path.gbps;
    paths.push_back(std::move(path));
  }
}

std::vector<std::string> binding_limits(const UnicastProblem& problem, const UnicastPlan& plan, std::optional<double> usd_per_gb_max) {
  std::vector<std::string> limits;
  const double tight = 1 - 1e-4;
  const bool price_binds = usd_per_gb_max && plan.usd_per_gb(problem) >= *usd_per_gb_max * tight;
  if (price_binds) limits.push_back(fmt::format("the price: the plan costs all of the ${:.4f}/GB that it may", *usd_per_gb_max));
  for (const EdgeFlow& flow : plan.flows)
    if (problem.overlay.links_are_shared && flow.gbps >= problem.overlay.gbps.at(flow.from, flow.to) * tight)
      limits.push_back(
          fmt::format("the link {} → {} is full", problem.overlay.regions[flow.from].name, problem.overlay.regions[flow.to].name));
  const auto use = use_of(problem.overlay, plan.flows);
  for (std::size_t v = 0; v < use.size(); ++v) {
    const OverlayRegion& region = problem.overlay.regions[v];
    const int vms = plan.vms[v];
    if (vms == 0) continue;
    std::vector<std::string> full;
    if (use[v].egress >= vms * tight) full.push_back(fmt::format("sends the {:g} Gbit/s it may", region.vm_egress_gbps));
    if (use[v].ingress >= vms * tight) full.push_back(fmt::format("receives the {:g} Gbit/s it may", region.vm_ingress_gbps));
    if (use[v].connections_out >= vms * tight) full.push_back("has its connections out full");
    if (use[v].connections_in >= vms * tight) full.push_back("has its connections in full");
    if (full.empty()) continue;
    const bool at_quota = vms >= region.vms_max;
    const std::string why = at_quota
                                ? fmt::format("{} may use no more than {} VM{}", region.name, vms, vms == 1 ? "" : "s")
                                : fmt::format("{} uses {} of {} VMs, and another is not worth its price", region.name, vms, region.vms_max);
    limits.push_back(fmt::format("{}, and each {}", why, fmt::join(full, " and ")));
  }
  for (const CloudQuota& quota : problem.overlay.cloud_quotas) {
    int used = 0;
    for (std::size_t v = 0; v < plan.vms.size(); ++v)
      if (provider_of(problem.overlay.regions[v].name) == quota.provider) used += plan.vms[v];
    if (used >= quota.vms_max) limits.push_back(fmt::format("{} may use no more than {} VMs in all", quota.provider, quota.vms_max));
  }
  return limits;
}

}  // namespace isobar::transfer
