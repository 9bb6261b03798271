#pragma once

// What one gateway does with each partition, out of the programs of all: which peers it sends to, and which targets lie behind each of
// them, so that a chunk that only one target lacks goes only there.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "transfer/program.h"

namespace isobar::transfer {

constexpr std::size_t kTargetsMost = 64;

struct RouteNode {
  Operator::Kind kind = Operator::Kind::kRead;
  std::string peer;           // kSend
  std::uint64_t targets = 0;  // that can be reached through this node
  std::vector<RouteNode> children;
};

class RouteTable {
 public:
  RouteTable() = default;
  // programs         validated
  // target_regions   region of each target, kTargetsMost at most
  // Errors   kInvalidArgument: a target in a region where nothing is written, or writing where it is read
  static Result<RouteTable> make(const GatewayPrograms& programs, const std::string& self, const std::vector<std::string>& target_regions);

  // The operator that gets the partition's chunks; none: they do not come here.
  const RouteNode* of(std::uint32_t partition) const;
  // Of the bytes, by partition.
  const std::vector<double>& shares() const { return shares_; }
  // Connections to each gateway that is sent to.
  const std::map<std::string, int>& connections() const { return connections_; }
  // Gateways that send here, and over how many connections in all.
  const std::set<std::string>& senders() const { return senders_; }
  int connections_in() const { return connections_in_; }
  // Whether chunks of the partition are only passed on, to one gateway each.
  bool only_relays(std::uint32_t partition) const;
  bool reads() const { return reads_; }
  // Whether what it reads is made up, for measuring.
  bool generates() const { return generates_; }
  bool writes() const { return writes_; }

 private:
  std::map<std::uint32_t, RouteNode> roots_;
  std::vector<double> shares_;
  std::map<std::string, int> connections_;
  std::set<std::string> senders_;
  int connections_in_ = 0;
  bool reads_ = false, generates_ = false, writes_ = false;
};

}  // namespace isobar::transfer
