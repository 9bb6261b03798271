#pragma once

// The states that one replica can be in, each with what it has said on the way there. They are few, and states of the whole are made of
// them: so real replicas run once for every action in each of these, and never for the states of the whole.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "actions.h"
#include "db/memory_key_values.h"
#include "db/replica.h"
#include "said.h"

namespace isobar::db {

using ReplicaState = std::uint32_t;

class ReplicaStates {
 public:
  /// cluster and statements outlive it.
  ReplicaStates(const Cluster& cluster, StatementTable& statements);

  const std::vector<Action>& actions() const { return actions_; }
  /// In which the replica is at first.
  ReplicaState initial(std::size_t place) const { return initial_[place]; }
  /// The state after the action; itself: the action changes nothing and says nothing new.
  ReplicaState after(ReplicaState state, std::size_t action);
  StatementSet said(ReplicaState state) const { return nodes_[state].said; }

  /// How an action must be treated, where the adversary can take it.
  enum class Use {
    kNothing,  ///< what can come of it can come without it as well: it need not be taken
    kAtOnce,   ///< what can come of the state before can come of the one after: taken at once, and never left out
    kChoice,
  };
  Use use(ReplicaState state, std::size_t action);
  /// Whether it is enough to look at what comes of one of these actions now: what could come of any other, then or later, or of none, can
  /// come after one of them as well.
  bool suffice(ReplicaState state, const std::vector<std::size_t>& actions);
  std::size_t size() const { return nodes_.size(); }

 private:
  /// What a replica has at rest. A copy of the replica looks into the same, until it puts more there.
  using AtRest = std::shared_ptr<const std::pair<std::unique_ptr<Settled>, const MemoryKeyValues*>>;
  struct Running {
    std::unique_ptr<Replica> replica;
    AtRest at_rest;
  };
  static AtRest put_to_rest(const AtRest& before, const SettleBatch& batch);
  struct Node {
    std::uint32_t kind;
    Running running;
    StatementSet said;
    int depth;
    std::vector<std::int64_t> after;
    std::vector<int> use;
  };
  ReplicaState first_of_kind(std::size_t place);
  ReplicaState add(std::uint32_t kind, Running running, StatementSet said, int depth);
  StatementSet hand_over(Running& running, const Delivery& delivery, int depth);
  StatementSet said_by(const ReplicaOutput& output);
  bool covers(ReplicaState more, ReplicaState less);
  bool find_suffice(ReplicaState state, const std::vector<std::size_t>& actions);

  static constexpr std::size_t kPairsMost = 20'000;

  const Cluster& cluster_;
  StatementTable& statements_;
  std::vector<Action> actions_;
  std::vector<std::vector<Delivery>> deliveries_;  // by action
  std::vector<Node> nodes_;
  std::map<std::string, ReplicaState> known_;
  std::vector<ReplicaState> initial_;
  std::set<std::pair<ReplicaState, ReplicaState>> covers_;  // (more, less), proven
  std::map<std::pair<ReplicaState, std::vector<std::size_t>>, bool> suffice_;
};

}  // namespace isobar::db
