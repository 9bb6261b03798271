#pragma once

/// Groups of commits into one write: which are new, which rows become the latest, and one flush to disk for all.
///
/// There is one writer, so what it reads before it writes is still so when it writes: the greater order wins without a race. Within a group
/// each state and each latest row is written once.

#include <future>
#include <map>
#include <set>
#include <span>
#include <unordered_map>

#include "features/commit.h"
#include "rocks.h"

namespace isobar::features {

struct PendingCommit {
  Commit commit;
  std::promise<Result<Outcome>> done;
  std::size_t bytes = 0;
};

class GroupWriter {
 public:
  GroupWriter(Rocks& rocks, const Expiry& expiry) : rocks_(rocks), expiry_(expiry) {}
  /// Reads where sources stand. Once, at the beginning.
  Status load();

  /// What became of each commit, when it is durable. A commit that is refused changes nothing, and does not stop the others.
  std::vector<Result<Outcome>> write(std::span<const PendingCommit> group);

 private:
  using Offsets = std::map<PartitionId, Position>;
  struct Group;

  Result<Outcome> admit(const Commit& commit, Group& group) const;
  Result<Outcome> admit_advances(const Commit& commit, const Group& group) const;
  Result<bool> seen(const PushId& push, const Group& group) const;
  Status gather(const Commit& commit, Group& group) const;
  Status write(Group& group);
  Status put_latest(Group& group) const;

  Rocks& rocks_;
  const Expiry& expiry_;
  Offsets offsets_;
};

/// About what a commit occupies, for bounds.
std::size_t bytes_of(const Commit& commit);

}  // namespace isobar::features
