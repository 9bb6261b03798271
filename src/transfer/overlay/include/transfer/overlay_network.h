#pragma once

/// A planned overlay that runs: the plan, its gateways, and what is done when parts of it fail. Chunks that are given to its mover
/// go the planned ways; when an edge or a machine is lost the rest is planned again, over the rates that were measured.

#include <memory>
#include <string>
#include <vector>

#include "transfer/chunk_mover.h"
#include "transfer/gateway_fleet.h"
#include "transfer/plan_request.h"

namespace isobar::transfer {

struct OverlayRequest {
  /// What to plan for. Quotas are taken from the host's machines.
  PlanRequest plan;
  Grid grid;
  PriceBook prices;
  bool direct = false;                      ///< no relays
  bool made_up = false;                     ///< chunks are made up and written nowhere, for measuring
  int connections_most = 64;                ///< of each gateway to each other
  std::optional<GatewayPrograms> programs;  ///< of the user's own making, in place of a plan
  FleetOptions fleet;                       ///< target_regions are filled in from the plan's destinations when empty
};

/// What went over one edge so far.
struct OverlayEdge {
  std::string from, to;     ///< regions
  std::uint64_t bytes = 0;  ///< that arrived at a target, by this way
  bool up = true;
  double rtt_ms = 0;  ///< the least round trip that was seen; 0: none
};

class OverlayNetwork {
 public:
  /// The plan alone: what would be done, for how much.
  /// Errors   as plan_transfer; kNotFound: no machines at the source or a destination
  static Result<PlanReport> plan(const GatewayHost& host, const OverlayRequest& request);
  /// Plans, starts the gateways, and waits until they listen.
  /// host     must outlive the network
  static Result<std::unique_ptr<OverlayNetwork>> start(GatewayHost& host, OverlayRequest request);
  /// Ends all gateways.
  virtual ~OverlayNetwork() = default;

  /// The job must have let go of it before the network ends.
  virtual std::shared_ptr<ChunkMover> mover() = 0;
  virtual GatewayFleet& fleet() = 0;
  /// The plan that is followed now; none for programs of the user's own.
  virtual std::optional<PlanReport> report() const = 0;
  /// Safe from any thread.
  virtual std::vector<OverlayEdge> edges() const = 0;
  /// What the sources have sent, as it was read and as it went.
  virtual PackedTotals packed() const = 0;
  /// What happened to the overlay, a line each, since the last call: "the edge a → c is down", "planned again: …".
  virtual std::vector<std::string> take_events() = 0;
};

}  // namespace isobar::transfer
