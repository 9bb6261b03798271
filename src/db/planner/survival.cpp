#include "db/survival.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/check.h"

namespace isobar::db {

namespace {

using Sizes = std::vector<std::uint32_t>;  // of domains, the largest first

std::uint32_t of_largest(const Sizes& sizes, std::uint32_t count) {
  const auto until = sizes.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(count, sizes.size()));
  return std::accumulate(sizes.begin(), until, 0U);
}

/// Of how many domains the largest hold at most so many replicas together: any so many others do then, too.
std::uint32_t any_within(const Sizes& sizes, std::uint32_t replicas) {
  std::uint32_t count = 0;
  while (count < sizes.size() && of_largest(sizes, count + 1) <= replicas) ++count;
  return count;
}

/// How many fail in all decides whether anything is committed, and how many lie whether that is right: so it is worst when the largest
/// domains fail, and the larger ones of those lie.
Mixture mixture(FaultBudget budget, const Sizes& sizes, std::uint32_t out, std::uint32_t lying) {
  Mixture mixed{out, lying, 0, of_largest(sizes, lying), Service::kFast};
  mixed.replicas_out = of_largest(sizes, out + lying) - mixed.replicas_lying;
  mixed.service = service_with(budget, mixed.replicas_out, mixed.replicas_lying);
  return mixed;
}

std::set<std::string> kinds_of(const Placement& placement) {
  std::set<std::string> kinds;
  for (const auto& shard : placement.shards)
    for (const auto& replica : shard)
      for (const auto& [kind, domain] : replica) kinds.insert(kind);
  return kinds;
}

}  // namespace

Service service_with(FaultBudget budget, std::uint32_t out, std::uint32_t lying) {
  CHECK(out + lying <= budget.replicas(), out, lying);
  if (lying > budget.f()) return Service::kNoPromise;
  const std::uint32_t answering = budget.replicas() - out - lying;
  if (answering >= budget.fast_commit_quorum()) return Service::kFast;
  if (answering >= budget.log_quorum()) return Service::kSecondRound;
  return answering >= budget.one_correct() ? Service::kReads : Service::kNothing;
}

ShardSurvival survival_of(FaultBudget budget, const std::map<std::string, std::uint32_t>& replicas_by_domain) {
  std::map<std::uint32_t, DomainsAlike, std::greater<>> alike;
  Sizes sizes;
  for (const auto& [domain, replicas] : replicas_by_domain) {
    auto& group = alike[replicas];
    group.domains.push_back(domain);
    group.replicas = replicas;
    sizes.push_back(replicas);
  }
  std::sort(sizes.rbegin(), sizes.rend());
  ShardSurvival survival;
  for (auto& [replicas, group] : alike) {
    group.outage = service_with(budget, replicas, 0);
    group.corruption = service_with(budget, 0, replicas);
    survival.domains.push_back(std::move(group));
  }
  survival.domain_count = static_cast<std::uint32_t>(sizes.size());
  survival.failing_most = any_within(sizes, budget.f());
  survival.out_most_for_reads = any_within(sizes, budget.replicas() - budget.one_correct());
  const std::uint32_t failing = std::min(budget.f(), survival.domain_count);
  for (std::uint32_t lying = 0; lying <= failing; ++lying) survival.together.push_back(mixture(budget, sizes, failing - lying, lying));
  return survival;
}

Result<std::vector<KindSurvival>> survival_of(const Placement& placement) {
  std::vector<KindSurvival> kinds;
  for (const auto& kind : kinds_of(placement)) {
    KindSurvival& survival = kinds.emplace_back(KindSurvival{kind, {}, 0});
    for (const auto& shard : placement.shards) {
      std::map<std::string, std::uint32_t> replicas;
      std::uint32_t unnamed = 0;
      for (const auto& labels : shard) {
        const auto domain = labels.find(kind);
        unnamed += domain == labels.end() ? 1 : 0;
        ++replicas[domain == labels.end() ? kUnnamedDomain : domain->second];
      }
      survival.shards.push_back(survival_of(placement.budget, replicas));
      survival.shards.back().unnamed = unnamed;
    }
    survival.failing_most = std::min_element(survival.shards.begin(), survival.shards.end(), [](const auto& a, const auto& b) {
                              return a.failing_most < b.failing_most;
                            })->failing_most;
  }
  if (kinds.empty()) return invalid("no replica names a domain that it is in");
  return kinds;
}

}  // namespace isobar::db
