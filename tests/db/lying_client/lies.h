#pragma once

// How a client of a real database lies. It owns its key, and behind an honest core it leaves out, doubles and reorders what that says. Most
// lies are those of the simulation (`attacks.h`).

#include <optional>
#include <set>
#include <string_view>

#include "attacks.h"
#include "client_loop.h"

namespace isobar::db {

enum class LoadAttack {
  kNone,                ///< an honest client, for comparison
  kStallsAfterPrepare,  ///< asks for votes, and says nothing any more
  kStallsAfterLogging,  ///< goes on to stage 2, and never tells the outcome
  kWithholdsWriteback,  ///< finishes everything, and never tells
  kEquivocates,         ///< makes votes that allow both decisions, has some replicas log one and the others the other, and stops
  kClockAtBound,        ///< timestamps as far ahead as replicas allow
  kFarFuture,           ///< writes of keys it has not read, ten minutes ahead
  kReaderFlood,         ///< reads that hold writers off, one after another, and takes none of them back
  kLast = kReaderFlood,
};

/// "stall-prepare", …; none: there is no such attack.
std::optional<LoadAttack> attack_named(std::string_view name);
std::string_view name_of(LoadAttack attack);

/// What became of the lies, so that a test can see that there were any.
struct LieCounts {
  std::uint64_t withheld = 0;  ///< messages
  std::uint64_t added = 0;
  std::uint64_t split = 0;  ///< transactions of which replicas have logged one decision and the other
};

/// All on the loop's thread of its client.
class Lies {
 public:
  /// members  as the cluster has them
  Lies(const Membership& members, ClientId self, LoadAttack attack, std::uint64_t seed);
  ClientLies hooks();
  const LieCounts& counts() const { return counts_; }

 private:
  std::vector<Committer::Send> instead_of(Committer::Send honest);
  std::vector<Committer::Send> heard(const ReplicaId& from, const Message& message);
  std::vector<Committer::Send> reordered(Committer::Send prepare);
  bool withholds(const Message& message) const;

  LoadAttack attack_;
  SimMembers members_;  // those of the cluster; the simulation's own keys are not used
  Random random_;
  LyingClient liar_;
  std::map<std::pair<ReplicaId, std::string>, Committer::Send> held_;  // by whom it is for, and a key that it writes
  std::map<TxId, std::set<Outcome>> logged_;
  LieCounts counts_;
};

}  // namespace isobar::db
