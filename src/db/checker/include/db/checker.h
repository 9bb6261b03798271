#pragma once

/// A model checker over the replicas as they are, not over a model of them: every order in which an adversary can hand the messages of a
/// small configuration to them, and what must hold in each state that comes of it (Basil, SOSP '21, §4 and §5; design 5.1).
///
/// The adversary is the network, all clients, and one replica of each shard. It holds every statement that any correct replica has signed,
/// signs for its own replica whatever it likes, and puts together of these any message that the real code believes. A message that is
/// never handed over is lost; one that changes nothing was a duplicate; and time is whatever lets a replica act.

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "db/statements.h"
#include "db/transaction.h"

namespace isobar::db {

/// What the lying replica of a shard leads of the first transaction's fallback.
enum class LiarLeads { kNothing, kView1, kView2 };

struct CheckConfiguration {
  std::string name, about;
  std::uint32_t shards = 1;
  std::vector<Transaction> transactions;  ///< of clients 1 to 3; neither epoch nor participants need be set
  std::vector<std::uint32_t> refuse;      ///< by shard: how many correct replicas have seen a later reader, and refuse every write
  LiarLeads liar = LiarLeads::kView1;
  View views = 2;  ///< the last one that is entered
  std::size_t states_most = 400'000;
  bool closes = false;  ///< replicas may close the interval of the transactions at any time, put them to rest, and forget them
  bool reduced = true;  ///< else every order is looked at one by one: to see that what is left out is nothing
};

/// One shard or two, one transaction or two in conflict, votes of every kind that may be split.
std::vector<CheckConfiguration> check_configurations();

/// That a transaction had a certificate in some state; of states that have several for one decision, the earliest view.
struct Certified {
  std::size_t tx = 0;
  Outcome decision = Outcome::kAbort;
  View view = 0;
  friend auto operator<=>(const Certified&, const Certified&) = default;
};

struct CheckReport {
  std::size_t states = 0;  ///< of the whole, up to the exchange of replicas that are alike and orders that come to the same
  std::size_t steps = 0;   ///< deliveries that lead from one to another, or back to one that was known
  std::size_t replica_states = 0;
  bool exhausted = false;          ///< else it stopped at states_most, or at a violation
  std::set<Certified> certified;   ///< what came to be decided, in any state
  std::string violation;           ///< empty: none
  std::vector<std::string> trace;  ///< the deliveries that lead to it, in order
};

/// Breadth first, so that a trace has few deliveries. Single-threaded; a pure function, but for the seeded fault of the thread.
CheckReport check(const CheckConfiguration& configuration);

}  // namespace isobar::db
