#include "route_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::transfer {

namespace {

using Kind = Operator::Kind;

class Builder {
 public:
  Builder(const GatewayPrograms& programs, const std::vector<std::string>& target_regions) : target_regions_(target_regions) {
    for (const auto& gateway : programs.gateways) gateways_[gateway.id] = &gateway;
  }

  RouteNode build(const Operator& from, const std::string& region, int partition) const {
    RouteNode node{from.kind, from.to, 0, {}};
    if (from.kind == Kind::kWrite) node.targets = targets_in(region);
    if (from.kind == Kind::kSend) node.targets = behind(from.to, partition);
    for (const auto& child : from.children) {
      node.children.push_back(build(child, region, partition));
      node.targets |= node.children.back().targets;
    }
    return node;
  }

 private:
  std::uint64_t targets_in(const std::string& region) const {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < target_regions_.size(); ++i)
      if (target_regions_[i] == region) bits |= std::uint64_t{1} << i;
    return bits;
  }

  // The programs were validated: there are no circles.
  std::uint64_t behind(const std::string& id, int partition) const {
    const Gateway& gateway = *gateways_.at(id);
    for (const auto& program : gateway.programs)
      if (std::find(program.partitions.begin(), program.partitions.end(), partition) != program.partitions.end())
        return build(program.root, gateway.region, partition).targets;
    return 0;
  }

  std::map<std::string, const Gateway*> gateways_;
  const std::vector<std::string>& target_regions_;
};

void sum_connections(const Operator& at, std::map<std::string, int>& to) {
  if (at.kind == Kind::kSend) to[at.to] += at.connections;
  for (const auto& child : at.children) sum_connections(child, to);
}

bool holds(const RouteNode& node, Kind kind) {
  return node.kind == kind || std::any_of(node.children.begin(), node.children.end(), [kind](const auto& c) { return holds(c, kind); });
}

}  // namespace

Result<RouteTable> RouteTable::make(const GatewayPrograms& programs, const std::string& self,
                                    const std::vector<std::string>& target_regions) {
  if (target_regions.empty() || target_regions.size() > kTargetsMost)
    return invalid(
        fmt::format("there are {} targets; at least 1 and at most {} can be served at once", target_regions.size(), kTargetsMost));
  for (const auto& region : target_regions)
    if (std::find(programs.destinations.begin(), programs.destinations.end(), region) == programs.destinations.end())
      return invalid(fmt::format("a target lies in {}, which the programs do not write to", region));
  const Builder builder(programs, target_regions);
  RouteTable table;
  table.shares_ = programs.shares;
  for (const auto& gateway : programs.gateways) {
    // Programs that go the same way share their connections.
    std::map<std::string, int> to;
    for (const auto& program : gateway.programs) {
      std::map<std::string, int> of_program;
      sum_connections(program.root, of_program);
      for (const auto& [peer, count] : of_program) to[peer] += count;
    }
    if (gateway.id != self) {
      if (const auto here = to.find(self); here != to.end()) {
        table.senders_.insert(gateway.id);
        table.connections_in_ += here->second;
      }
      continue;
    }
    for (const auto& [peer, count] : to) table.connections_[peer] = std::min(count, kConnectionsPerVm);
    for (const auto& program : gateway.programs)
      for (const int partition : program.partitions) {
        auto root = builder.build(program.root, gateway.region, partition);
        const bool source = root.kind != Kind::kReceive;
        table.reads_ |= source;
        table.generates_ |= root.kind == Kind::kGenerate;
        table.writes_ |= holds(root, Kind::kWrite);
        if (source && holds(root, Kind::kWrite))
          return invalid(fmt::format("{}: what is read in {} would be written there; that needs no gateways", self, gateway.region));
        table.roots_[static_cast<std::uint32_t>(partition)] = std::move(root.children[0]);
      }
  }
  return table;
}

const RouteNode* RouteTable::of(std::uint32_t partition) const {
  const auto found = roots_.find(partition);
  return found == roots_.end() ? nullptr : &found->second;
}

bool RouteTable::only_relays(std::uint32_t partition) const {
  const RouteNode* node = of(partition);
  return node != nullptr && !holds(*node, Kind::kMuxAnd) && !holds(*node, Kind::kWrite);
}

}  // namespace isobar::transfer
