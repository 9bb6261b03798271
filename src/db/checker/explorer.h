#pragma once

// All states of the whole, breadth first. A state is the states of the correct replicas: what exists of messages follows from what they
// have said. Three things keep the states few, and none of them leaves out anything that could break a promise:
//   - replicas of one kind are interchangeable, so that their states are kept in order (symmetry);
//   - an action after which a replica can still do all that it could do before, and has said as much, is taken at once and alone, as
//     neither what others do nor what the adversary holds can be lost by it; one that only takes away is not taken; and where a replica
//     can do all that it ever could from where it is, it alone is looked at (partial order, by simulation of one replica's states);
//   - messages are what can be put together of statements, which never become less (abstraction).

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "possible.h"
#include "replica_states.h"

namespace isobar::db {

class Explorer {
 public:
  explicit Explorer(const CheckConfiguration& configuration);
  CheckReport run();

 private:
  using Whole = std::vector<ReplicaState>;
  struct Step {
    std::size_t place, action;
  };
  struct Visited {
    Whole whole;
    std::size_t from;
    std::vector<Step> steps;  // on replicas in the order of `from`
  };
  Said said_in(const Whole& whole) const;
  bool can(const Said& said, const Action& action);
  /// Answers once for each action.
  class Chances;
  void settle(Whole& whole, std::vector<Step>& steps);
  bool settle_one(Whole& whole, std::vector<Step>& steps);
  void sort(Whole& whole) const;
  /// Notes it, unless it is known. Errors: none; a broken promise ends up in the report
  void visit(Whole whole, std::size_t from, std::vector<Step> steps);
  void expand(std::size_t state);
  std::vector<Step> choices(const Whole& whole);

  // Promises (promises.cpp). Empty: kept.
  std::string broken(const Said& said);
  std::string broken_by_certificates(const Said& said, std::size_t tx);
  std::string broken_by_proposal(const Said& said, std::size_t tx, Outcome decision);
  std::string broken_by_logged(const Said& said, std::size_t tx);
  std::string broken_by_conflict(const Said& said);
  std::string broken_by_checkpoint(const Said& said);

  std::vector<std::string> trace_to(std::size_t state);

  Cluster cluster_;
  StatementTable statements_;
  ReplicaStates replicas_;
  Possible possible_;
  std::vector<Visited> visited_;
  std::unordered_map<std::string, std::size_t> known_;
  CheckReport report_;
};

}  // namespace isobar::db
