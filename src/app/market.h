#pragma once

// Where tasks may be placed, and the ranked list that a launch goes down.

#include "broker/candidates.h"
#include "broker/optimizer.h"
#include "broker/recovery.h"
#include "broker/task.h"
#include "context.h"

namespace isobar::app {

enum class Reach {
  kEnabledClouds,  ///< clouds with a driver that says it can be used now
  kWholeCatalog,   ///< everything with a price, this machine included: needs no credentials
  kCatalogClouds,  ///< the same without this machine, for rehearsals
};

/// choice   what is to be placed: clouds that it does not ask for are not asked whether they can be used. None: all are
Result<broker::Market> open_market(Context& context, Reach reach, const broker::ResourceChoice* choice = nullptr);

/// The tasks of a file as the optimizer takes them: a chain unless `depends_on` says otherwise.
std::vector<broker::TaskNode> task_nodes(const broker::TaskFile& file);

/// Every placement of a request, best first: alternatives in their order where the request orders them, and one placement
/// for each zone that a candidate may be created in.
Result<std::vector<broker::Placement>> ranked_placements(const broker::ResourceChoice& choice, const broker::Market& market);

broker::RecoveryStrategy recovery_strategy(const broker::Task& task);

}  // namespace isobar::app
