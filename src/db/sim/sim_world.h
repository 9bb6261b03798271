#pragma once

// What joins the hosts of a simulated cluster: time, chance, and a network that may lose, delay, repeat and cut.

#include <functional>
#include <map>
#include <set>

#include "db/messages.h"
#include "db/now.h"
#include "db/sim_keys.h"
#include "db/simulation.h"
#include "observations.h"
#include "oracle.h"
#include "sim/scheduler.h"

namespace isobar::db {

class SimWorld {
 public:
  SimWorld(const SimOptions& options, const SimMembers& members) : options_(options), members_(members), scheduler_(options.seed, kStart) {}

  using Receive = std::function<void(const Peer& from, const Message& message)>;
  void attach(const Peer& peer, Receive receive) { receivers_[peer] = std::move(receive); }
  void send(const Peer& from, const Peer& to, const Message& message);
  /// Cuts one way, between two sets.
  void cut(const std::set<Peer>& from, const std::set<Peer>& to);
  void heal_cuts() { cuts_.clear(); }
  /// From now on nothing is lost, repeated or cut.
  void heal();

  Now now(Duration clock_error = {}) const { return {scheduler_.now() + clock_error, scheduler_.now()}; }
  Random& random() { return scheduler_.random(); }
  sim::Scheduler& scheduler() { return scheduler_; }
  Oracle& oracle() { return oracle_; }
  Observations& observations() { return observations_; }
  const SimMembers& members() const { return members_; }
  const SimOptions& options() const { return options_; }
  std::uint64_t messages() const { return messages_; }
  bool healed() const { return healed_; }

 private:
  static constexpr Instant kStart = Instant::from_unix_seconds(1'000'000);

  const SimOptions& options_;
  const SimMembers& members_;
  sim::Scheduler scheduler_;
  Oracle oracle_;
  Observations observations_;
  std::map<Peer, Receive> receivers_;
  std::set<std::pair<Peer, Peer>> cuts_;
  std::uint64_t messages_ = 0;
  bool healed_ = false;
};

}  // namespace isobar::db
