#include "transfer/plan_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "transfer/multicast.h"
#include "transfer/unicast.h"

namespace isobar::transfer {

namespace {

constexpr double kPartBytes = 64.0 * kMiB;

/// A plan of either planner, in what the report needs of it.
struct Drawn {
  std::vector<std::pair<double, std::vector<std::pair<RegionIndex, RegionIndex>>>> routes;  // share, links
  std::vector<int> vms;
  double gbps = 0, seconds = 0;  // without the start of VMs
  double vm_usd = 0;
  double gap = 0;
  std::vector<std::string> limits;
};

/// One call of plan_transfer.
class Planner {
 public:
  Planner(const PlanRequest& request, const Grid& grid, const PriceBook& prices)
      : request_(request), grid_(grid), prices_(prices), volume_gb_(static_cast<double>(request.bytes.value) / kBytesPerGb) {}

  Result<PlanReport> run() {
    if (request_.bytes.value == 0) return invalid("0 bytes: nothing is to be moved");
    TRY(resolve());
    TRY_ASSIGN(overlay_, make_overlay(grid_, prices_, overlay_options()));
    TRY(find_least_gbps());
    TRY_ASSIGN(const Drawn drawn, solve_at_true_prices());
    PlanReport report = describe(drawn);
    if (request_.usd_max && (request_.deadline || request_.gbps_least) && report.cost.usd() > *request_.usd_max * (1 + 1e-9))
      return invalid(fmt::format("{} costs ${:.2f} at least, and ${:.2f} are allowed; allow more money or less speed", report.goal,
                                 report.cost.usd(), *request_.usd_max));
    return report;
  }

 private:
  bool multicast() const { return destinations_.size() > 1; }
  double start_seconds() const { return to_seconds(request_.vm_start); }

  OverlayOptions overlay_options() const {
    return {volume_gb_,
            request_.used_gb,
            request_.tier,
            request_.quotas,
            request_.instances,
            request_.vm_usd_per_hour,
            request_.links_are_shared};
  }

  Status resolve() {
    if (request_.destinations.empty()) return invalid("no destination; name at least one region");
    TRY_ASSIGN(source_, resolve_region(grid_, request_.source).context("source"));
    for (const auto& words : request_.destinations) {
      TRY_ASSIGN(const RegionIndex destination, resolve_region(grid_, words).context("destination"));
      destinations_.push_back(destination);
    }
    for (const auto& [region, vms] : request_.quotas.in_region) TRY(resolve_region(grid_, region).context("VM quota"));
    return {};
  }

  Status find_least_gbps() {
    if (request_.deadline) {
      const double left = to_seconds(*request_.deadline) - start_seconds();
      if (left <= 0)
        return invalid(fmt::format("a deadline of {} leaves no time after the VMs' start, which takes {}; allow more",
                                   format_duration(*request_.deadline), format_duration(request_.vm_start)));
      gbps_least_ = volume_gb_ * kGbitPerGb / left;
    }
    if (request_.gbps_least) gbps_least_ = std::max(gbps_least_.value_or(0), *request_.gbps_least);
    if (gbps_least_ && !(*gbps_least_ > 0)) return invalid("a throughput of 0 moves nothing; ask for more");
    return {};
  }

  /// The planners see one price a link. Where prices fall with volume, the true bill depends on what the plan sends over each,
  /// so the bill is made out, and the plan is made again with what it said; the cheapest bill that keeps the goal counts.
  Result<Drawn> solve_at_true_prices() {
    std::optional<Drawn> best;
    for (int round = 0; round < 4; ++round) {
      auto drawn = solve();
      if (!drawn.ok()) {
        if (best) break;
        return drawn.error();
      }
      const double believed = believed_egress(*drawn), billed = bill(*drawn);
      const bool keeps = !budget_alone() || billed + drawn->vm_usd <= *request_.usd_max * (1 + 1e-6);
      if (keeps && (!best || better(*drawn, *best))) best = *drawn;
      if (std::abs(believed - billed) <= 1e-6 * (1 + billed)) break;
      reprice(*drawn, /*at_list=*/round == 2);
    }
    if (!best)
      return invalid(fmt::format("no plan was found whose bill, with its price steps, stays below ${:.2f}; allow more", *request_.usd_max));
    return std::move(*best);
  }

  bool budget_alone() const { return request_.usd_max && !gbps_least_; }
  bool better(const Drawn& a, const Drawn& b) const { return budget_alone() ? a.gbps > b.gbps : bill(a) + a.vm_usd < bill(b) + b.vm_usd; }

  Result<Drawn> solve() { return multicast() ? solve_multicast() : solve_unicast(); }

  UnicastProblem unicast_problem() const {
    return {overlay_, source_, destinations_[0], volume_gb_, request_.vm_start, request_.solve_limit};
  }

  Result<Drawn> solve_unicast() {
    const UnicastProblem problem = unicast_problem();
    std::optional<double> ceiling;
    std::optional<UnicastPlan> plan;
    if (budget_alone()) {
      ceiling = *request_.usd_max / volume_gb_;
      TRY_ASSIGN(const auto fastest, fastest_within(problem, ceiling));
      TRY_ASSIGN(plan, cheapened(problem, fastest));
    } else if (gbps_least_) {
      TRY_ASSIGN(plan, cheapest_from(problem, *gbps_least_));
    } else if (const auto direct = direct_plan(problem)) {
      goal_gbps_ = direct->gbps;
      TRY_ASSIGN(plan, cheapest_from(problem, direct->gbps * (1 - 1e-9)));
    } else {
      TRY_ASSIGN(const auto fastest, fastest_within(problem, std::nullopt));
      TRY_ASSIGN(plan, cheapened(problem, fastest));
    }
    Drawn drawn{{}, plan->vms, plan->gbps, plan->seconds, plan->vm_usd, plan->gap, binding_limits(problem, *plan, ceiling)};
    for (const Path& path : paths_of(*plan, source_, destinations_[0])) {
      auto& [share, links] = drawn.routes.emplace_back(path.gbps, std::vector<std::pair<RegionIndex, RegionIndex>>());
      for (std::size_t i = 1; i < path.regions.size(); ++i) links.emplace_back(path.regions[i - 1], path.regions[i]);
    }
    normalise(drawn);
    return drawn;
  }

  /// The fastest plan says nothing of price below the ceiling: the cheapest as fast is wanted.
  static Result<UnicastPlan> cheapened(const UnicastProblem& problem, const UnicastPlan& fastest) {
    auto cheaper = cheapest_at(problem, fastest.gbps * (1 - 1e-6));
    if (!cheaper.ok() || cheaper->usd() > fastest.usd()) return fastest;
    return cheaper;
  }

  MulticastProblem multicast_problem(double seconds) const {
    return {overlay_,         source_,           destinations_,     volume_gb_,          seconds,
            request_.stripes, request_.hops_max, request_.vm_start, request_.solve_limit};
  }

  Result<Drawn> solve_multicast() {
    if (budget_alone()) return fastest_multicast_within(*request_.usd_max);
    double seconds = 0;
    if (gbps_least_) {
      seconds = volume_gb_ * kGbitPerGb / *gbps_least_;
    } else {
      const auto direct = direct_multicast(multicast_problem(1));
      TRY_ASSIGN(const double least, least_multicast_seconds(multicast_problem(1)));
      seconds = std::max(direct ? direct->seconds : 0, least * 1.05);
      goal_gbps_ = volume_gb_ * kGbitPerGb / seconds;
    }
    TRY_ASSIGN(auto best, cheapest_multicast(multicast_problem(seconds)));
    // VMs are paid by the hour, so a plan in a hurry may cost less than one that takes all the time it may.
    for (const double hurry : {0.8, 0.65, 0.5, 0.4, 0.3, 0.2, 0.1}) {
      const auto plan = cheapest_multicast(multicast_problem(seconds * hurry));
      if (!plan.ok()) break;
      if (plan->usd() < best.usd() * (1 - 1e-9)) best = *plan;
    }
    return draw(best);
  }

  /// Cost falls as time grows, in steps: halving finds the shortest time whose cost fits.
  Result<Drawn> fastest_multicast_within(double usd_max) {
    TRY_ASSIGN(const double least, least_multicast_seconds(multicast_problem(1)));
    std::optional<MulticastPlan> best;
    double cheapest = 1e300, low = least, high = least * 64;
    for (int round = 0; round < 14; ++round) {
      const double seconds = round == 0 ? high : round == 1 ? low * 1.001 : std::sqrt(low * high);
      auto plan = cheapest_multicast(multicast_problem(seconds));
      if (!plan.ok() && plan.error().code() != Code::kInvalidArgument) return plan.error();
      if (plan.ok()) cheapest = std::min(cheapest, plan->usd());
      const bool fits = plan.ok() && plan->usd() <= usd_max;
      if (fits && (!best || plan->seconds < best->seconds)) best = *plan;
      if (round == 0 && !fits) break;
      if (fits) high = std::min(high, seconds);
      else low = std::max(low, seconds);
      if (round == 1 && fits) break;
    }
    if (best) return draw(*best);
    return invalid(fmt::format("no plan costs ${:.2f} or less: the cheapest found costs ${:.2f}", usd_max, cheapest));
  }

  Drawn draw(const MulticastPlan& plan) const {
    Drawn drawn{{}, plan.vms, volume_gb_ * kGbitPerGb / plan.seconds, plan.seconds, plan.vm_usd, plan.gap, {}};
    for (const auto& tree : plan.trees) drawn.routes.emplace_back(tree.stripes, tree.edges);
    for (std::size_t v = 0; v < plan.vms.size(); ++v)
      if (plan.vms[v] > 0 && plan.vms[v] >= overlay_.regions[v].vms_max)
        drawn.limits.push_back(
            fmt::format("{} may use no more than {} VM{}", overlay_.regions[v].name, plan.vms[v], plan.vms[v] == 1 ? "" : "s"));
    normalise(drawn);
    return drawn;
  }

  static void normalise(Drawn& drawn) {
    double sum = 0;
    for (const auto& route : drawn.routes) sum += route.first;
    for (auto& route : drawn.routes) route.first /= sum;
  }

  using Link = std::pair<RegionIndex, RegionIndex>;
  std::map<Link, double> gb_of_links(const Drawn& drawn) const {
    std::map<Link, double> gb;
    for (const auto& [share, links] : drawn.routes)
      for (const Link& link : links) gb[link] += share * volume_gb_;
    return gb;
  }

  double believed_egress(const Drawn& drawn) const {
    double usd = 0;
    for (const auto& [link, gb] : gb_of_links(drawn)) usd += gb * overlay_.usd_per_gb.at(link.first, link.second);
    return usd;
  }

  EgressPrice price_of(const Link& link) const {
    return prices_.egress(grid_.regions[link.first], grid_.regions[link.second], request_.tier);
  }

  /// Mean $/GB of each link when each meter has all that crosses it.
  std::map<Link, double> billed_prices(const Drawn& drawn) const {
    std::map<std::string, double> gb_on_meter;
    const auto gb_of = gb_of_links(drawn);
    for (const auto& [link, gb] : gb_of) gb_on_meter[price_of(link).meter] += gb;
    std::map<Link, double> mean;
    for (const auto& [link, gb] : gb_of) {
      const EgressPrice price = price_of(link);
      const double all = gb_on_meter[price.meter];
      mean[link] = egress_usd(price, request_.used_gb, all) / all;
    }
    return mean;
  }

  double bill(const Drawn& drawn) const {
    const auto prices = billed_prices(drawn);
    double usd = 0;
    for (const auto& [link, gb] : gb_of_links(drawn)) usd += gb * prices.at(link);
    return usd;
  }

  /// at_list   no volume lowers a price: what this says is dear enough whatever the plan
  void reprice(const Drawn& drawn, bool at_list) {
    for (const auto& [link, usd_per_gb] : billed_prices(drawn)) overlay_.usd_per_gb.at(link.first, link.second) = usd_per_gb;
    if (!at_list) return;
    for (RegionIndex from = 0; from < grid_.regions.size(); ++from)
      for (RegionIndex to = 0; to < grid_.regions.size(); ++to)
        if (grid_.gbps.at(from, to) > 0) overlay_.usd_per_gb.at(from, to) = egress_usd(price_of({from, to}), request_.used_gb, 1);
  }

  PlanReport describe(const Drawn& drawn) const {
    PlanReport report;
    report.bytes = request_.bytes;
    report.goal = goal();
    report.gap = drawn.gap;
    report.limits = drawn.limits;
    report.grid_name = grid_.name;
    report.grid_date = grid_.date;
    report.prices_date = prices_.date();
    report.cost = {drawn.gbps, drawn.seconds + start_seconds(), bill(drawn), drawn.vm_usd};
    describe_plan(drawn, report);
    report.baselines = baselines();
    const double parts = std::ceil(static_cast<double>(request_.bytes.value) / kPartBytes);
    report.requests_usd = parts * prices_.requests(provider_of(grid_.regions[source_])).read_usd;
    for (const RegionIndex d : destinations_) report.requests_usd += parts * prices_.requests(provider_of(grid_.regions[d])).write_usd;
    add_notes(report);
    return report;
  }

  void describe_plan(const Drawn& drawn, PlanReport& report) const {
    RoutedPlan& plan = report.plan;
    plan.source = grid_.regions[source_];
    for (const RegionIndex d : destinations_) plan.destinations.push_back(grid_.regions[d]);
    plan.gbps = drawn.gbps;
    for (const auto& [share, links] : drawn.routes) {
      Route& route = plan.routes.emplace_back(Route{share, {}});
      for (const auto& [from, to] : links) route.links.emplace_back(grid_.regions[from], grid_.regions[to]);
    }
    for (std::size_t v = 0; v < drawn.vms.size(); ++v) {
      if (drawn.vms[v] == 0) continue;
      plan.vms[grid_.regions[v]] = drawn.vms[v];
      const auto instance = request_.instances.find(std::string(provider_of(grid_.regions[v])));
      const auto vm = prices_.vm(grid_.regions[v], instance == request_.instances.end() ? "" : instance->second);
      report.vms.push_back({grid_.regions[v], drawn.vms[v], vm.ok() ? vm->instance : "", overlay_.regions[v].vm_usd_per_hour});
    }
    const auto prices = billed_prices(drawn);
    for (const auto& [link, gb] : gb_of_links(drawn)) {
      const auto& [from, to] = link;
      plan.pair_gbps[{grid_.regions[from], grid_.regions[to]}] = grid_.gbps.at(from, to);
      report.links.push_back({grid_.regions[from], grid_.regions[to], gb / volume_gb_ * drawn.gbps, grid_.gbps.at(from, to),
                              grid_.rtt_ms.at(from, to), gb, prices.at(link), price_of(link).guess});
    }
  }

  std::string goal() const {
    std::vector<std::string> parts;
    if (request_.deadline) parts.push_back("within " + format_duration(*request_.deadline));
    if (request_.gbps_least) parts.push_back(fmt::format("at {:.4g} Gbit/s or more", *request_.gbps_least));
    if (request_.usd_max) parts.push_back(fmt::format("for ${:.2f} or less", *request_.usd_max));
    if (!parts.empty())
      return fmt::format("{}, {}", budget_alone() ? "as fast as it goes" : "for the least money", fmt::join(parts, " and "));
    return goal_gbps_ ? fmt::format("for the least money, as fast as the direct path ({:.3g} Gbit/s)", *goal_gbps_)
                      : "as fast as it goes: there is no direct path";
  }

  std::vector<Baseline> baselines() const {
    std::vector<Baseline> all;
    if (!multicast()) {
      UnicastProblem problem = unicast_problem();
      const auto list = make_overlay(grid_, prices_, overlay_options());
      problem.overlay = *list;
      const auto add = [&](const std::string& name, const std::optional<UnicastPlan>& plan) {
        if (!plan) return;
        Baseline baseline{name, {}, {plan->gbps, plan->seconds + start_seconds(), plan->egress_usd, plan->vm_usd}};
        for (std::size_t i = 0; i + 1 < plan->flows.size(); ++i) baseline.via.push_back(grid_.regions[plan->flows[i].to]);
        all.push_back(std::move(baseline));
      };
      add("direct", direct_plan(problem));
      add("best single relay", single_relay_plan(problem));
      return all;
    }
    const auto problem = multicast_problem(report_seconds_max());
    const auto add = [&](const std::string& name, const std::optional<MulticastPlan>& plan) {
      if (!plan) return;
      const Drawn drawn = draw(*plan);
      all.push_back({name, {}, {drawn.gbps, drawn.seconds + start_seconds(), bill(drawn), drawn.vm_usd}});
    };
    add("direct", direct_multicast(problem));
    add("cheapest tree", arborescence_multicast(problem));
    return all;
  }

  /// The time that the baselines try to keep.
  double report_seconds_max() const {
    const double gbps = gbps_least_ ? *gbps_least_ : goal_gbps_.value_or(1e9);
    return volume_gb_ * kGbitPerGb / gbps;
  }

  void add_notes(PlanReport& report) const {
    for (const PlannedLink& link : report.links)
      if (!link.price_guess.empty()) report.notes.push_back(link.price_guess);
    for (const PlannedVms& vms : report.vms)
      if (vms.instance.empty() && !request_.vm_usd_per_hour)
        report.notes.push_back(
            fmt::format("no machine of {} is known: its VMs are taken as free and as fast as their links", provider_of(vms.region)));
    if (!request_.used_gb)
      report.notes.push_back("free allowances of the month are taken as used up; --used says how much was sent already");
    std::sort(report.notes.begin(), report.notes.end());
    report.notes.erase(std::unique(report.notes.begin(), report.notes.end()), report.notes.end());
  }

  const PlanRequest& request_;
  const Grid& grid_;
  const PriceBook& prices_;
  const double volume_gb_;
  Overlay overlay_;
  RegionIndex source_ = 0;
  std::vector<RegionIndex> destinations_;
  std::optional<double> gbps_least_;
  std::optional<double> goal_gbps_;  // where the request states none
};

}  // namespace

Result<PlanReport> plan_transfer(const PlanRequest& request, const Grid& grid, const PriceBook& prices) {
  return Planner(request, grid, prices).run();
}

}  // namespace isobar::transfer
