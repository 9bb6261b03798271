// Cloudcast's program has a binary for each edge and stripe. The stripes are alike, so it searches the same plans K! times
// over. Here a variable is a whole tree, and counts the stripes that take it:
//
//   x[t] ∈ 0..K stripes on tree t                     Σ x[t] = K
//   N[v] ∈ 0..quota VMs                               of a cloud together at most its quota
//   Σ x[t]·(Gbit of a stripe)·(Σ 1/T of t's edges out of v) ≤ S·N[v]    connections out; the same in
//   Σ x[t]·(Gbit of a stripe)·(t's edges out of v)    ≤ S·e[v]·N[v]     egress; ingress likewise
//   Σ x[t]·[t touches v]                              ≤ K·N[v]          what all stripes touch needs a whole VM
//
//   minimise  Σ x[t]·(price of a stripe down t)  +  (S + t0)·Σ w[v]·N[v]
//
// There are more trees than can be written down, and few matter. The linear program is solved over those known so far; its
// duals put a weight on each edge; the cheapest tree under these weights, an exact search for so few destinations, either
// improves the program or proves that none does (column generation). The integers are then chosen among the trees found. The
// linear optimum is a bound on every plan, so the plan says how far from the best it can be.

#include "transfer/multicast.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/bytes.h"
#include "integer_program.h"
#include "steiner_tree.h"

namespace isobar::transfer {

namespace {

constexpr double kRounding = 1e-6;
constexpr int kRoundsMax = 400;

/// The rows that one region has in the program, after the row that counts stripes.
enum RegionRow { kConnectionsOut, kConnectionsIn, kEgress, kIngress, kTouch, kQuota, kRegionRows };

double usd_per_second(const OverlayRegion& region) { return region.vm_usd_per_hour / 3600; }

struct Loads {
  double connections_out = 0, connections_in = 0, egress = 0, ingress = 0;  ///< in VM-seconds
  double most() const { return std::max({connections_out, connections_in, egress, ingress}); }
};

/// What `gbit` down a tree take of each region's VMs.
void add_loads(const Overlay& overlay, const std::vector<TreeEdge>& edges, double gbit, std::vector<Loads>& loads) {
  for (const auto& [from, to] : edges) {
    if (!overlay.links_are_shared) {
      loads[from].connections_out += gbit / overlay.gbps.at(from, to);
      loads[to].connections_in += gbit / overlay.gbps.at(from, to);
    }
    loads[from].egress += gbit / overlay.regions[from].vm_egress_gbps;
    loads[to].ingress += gbit / overlay.regions[to].vm_ingress_gbps;
  }
}

double price_of(const Overlay& overlay, const std::vector<TreeEdge>& edges) {
  double usd_per_gb = 0;
  for (const auto& [from, to] : edges) usd_per_gb += overlay.usd_per_gb.at(from, to);
  return usd_per_gb;
}

enum class Aim { kLeastCost, kLeastTime };

/// The linear program over the trees found so far. For the least time, S is a variable, and N[v]·S is one too.
class Master {
 public:
  Master(const MulticastProblem& problem, Aim aim) : problem_(problem), aim_(aim), program_(row_bounds(problem, aim)) {
    const double penalty = 1e3 * scale();
    program_.add({{0, 1}}, 0, kUnbounded, penalty);
    std::vector<Term> time_terms;
    for (std::size_t v = 0; v < overlay().size(); ++v) {
      std::vector<Term> terms;
      for (const int kind : {kConnectionsOut, kConnectionsIn, kEgress, kIngress, kTouch}) terms.push_back({row(v, kind), -1});
      terms.push_back({row(v, kQuota), 1});
      for (std::size_t q = 0; q < overlay().cloud_quotas.size(); ++q)
        if (provider_of(overlay().regions[v].name) == overlay().cloud_quotas[q].provider) terms.push_back({quota_row(q), 1});
      vms_.push_back(program_.add(terms, 0, kUnbounded, aim == Aim::kLeastCost ? vm_usd(v) : 0));
      time_terms.push_back({row(v, kQuota), -static_cast<double>(overlay().regions[v].vms_max)});
    }
    for (std::size_t q = 0; q < overlay().cloud_quotas.size(); ++q)
      time_terms.push_back({quota_row(q), -static_cast<double>(overlay().cloud_quotas[q].vms_max)});
    if (overlay().links_are_shared)
      for (int link = 0; link < links(problem); ++link) time_terms.push_back({link_row(link), -1});
    if (aim == Aim::kLeastTime) program_.add(time_terms, 0, kUnbounded, 1);
  }

  const std::vector<std::vector<TreeEdge>>& trees() const { return trees_; }

  bool add(std::vector<TreeEdge> tree) {
    auto sorted = tree;
    std::sort(sorted.begin(), sorted.end());
    if (!known_.insert(std::move(sorted)).second) return false;
    const auto terms = terms_of(tree);
    program_.add(terms, 0, kUnbounded, aim_ == Aim::kLeastCost ? stripe_gb() * price_of(overlay(), tree) : 0);
    trees_.push_back(std::move(tree));
    return true;
  }

  /// Solves, and asks for the tree that gains most, until none gains. Returns a bound on every plan's objective, or none when
  /// the stripes cannot all be sent.
  Result<std::optional<double>> generate() {
    double bound = 0;
    for (int round = 0; round < kRoundsMax; ++round) {
      TRY_ASSIGN(const auto answer, program_.minimise());
      if (!answer) return unavailable("linear solver: the relaxed program has no optimum");
      const auto tree = cheapest_tree(weights(answer->duals), problem_.source, problem_.destinations, problem_.hops_max);
      if (!tree) return std::optional<double>();
      const double gain = answer->duals[0] - tree->cost - source_weight(answer->duals);
      bound = std::max(bound, answer->objective - problem_.stripes * std::max(0.0, gain));
      const bool last = gain < kRounding * 1e-2 * scale() || !add(tree->edges);
      if (!last) continue;
      const bool all_sent = answer->values[0] < kRounding * problem_.stripes;
      return all_sent ? std::optional(std::max(bound, 0.0)) : std::nullopt;
    }
    return std::optional(bound);
  }

  /// The program's rows for one stripe down a tree.
  std::vector<Term> terms_of(const std::vector<TreeEdge>& tree) const {
    std::vector<Loads> loads(overlay().size());
    add_loads(overlay(), tree, stripe_gb() * kGbitPerGb / seconds(), loads);
    std::vector<bool> touched(overlay().size());
    touched[problem_.source] = true;
    for (const auto& edge : tree) touched[edge.second] = true;
    std::vector<Term> terms = {{0, 1}};
    for (std::size_t v = 0; v < loads.size(); ++v) {
      const double factors[] = {loads[v].connections_out, loads[v].connections_in, loads[v].egress, loads[v].ingress};
      for (int kind = kConnectionsOut; kind <= kIngress; ++kind)
        if (factors[kind] > 0) terms.push_back({row(v, kind), factors[kind]});
      if (touched[v] && aim_ == Aim::kLeastCost) terms.push_back({row(v, kTouch), 1.0 / problem_.stripes});
    }
    if (overlay().links_are_shared)
      for (const auto& [from, to] : tree)
        terms.push_back({link_row(link_of(from, to)), stripe_gb() * kGbitPerGb / seconds() / overlay().gbps.at(from, to)});
    return terms;
  }

  static int row(std::size_t v, int kind) { return 1 + static_cast<int>(v) * kRegionRows + kind; }
  int quota_row(std::size_t q) const { return 1 + static_cast<int>(overlay().size()) * kRegionRows + static_cast<int>(q); }
  /// Shared links have a row each: what crosses them takes at most the time there is.
  static int links(const MulticastProblem& problem) {
    const auto n = static_cast<int>(problem.overlay.size());
    return problem.overlay.links_are_shared ? n * n : 0;
  }
  int link_of(RegionIndex from, RegionIndex to) const { return static_cast<int>(from * overlay().size() + to); }
  int link_row(int link) const { return quota_row(overlay().cloud_quotas.size()) + link; }
  static std::vector<std::pair<double, double>> row_bounds(const MulticastProblem& problem, Aim aim) {
    const double stripes = problem.stripes;
    std::vector<std::pair<double, double>> bounds = {{stripes, stripes}};
    const bool timed = aim == Aim::kLeastTime;
    for (const OverlayRegion& region : problem.overlay.regions)
      for (int kind = 0; kind < kRegionRows; ++kind) bounds.emplace_back(-kUnbounded, kind == kQuota && !timed ? region.vms_max : 0);
    for (const CloudQuota& quota : problem.overlay.cloud_quotas) bounds.emplace_back(-kUnbounded, timed ? 0 : quota.vms_max);
    for (int link = 0; link < links(problem); ++link) bounds.emplace_back(-kUnbounded, timed ? 0 : 1);
    return bounds;
  }

  double stripe_gb() const { return problem_.volume_gb / problem_.stripes; }
  double vm_usd(std::size_t v) const {
    return usd_per_second(overlay().regions[v]) * (problem_.seconds_max + to_seconds(problem_.vm_start));
  }

 private:
  const Overlay& overlay() const { return problem_.overlay; }
  double seconds() const { return aim_ == Aim::kLeastCost ? problem_.seconds_max : 1; }

  /// What a stripe may cost at all, roughly: the unit of tolerance and penalty.
  double scale() const {
    if (aim_ == Aim::kLeastTime) return stripe_gb() * kGbitPerGb;
    double dearest = 0, vms = 0;
    for (RegionIndex i = 0; i < overlay().size(); ++i)
      for (RegionIndex j = 0; j < overlay().size(); ++j) dearest = std::max(dearest, overlay().usd_per_gb.at(i, j));
    for (std::size_t v = 0; v < overlay().size(); ++v) vms = std::max(vms, vm_usd(v) * overlay().regions[v].vms_max);
    return stripe_gb() * dearest * static_cast<double>(problem_.destinations.size()) + vms + 1e-9;
  }

  PairTable weights(const std::vector<double>& duals) const {
    PairTable weight(overlay().size(), kUnbounded);
    const double gbit = stripe_gb() * kGbitPerGb / seconds();
    const auto dual = [&](std::size_t v, int kind) { return std::max(0.0, -duals[static_cast<std::size_t>(row(v, kind))]); };
    for (RegionIndex i = 0; i < overlay().size(); ++i)
      for (RegionIndex j = 0; j < overlay().size(); ++j) {
        const double gbps = overlay().gbps.at(i, j);
        if (gbps <= 0 || j == problem_.source) continue;
        double w = aim_ == Aim::kLeastCost ? stripe_gb() * overlay().usd_per_gb.at(i, j) + dual(j, kTouch) / problem_.stripes : 0;
        w += gbit / gbps * (dual(i, kConnectionsOut) + dual(j, kConnectionsIn));
        if (overlay().links_are_shared) w += gbit / gbps * std::max(0.0, -duals[static_cast<std::size_t>(link_row(link_of(i, j)))]);
        w +=
            gbit / overlay().regions[i].vm_egress_gbps * dual(i, kEgress) + gbit / overlay().regions[j].vm_ingress_gbps * dual(j, kIngress);
        weight.at(i, j) = w;
      }
    return weight;
  }

  double source_weight(const std::vector<double>& duals) const {
    if (aim_ == Aim::kLeastTime) return 0;
    return std::max(0.0, -duals[static_cast<std::size_t>(row(problem_.source, kTouch))]) / problem_.stripes;
  }

  const MulticastProblem& problem_;
  const Aim aim_;
  LinearProgram program_;
  std::vector<Column> vms_;
  std::vector<std::vector<TreeEdge>> trees_;
  std::set<std::vector<TreeEdge>> known_;
};

void charge(const MulticastProblem& problem, MulticastPlan& plan) {
  const double stripe_gb = problem.volume_gb / problem.stripes;
  std::vector<Loads> loads(problem.overlay.size());
  PairTable link_seconds(problem.overlay.size());
  plan.egress_usd = plan.vm_usd = plan.seconds = 0;
  for (const MulticastTree& tree : plan.trees) {
    if (problem.overlay.links_are_shared)
      for (const auto& [from, to] : tree.edges) {
        link_seconds.at(from, to) += tree.stripes * stripe_gb * kGbitPerGb / problem.overlay.gbps.at(from, to);
        plan.seconds = std::max(plan.seconds, link_seconds.at(from, to));
      }
    plan.egress_usd += tree.stripes * stripe_gb * price_of(problem.overlay, tree.edges);
    add_loads(problem.overlay, tree.edges, tree.stripes * stripe_gb * kGbitPerGb, loads);
  }
  for (std::size_t v = 0; v < loads.size(); ++v)
    if (loads[v].most() > 0) plan.seconds = std::max(plan.seconds, loads[v].most() / std::max(1, plan.vms[v]));
  for (std::size_t v = 0; v < loads.size(); ++v)
    plan.vm_usd += plan.vms[v] * usd_per_second(problem.overlay.regions[v]) * (plan.seconds + to_seconds(problem.vm_start));
}

/// The integers, among the trees that the linear program found.
Result<std::optional<MulticastPlan>> choose(const MulticastProblem& problem, const Master& master, double bound) {
  IntegerProgram program;
  const auto bounds = Master::row_bounds(problem, Aim::kLeastCost);
  std::vector<std::vector<Term>> rows(bounds.size());
  std::vector<Column> counts, vms;
  for (const auto& tree : master.trees()) {
    counts.push_back(program.add(0, problem.stripes, master.stripe_gb() * price_of(problem.overlay, tree), Domain::kInteger));
    for (const Term& term : master.terms_of(tree)) rows[static_cast<std::size_t>(term.index)].push_back({counts.back(), term.factor});
  }
  for (std::size_t v = 0; v < problem.overlay.size(); ++v) {
    vms.push_back(program.add(0, problem.overlay.regions[v].vms_max, master.vm_usd(v), Domain::kInteger));
    for (const int kind : {kConnectionsOut, kConnectionsIn, kEgress, kIngress, kTouch}) {
      auto& terms = rows[static_cast<std::size_t>(Master::row(v, kind))];
      if (!terms.empty()) terms.push_back({vms.back(), -1});
    }
    for (std::size_t q = 0; q < problem.overlay.cloud_quotas.size(); ++q)
      if (provider_of(problem.overlay.regions[v].name) == problem.overlay.cloud_quotas[q].provider)
        rows[static_cast<std::size_t>(master.quota_row(q))].push_back({vms.back(), 1});
  }
  for (std::size_t r = 0; r < rows.size(); ++r)
    if (!rows[r].empty()) program.require(std::move(rows[r]), bounds[r].first, bounds[r].second);
  TRY_ASSIGN(const auto answer, program.minimise(problem.solve_limit));
  if (answer.values.empty()) return std::optional<MulticastPlan>();
  MulticastPlan plan;
  for (std::size_t t = 0; t < counts.size(); ++t)
    if (const int stripes = static_cast<int>(std::lround(answer.values[static_cast<std::size_t>(counts[t])])); stripes > 0)
      plan.trees.push_back({master.trees()[t], stripes});
  for (const Column column : vms) plan.vms.push_back(static_cast<int>(std::lround(answer.values[static_cast<std::size_t>(column)])));
  plan.gap = std::clamp((answer.objective - bound) / std::max(answer.objective, 1e-12), 0.0, 1.0);
  if (plan.gap < 1e-6) plan.gap = 0;
  charge(problem, plan);
  return std::optional(std::move(plan));
}

/// A tree as a plan of its own, with the VMs that the time asks for as far as the quotas allow.
MulticastPlan plan_of_tree(const MulticastProblem& problem, std::vector<TreeEdge> edges) {
  std::vector<Loads> loads(problem.overlay.size());
  add_loads(problem.overlay, edges, problem.volume_gb * kGbitPerGb, loads);
  MulticastPlan plan;
  for (std::size_t v = 0; v < loads.size(); ++v) {
    const int wanted = static_cast<int>(std::ceil(std::min(1e6, loads[v].most() / problem.seconds_max) - kRounding));
    plan.vms.push_back(loads[v].most() > 0 ? std::clamp(wanted, 1, std::max(1, problem.overlay.regions[v].vms_max)) : 0);
  }
  plan.trees.push_back({std::move(edges), problem.stripes});
  charge(problem, plan);
  return plan;
}

Status check(const MulticastProblem& problem) {
  const std::set<RegionIndex> distinct(problem.destinations.begin(), problem.destinations.end());
  if (distinct.empty()) return invalid("no destination; name at least one");
  if (distinct.size() != problem.destinations.size()) return invalid("a destination is named twice; name it once");
  if (distinct.count(problem.source)) return invalid("the source is among the destinations; leave it out, it has the data");
  if (distinct.size() > kTerminalsMax)
    return invalid(fmt::format("{} destinations are more than the {} that one plan serves; split them", distinct.size(), kTerminalsMax));
  if (!(problem.volume_gb > 0)) return invalid("the volume is zero; give the bytes that are to be moved");
  if (!(problem.seconds_max > 0)) return invalid("the deadline leaves no time to send; allow more");
  if (problem.stripes < 1 || problem.stripes > 100) return invalid(fmt::format("{} stripes; give 1 to 100", problem.stripes));
  if (problem.hops_max && (*problem.hops_max < 1 || *problem.hops_max > 16)) return invalid("the hop limit lies between 1 and 16");
  return {};
}

Error unreachable(const MulticastProblem& problem) {
  return not_found(fmt::format("not every destination can be reached from {} over measured links{}; add what is missing to the grid",
                               problem.overlay.regions[problem.source].name, problem.hops_max ? " within the hop limit" : ""));
}

void add_first_trees(const MulticastProblem& problem, Master& master) {
  if (auto plan = direct_multicast(problem)) master.add(plan->trees[0].edges);
  if (auto plan = arborescence_multicast(problem); plan && !problem.hops_max) master.add(plan->trees[0].edges);
  // The tree that is cheapest when each region on it costs one VM: what a small volume wants, and duals rarely ask for.
  PairTable weight(problem.overlay.size(), kUnbounded);
  for (RegionIndex i = 0; i < weight.size(); ++i)
    for (RegionIndex j = 0; j < weight.size(); ++j)
      if (problem.overlay.gbps.at(i, j) > 0) weight.at(i, j) = problem.volume_gb * problem.overlay.usd_per_gb.at(i, j) + master.vm_usd(j);
  if (auto tree = cheapest_tree(weight, problem.source, problem.destinations, problem.hops_max)) master.add(std::move(tree->edges));
}

}  // namespace

Result<MulticastPlan> cheapest_multicast(const MulticastProblem& problem) {
  TRY(check(problem));
  Master master(problem, Aim::kLeastCost);
  add_first_trees(problem, master);
  TRY_ASSIGN(const auto bound, master.generate());
  if (bound) {
    TRY_ASSIGN(auto plan, choose(problem, master, *bound));
    if (plan) return std::move(*plan);
  }
  TRY_ASSIGN(const double least, least_multicast_seconds(problem));
  const std::string why =
      least > problem.seconds_max
          ? fmt::format("the VM quotas allow {} at best; allow more VMs or more time", format_duration(from_seconds(least)))
          : fmt::format("{} equal stripes do not fit the VM quotas; use more stripes, more VMs or more time", problem.stripes);
  return invalid(fmt::format(
      "{} from {} to {} destinations in {}: {}", format_bytes({static_cast<std::uint64_t>(problem.volume_gb * kBytesPerGb)}),
      problem.overlay.regions[problem.source].name, problem.destinations.size(), format_duration(from_seconds(problem.seconds_max)), why));
}

Result<double> least_multicast_seconds(const MulticastProblem& problem) {
  TRY(check(problem));
  Master master(problem, Aim::kLeastTime);
  TRY_ASSIGN(const auto seconds, master.generate());
  if (!seconds) return unreachable(problem);
  return *seconds;
}

std::optional<MulticastPlan> direct_multicast(const MulticastProblem& problem) {
  std::vector<TreeEdge> star;
  for (const RegionIndex destination : problem.destinations) {
    if (problem.overlay.gbps.at(problem.source, destination) <= 0) return std::nullopt;
    star.emplace_back(problem.source, destination);
  }
  return plan_of_tree(problem, std::move(star));
}

std::optional<MulticastPlan> arborescence_multicast(const MulticastProblem& problem) {
  PairTable weight(problem.overlay.size(), kUnbounded);
  std::vector<RegionIndex> ends = problem.destinations;
  ends.push_back(problem.source);
  for (const RegionIndex i : ends)
    for (const RegionIndex j : ends)
      if (problem.overlay.gbps.at(i, j) > 0) weight.at(i, j) = problem.overlay.usd_per_gb.at(i, j);
  auto tree = cheapest_tree(weight, problem.source, problem.destinations);
  if (!tree) return std::nullopt;
  return plan_of_tree(problem, std::move(tree->edges));
}

}  // namespace isobar::transfer
