#include "transfer/program.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/check.h"

namespace isobar::transfer {

namespace {

/// What all gateways of a region do with a set of partitions.
struct RegionProgram {
  std::vector<int> partitions;
  std::set<std::string> next;  ///< regions
  double share = 0;            ///< of the bytes
};

struct RegionPrograms {
  bool writes = false;
  std::vector<RegionProgram> programs;
};

std::map<std::string, RegionPrograms> region_programs(const RoutedPlan& plan) {
  std::map<std::string, RegionPrograms> regions;
  for (std::size_t p = 0; p < plan.routes.size(); ++p) {
    std::map<std::string, std::set<std::string>> next = {{plan.source, {}}};
    for (const auto& [from, to] : plan.routes[p].links) next[from].insert(to), next[to];
    for (auto& [region, next_hops] : next) {
      const std::set<std::string>& hops = next_hops;
      // Partitions that go on alike share a program, and with it queues and connections.
      auto& programs = regions[region].programs;
      auto same = std::find_if(programs.begin(), programs.end(), [&](const auto& program) { return program.next == hops; });
      if (same == programs.end()) same = programs.insert(programs.end(), RegionProgram{{}, hops, 0});
      same->partitions.push_back(static_cast<int>(p));
      same->share += plan.routes[p].share;
    }
  }
  for (const auto& destination : plan.destinations) regions[destination].writes = true;
  return regions;
}

/// The connections, not yet whole, that one VM of `from` has to all of `to` for `share` of the bytes.
double connections_of_vm(const RoutedPlan& plan, const std::string& from, const std::string& to, double share) {
  return kConnectionsPerVm * share * plan.gbps / plan.pair_gbps.at({from, to}) / plan.vms.at(from);
}

/// By how much all counts may grow until the busiest VM has 64, out or in.
double growth(const RoutedPlan& plan, const std::map<std::string, RegionPrograms>& regions) {
  std::map<std::string, double> out, in;
  for (const auto& [region, work] : regions)
    for (const auto& program : work.programs)
      for (const auto& to : program.next) {
        const double connections = connections_of_vm(plan, region, to, program.share);
        out[region] += connections;
        in[to] += connections * plan.vms.at(region) / plan.vms.at(to);
      }
  double most = 0;
  for (const auto* side : {&out, &in})
    for (const auto& [region, connections] : *side) most = std::max(most, connections);
  return most > 0 ? kConnectionsPerVm / most : 1;
}

std::string gateway_id(const std::string& region, int vm) { return region + "/" + std::to_string(vm); }

Operator one_or(Operator::Kind kind, std::vector<Operator> children) {
  if (children.size() == 1) return std::move(children[0]);
  return {kind, "", 0, std::move(children)};
}

/// Sends from one VM to a region: its connections spread over that region's VMs, beginning at another one for each sender so
/// that together they reach all.
Operator sends(const std::string& to, int to_vms, int from_vm, int from_vms, int connections) {
  connections = std::clamp(std::max(connections, (to_vms + from_vms - 1) / from_vms), 1, kConnectionsPerVm);
  std::vector<int> counts(static_cast<std::size_t>(to_vms), connections / to_vms);
  const int rest = connections % to_vms;
  for (int i = 0; i < rest; ++i) ++counts[static_cast<std::size_t>((from_vm * rest + i) % to_vms)];
  std::vector<Operator> children;
  for (int vm = 0; vm < to_vms; ++vm)
    if (const int count = counts[static_cast<std::size_t>(vm)]; count > 0)
      children.push_back({Operator::Kind::kSend, gateway_id(to, vm), count, {}});
  return one_or(Operator::Kind::kMuxOr, std::move(children));
}

}  // namespace

GatewayPrograms make_programs(const RoutedPlan& plan, Origin origin) {
  GatewayPrograms made{plan.source, plan.destinations, {}, {}};
  for (const auto& route : plan.routes) made.shares.push_back(route.share);
  const auto regions = region_programs(plan);
  const double factor = growth(plan, regions);
  for (const auto& [region, work] : regions) {
    const int vms = plan.vms.at(region);
    for (int vm = 0; vm < vms; ++vm) {
      Gateway gateway{gateway_id(region, vm), region, {}};
      for (const auto& program : work.programs) {
        std::vector<Operator> outlets;
        if (work.writes) outlets.push_back({Operator::Kind::kWrite, "", 0, {}});
        for (const auto& to : program.next) {
          const double wanted = connections_of_vm(plan, region, to, program.share) * factor;
          outlets.push_back(sends(to, plan.vms.at(to), vm, vms, static_cast<int>(std::floor(wanted + 1e-6))));
        }
        CHECK(!outlets.empty(), region);
        const auto inlet = region != plan.source     ? Operator::Kind::kReceive
                           : origin == Origin::kRead ? Operator::Kind::kRead
                                                     : Operator::Kind::kGenerate;
        gateway.programs.push_back({program.partitions, {inlet, "", 0, {one_or(Operator::Kind::kMuxAnd, std::move(outlets))}}});
      }
      made.gateways.push_back(std::move(gateway));
    }
  }
  return made;
}

}  // namespace isobar::transfer
