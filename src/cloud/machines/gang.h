#pragma once

/// A cluster brought up, from an order to machines that run, and undone when that fails.

#include "fleet.h"

namespace isobar::cloud {

/// The machines of the order, running and in rank order. Those that this very order made before are adopted; of two of one rank, which
/// a cloud without idempotent calls may have made when the answer to the first was lost, one is removed.
/// made     gets the id of every machine of the order that is known of, whatever becomes of it
/// Errors   the refusal of the step that failed. kAlreadyExists: another order's machines have the cluster's name. Whatever was made
///          is still there: see `undo_gang`
Answer<std::vector<CloudMachine>> bring_up_gang(Fleet& fleet, const CreateOrder& order, const std::string& owner, const OwnKey& key,
                                                std::vector<std::string>& made);

/// Removes whatever the order made, running or about to run, listed already or known from `made` alone.
Answer<Nothing> undo_gang(Fleet& fleet, const CreateOrder& order, const std::string& owner, std::vector<std::string> made);

}  // namespace isobar::cloud
