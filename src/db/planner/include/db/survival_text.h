#pragma once

/// What domains' failures do, for people: a table for each kind of domain and shard, and what it comes to in a sentence.

#include <string>
#include <string_view>
#include <vector>

#include "db/placement.h"
#include "db/survival.h"

namespace isobar::db {

/// "commits", "commits, second round", "reads only", "nothing goes on", "nothing is promised".
std::string_view name_of(Service service);

/// One line: how many replicas there are, and what they are needed for.
std::string explain_budget(FaultBudget budget, std::size_t shards);

/// Ends with a line end.
std::string render_survival(FaultBudget budget, const KindSurvival& kind);

/// What it comes to: "Survives neither the outage nor the corruption of any one cloud. …"
std::string verdict(const std::string& kind, const ShardSurvival& shard);

/// How many domains it takes to bear 1 … f failing ones, and what fewer than six of them cannot.
std::string explain_need(FaultBudget budget, const std::string& kind, std::uint32_t domains);

}  // namespace isobar::db
