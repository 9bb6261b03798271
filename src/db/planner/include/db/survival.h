#pragma once

/// The arithmetic of trust domains: what the failure of an operator, a cloud, a region or a rack does to the replicas in it, and so to the
/// database. All of a domain's replicas fail as one: in an outage they answer nobody, in a corruption they do whatever harms most.
///
/// Of a shard's n = 5f+1 replicas let o be out and b lie. Nothing false is committed as long as b ≤ f. Correct clients get on whatever the
/// liars do, silence included, as long as 4f+1 correct replicas answer, so o + b ≤ f. Hence outage and corruption are survived alike: by
/// domains that hold at most f of a shard's replicas together.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "db/membership.h"

namespace isobar::db {

/// By kind: {"cloud": "aws", "operator": "acme"}. Domains of one name are one domain.
using DomainLabels = std::map<std::string, std::string>;

struct Placement {
  FaultBudget budget{1};
  std::vector<std::vector<DomainLabels>> shards;  ///< by shard, by replica; 5f+1 of them in each
};

/// What correct clients of a shard can count on, from best to worst.
enum class Service {
  kFast,         ///< all replicas answer: transactions commit after one round
  kSecondRound,  ///< 4f+1 correct ones do: they commit, after a second round where the others keep silent
  kReads,        ///< f+1 do: values are read, nothing is committed, which a transaction that only reads must be, too
  kNothing,      ///< fewer: nothing goes on until more are back
  kNoPromise,    ///< more than f lie: anything may happen
};

/// out, lying  replicas of one shard, together at most 5f+1. Of liars that are silent.
Service service_with(FaultBudget budget, std::uint32_t out, std::uint32_t lying);

/// Those of a shard's domains that hold equally many of its replicas: what the failure of any one of them does.
struct DomainsAlike {
  std::vector<std::string> domains;
  std::uint32_t replicas = 0;  ///< in each
  Service outage = Service::kFast, corruption = Service::kFast;
};

/// So many domains out and so many others lying, at once, whichever they are.
struct Mixture {
  std::uint32_t out = 0, lying = 0;                    ///< domains
  std::uint32_t replicas_out = 0, replicas_lying = 0;  ///< in them at worst: the largest lie, the next largest are out
  Service service = Service::kFast;                    ///< then; in every other case it is no worse
};

struct ShardSurvival {
  std::vector<DomainsAlike> domains;  ///< those of the most replicas first
  std::uint32_t domain_count = 0;
  /// Any so many domains may fail at once, each by outage or corruption, and transactions still commit, correctly.
  std::uint32_t failing_most = 0;
  /// Any so many may be out at once, and values can still be read.
  std::uint32_t out_most_for_reads = 0;
  /// All ways in which f domains fail at once, from f outages to f corruptions; fewer where there are fewer domains.
  std::vector<Mixture> together;
  /// Replicas that name no domain of this kind: as they may all be in one, they count as one.
  std::uint32_t unnamed = 0;
};

inline constexpr const char* kUnnamedDomain = "(unnamed)";

/// What becomes of a cluster when domains of one kind fail.
struct KindSurvival {
  std::string kind;
  std::vector<ShardSurvival> shards;
  /// Over all shards: a transaction may meet any of them.
  std::uint32_t failing_most = 0;
};

/// Of one shard: how many replicas are in each domain. Pure; cost O(domains log domains + f).
ShardSurvival survival_of(FaultBudget budget, const std::map<std::string, std::uint32_t>& replicas_by_domain);

/// By kind, in alphabetical order; those that no replica names are not there.
/// Errors   kInvalidArgument: no replica names a domain of any kind
Result<std::vector<KindSurvival>> survival_of(const Placement& placement);

}  // namespace isobar::db
