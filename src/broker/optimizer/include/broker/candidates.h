#pragma once

/// What could run a task: every offer that satisfies its request, and why the others do not.
///
/// All feasible types in all their places are kept, not only the cheapest type of each cloud: failover walks down this
/// list, and the second type of a zone is often there when the first is not.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "broker/resources.h"
#include "cloud/catalog.h"
#include "cloud/offer.h"

namespace isobar::broker {

/// One way to run one node of a task. Its views live as long as the `Candidates` it came from.
struct Candidate {
  const cloud::Shape* shape = nullptr;
  std::string_view region;
  std::string_view zone;    ///< empty: any zone of the region (`zones_of` lists them)
  double hourly_price = 0;  ///< $ for one node, at the spot or on-demand price in use
  bool use_spot = false;
  std::uint32_t alternative = 0;  ///< which of the request's alternatives it satisfies
  std::uint32_t order = 0;        ///< its place in name order: cloud, instance type, region, zone

  cloud::Offer offer() const;
};

/// Something that was left out, for people: "aws: 412 types have no spot price".
struct Exclusion {
  std::string cloud;
  std::string what;    ///< "412 types"; empty when `reason` is about the whole cloud
  std::string reason;  ///< "have no spot price"
  std::size_t count = 0;
  friend bool operator==(const Exclusion&, const Exclusion&) = default;
};
std::string describe(const Exclusion& exclusion);

/// Where candidates are drawn from.
struct Market {
  cloud::Catalog catalog;
  std::map<std::string, std::string> disabled;  ///< cloud → why it cannot be used, e.g. "no credentials; run aws configure"
  std::vector<cloud::Scope> blocked;            ///< what earlier failures rule out
};

struct Candidates {
  cloud::Catalog catalog;                               ///< keeps the views alive …
  std::shared_ptr<std::deque<std::string>> zone_names;  ///< … as this does for zones named by the request
  std::vector<Candidate> ranked;                        ///< best first; equally good ones in name order. Never empty
  std::vector<Exclusion> exclusions;
};

/// The candidates of a request, cheapest first.
/// Errors   kNotFound: nothing matches. The message names the request, the reason for each cloud, the nearest accelerator
///          names and what to relax. kInvalidArgument: the request contradicts itself (an instance type without the
///          accelerator asked for, an accelerator that exists nowhere)
/// Cost     O(types + rows of the matching types · log). Pure: safe from any thread.
/// Source   SkyPilot, NSDI '23 §4.2, with every feasible type kept.
Result<Candidates> find_candidates(const ResourceChoice& choice, const Market& market);

/// The zones that a candidate may be created in, in name order: its own, or those of its region that are sold and not
/// blocked. One empty name where the cloud has no zones.
std::vector<std::string_view> zones_of(const Candidate& candidate, const std::vector<cloud::Scope>& blocked);

/// Whether failures since rule the candidate out: in every zone that it could be created in.
bool is_blocked(const Candidate& candidate, const std::vector<cloud::Scope>& blocked);

}  // namespace isobar::broker
