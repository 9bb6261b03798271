#pragma once

/// From a plan to what each gateway does. A program is a tree of operators; its JSON form is public (docs/formats/gateway-program.md),
/// so plans can be read, kept, changed by hand and checked before a byte moves.
///
///   read, generate, receive   where chunks come from: the store, nowhere (for measuring), or other gateways
///   mux_and                   every child gets every chunk
///   mux_or                    each chunk goes to whichever child takes it first, so a slow VM takes less
///   send, write               where chunks go: a gateway, or the store
///
/// Data falls into partitions, each with a share of the bytes and one way through the overlay.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace isobar::transfer {

/// TCP connections between one VM pair at which grids are measured, and the most that one VM has out; below it throughput grows in
/// proportion.
inline constexpr int kConnectionsPerVm = 64;

/// One way from the source to the destinations, and the share of the bytes that takes it.
struct Route {
  double share = 0;                                        ///< of the bytes, in (0, 1]; the routes' shares sum to 1
  std::vector<std::pair<std::string, std::string>> links;  ///< region to region, parents before children: a path or a tree
};

/// A plan as regions by name: what unicast and multicast plans have in common.
struct RoutedPlan {
  std::string source;
  std::vector<std::string> destinations;
  double gbps = 0;  ///< to each destination
  std::vector<Route> routes;
  std::map<std::string, int> vms;                                   ///< region → count, ≥ 1
  std::map<std::pair<std::string, std::string>, double> pair_gbps;  ///< link → of one VM pair at 64 connections
};

struct Operator {
  enum class Kind { kRead, kGenerate, kReceive, kMuxAnd, kMuxOr, kSend, kWrite };
  Kind kind = Kind::kRead;
  std::string to;       ///< send: the id of a gateway
  int connections = 0;  ///< send: 1..64
  std::vector<Operator> children;

  friend bool operator==(const Operator&, const Operator&) = default;
};

struct GatewayProgram {
  std::vector<int> partitions;  ///< ascending
  Operator root;

  friend bool operator==(const GatewayProgram&, const GatewayProgram&) = default;
};

struct Gateway {
  std::string id;  ///< "aws:us-east-1/0"
  std::string region;
  std::vector<GatewayProgram> programs;

  friend bool operator==(const Gateway&, const Gateway&) = default;
};

struct GatewayPrograms {
  std::string source;                     ///< region
  std::vector<std::string> destinations;  ///< regions
  std::vector<double> shares;             ///< of the bytes, by partition
  std::vector<Gateway> gateways;

  friend bool operator==(const GatewayPrograms&, const GatewayPrograms&) = default;
};

enum class Origin { kRead, kGenerate };

/// One partition a route, and one gateway a VM. The VMs of a region are alike: each has its share of every link's connections,
/// spread over all VMs of the next region; counts are scaled so that the busiest VM has 64 and none has more, but for links
/// that would round to none.
/// plan   one that the planners made: every region of a route has VMs, every link a rate
GatewayPrograms make_programs(const RoutedPlan& plan, Origin origin = Origin::kRead);

/// Errors   kInvalidArgument, naming the gateway and partition: an unknown or doubled gateway, a partition without a program or
///          with two, a cycle, chunks sent to who does not expect them or expected from nobody, a destination not reached or
///          reached twice whichever way a chunk takes, counts out of bounds, shares that do not sum to 1
/// Cost     O(size · partitions)
Status validate(const GatewayPrograms& programs);

/// Indented JSON, stable order.
std::string programs_json(const GatewayPrograms& programs);

/// Reads and validates. At most 16 MiB, 10,000 gateways, 1,000 partitions, operators 8 deep.
/// Errors   kInvalidArgument: "gateways[3].programs[0].root: …"
Result<GatewayPrograms> parse_programs(std::string_view json);

}  // namespace isobar::transfer
