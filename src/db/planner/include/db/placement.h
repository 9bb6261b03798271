#pragma once

/// Where a shard's replicas should stand. Replicas spread evenly over domains lose least whatever number of domains fails: the d largest
/// domains of an even placement hold no more than the d largest of any other. Where there are too few domains to bear the failure of any
/// one, that is of no use, and it is better to gather in as few domains as possible what is beyond f: all others may then fail.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "db/membership.h"

namespace isobar::db {

struct DomainRoom {
  std::string domain;
  std::optional<std::uint32_t> replicas_most;  ///< of one shard; none: as many as there are
};

/// The placement of one shard that survives most: the most domains that may fail at once, whichever they are; then the most domains each of
/// which may fail alone; then the fewest replicas in those that may not; then the fewest in the largest.
/// Returns  replicas by domain, in the order of `domains`; a domain may get none
/// Errors   kInvalidArgument: not room enough for 5f+1 replicas
/// Cost     O(replicas · domains)
Result<std::vector<std::uint32_t>> place_replicas(FaultBudget budget, std::span<const DomainRoom> domains);

/// The fewest domains, each with room enough, on which any `failing` of them may fail at once. None: more than f, which no number of
/// domains bears. For one domain it is six, whatever f.
std::optional<std::uint32_t> domains_needed(FaultBudget budget, std::uint32_t failing);

}  // namespace isobar::db
