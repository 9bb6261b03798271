// Whether programs do what a plan promises: every chunk of every partition is written once in every destination, whichever
// way it takes through the mux_or's. That is decided on the graph of (gateway, partition): what a gateway delivers is what
// its program's outlets deliver, and all children of a mux_or must deliver the same.

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <set>

#include "transfer/program.h"

namespace isobar::transfer {

namespace {

using Kind = Operator::Kind;
using Regions = std::set<std::string>;

/// What a VM may have altogether; a little above 64, since links that would round to no connection get one.
constexpr int kConnectionsOfVmMax = 2 * kConnectionsPerVm;

bool is_inlet(Kind kind) { return kind == Kind::kRead || kind == Kind::kGenerate || kind == Kind::kReceive; }
bool is_mux(Kind kind) { return kind == Kind::kMuxAnd || kind == Kind::kMuxOr; }

class Checker {
 public:
  explicit Checker(const GatewayPrograms& programs) : programs_(programs) {}

  Status run() {
    TRY(check_shares());
    TRY(index());
    for (const Gateway& gateway : programs_.gateways) TRY(check_shapes(gateway));
    for (int partition = 0; partition < static_cast<int>(programs_.shares.size()); ++partition) TRY(check_partition(partition));
    return {};
  }

 private:
  struct Found {
    const Gateway* gateway;
    const Operator* root;
  };

  Status check_shares() const {
    if (programs_.source.empty() || programs_.destinations.empty()) return invalid("source and destinations must be named");
    if (programs_.shares.empty()) return invalid("there is no partition");
    double sum = 0;
    for (const double share : programs_.shares) {
      if (!(share > 0) || share > 1 + 1e-9)
        return invalid(fmt::format("a partition's share is {}; it lies above 0 and is at most 1", share));
      sum += share;
    }
    if (std::abs(sum - 1) > 1e-6) return invalid(fmt::format("the partitions' shares sum to {:.6f}; they must sum to 1", sum));
    return {};
  }

  Status index() {
    for (const Gateway& gateway : programs_.gateways) {
      if (gateway.id.empty() || gateway.region.empty()) return invalid("a gateway has no id or no region");
      if (!gateways_.emplace(gateway.id, &gateway).second) return invalid(fmt::format("gateway '{}' stands here twice", gateway.id));
      for (const GatewayProgram& program : gateway.programs) {
        if (program.partitions.empty()) return invalid(fmt::format("gateway '{}' has a program of no partition", gateway.id));
        for (const int partition : program.partitions) {
          if (partition < 0 || partition >= static_cast<int>(programs_.shares.size()))
            return invalid(fmt::format("gateway '{}': there is no partition {}", gateway.id, partition));
          if (!roots_[partition].emplace(gateway.id, Found{&gateway, &program.root}).second)
            return invalid(fmt::format("gateway '{}' has two programs of partition {}", gateway.id, partition));
        }
      }
    }
    return {};
  }

  Status check_shapes(const Gateway& gateway) const {
    int connections = 0;
    for (const GatewayProgram& program : gateway.programs) {
      if (!is_inlet(program.root.kind))
        return invalid(fmt::format("gateway '{}': a program begins with read, generate or receive", gateway.id));
      if (program.root.children.size() != 1) return invalid(fmt::format("gateway '{}': the first operator has one child", gateway.id));
      TRY(check_outlet(gateway, program.root.children[0], connections));
    }
    if (connections > kConnectionsOfVmMax)
      return invalid(fmt::format("gateway '{}' has {} connections; a VM has {} at most", gateway.id, connections, kConnectionsOfVmMax));
    return {};
  }

  Status check_outlet(const Gateway& gateway, const Operator& at, int& connections) const {
    if (is_inlet(at.kind)) return invalid(fmt::format("gateway '{}': read, generate and receive stand only at the beginning", gateway.id));
    if (is_mux(at.kind) == at.children.empty())
      return invalid(fmt::format("gateway '{}': mux_and and mux_or have children, send and write have none", gateway.id));
    if (at.kind == Kind::kSend) {
      if (!gateways_.count(at.to)) return invalid(fmt::format("gateway '{}' sends to '{}', which is not there", gateway.id, at.to));
      if (at.connections < 1 || at.connections > kConnectionsPerVm)
        return invalid(
            fmt::format("gateway '{}' sends over {} connections; 1 to {} are possible", gateway.id, at.connections, kConnectionsPerVm));
      connections += at.connections;
    }
    for (const Operator& child : at.children) TRY(check_outlet(gateway, child, connections));
    return {};
  }

  Status check_partition(int partition) {
    partition_ = partition;
    delivered_.clear();
    entered_.clear();
    bool any_source = false;
    const Regions wanted(programs_.destinations.begin(), programs_.destinations.end());
    for (const auto& [id, found] : roots_[partition]) {
      if (found.root->kind == Kind::kReceive) continue;
      if (found.gateway->region != programs_.source)
        return invalid(
            fmt::format("gateway '{}' begins partition {}, but is not in the source region {}", id, partition, programs_.source));
      any_source = true;
      TRY_ASSIGN(const Regions got, deliver(*found.gateway));
      for (const auto& region : wanted)
        if (!got.count(region)) return invalid(fmt::format("partition {} from gateway '{}' does not reach {}", partition, id, region));
      for (const auto& region : got)
        if (!wanted.count(region)) return invalid(fmt::format("partition {} is written in {}, which is no destination", partition, region));
    }
    if (!any_source) return invalid(fmt::format("no gateway begins partition {}", partition));
    for (const auto& [id, found] : roots_[partition])
      if (!delivered_.count(id)) return invalid(fmt::format("gateway '{}' expects partition {}, and nobody sends it", id, partition));
    return {};
  }

  /// The regions in which a chunk is written once it is at this gateway.
  Result<Regions> deliver(const Gateway& gateway) {
    if (const auto known = delivered_.find(gateway.id); known != delivered_.end()) return known->second;
    const auto found = roots_[partition_].find(gateway.id);
    if (found == roots_[partition_].end())
      return invalid(fmt::format("gateway '{}' is sent partition {} and has no program for it", gateway.id, partition_));
    if (!entered_.insert(gateway.id).second)
      return invalid(fmt::format("partition {} goes in a circle through gateway '{}'", partition_, gateway.id));
    TRY_ASSIGN(Regions regions, deliver(gateway, found->second.root->children[0]));
    delivered_.emplace(gateway.id, regions);
    return regions;
  }

  Result<Regions> deliver(const Gateway& gateway, const Operator& at) {
    if (at.kind == Kind::kWrite) return Regions{gateway.region};
    if (at.kind == Kind::kSend) {
      const Gateway& next = *gateways_.at(at.to);
      if (const auto found = roots_[partition_].find(next.id);
          found != roots_[partition_].end() && found->second.root->kind != Kind::kReceive)
        return invalid(fmt::format("gateway '{}' is sent partition {}, but does not begin with receive", next.id, partition_));
      return deliver(next);
    }
    Regions all;
    bool first = true;
    for (const Operator& child : at.children) {
      TRY_ASSIGN(const Regions regions, deliver(gateway, child));
      if (at.kind == Kind::kMuxOr) {
        if (!first && regions != all)
          return invalid(fmt::format("gateway '{}', partition {}: the children of a mux_or do not reach the same destinations", gateway.id,
                                     partition_));
        all = regions;
      } else {
        for (const auto& region : regions)
          if (!all.insert(region).second)
            return invalid(fmt::format("gateway '{}': partition {} reaches {} twice", gateway.id, partition_, region));
      }
      first = false;
    }
    return all;
  }

  const GatewayPrograms& programs_;
  std::map<std::string, const Gateway*> gateways_;
  std::map<int, std::map<std::string, Found>> roots_;  // partition → gateway
  int partition_ = 0;
  std::map<std::string, Regions> delivered_;
  std::set<std::string> entered_;
};

}  // namespace

Status validate(const GatewayPrograms& programs) { return Checker(programs).run(); }

}  // namespace isobar::transfer
