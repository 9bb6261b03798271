#pragma once

// Clouds that sell what the catalog says, fail as the plan says, and keep an exact account of every second they sold.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "broker/rehearsal.h"
#include "sim/scheduler.h"

namespace isobar::broker {

class SimulatedClouds {
 public:
  /// on_preempted  called when machines of a cluster that came up whole are taken away
  SimulatedClouds(sim::Scheduler& scheduler, const FaultPlan& plan, std::function<void(const std::string& cluster)> on_preempted);

  void create(const std::string& cluster, const Placement& placement, int count, std::function<void(cloud::CreateOutcome)> done);
  /// done(false): the cloud did not answer; machines may still run.
  void terminate(const std::string& cluster, const std::string& cloud, std::function<void(bool)> done);

  double cost() const;
  std::size_t live_machines() const { return machines_.size(); }
  std::size_t live_machines(const std::string& cluster) const;
  double highest_price_paid() const { return highest_price_; }

 private:
  struct Machine {
    std::string cluster;
    Placement placement;
    Instant born;
  };
  using MachineId = std::uint64_t;

  const Fault* striking(FaultKind kind, const Placement& placement);
  bool in_force(const Fault& fault) const;
  void refuse(const Placement& placement, const std::string& code, const std::string& message, Duration after,
              std::function<void(cloud::CreateOutcome)> done);
  void raise(const std::string& cluster, const Placement& placement, int count);
  void remove(MachineId id);
  void take_away(const std::string& cluster);
  void draw_lifetime(const std::string& cluster, const Placement& placement);

  sim::Scheduler& scheduler_;
  const FaultPlan& plan_;
  std::function<void(const std::string&)> on_preempted_;
  std::map<MachineId, Machine> machines_;
  MachineId next_id_ = 1;
  double settled_cost_ = 0;
  double highest_price_ = 0;
};

}  // namespace isobar::broker
