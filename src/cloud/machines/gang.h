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

/// The machines of a cluster of which `ranks` are lost, running and in rank order: what is left of the lost ones is removed, and they are
/// made anew under the order's generation, or found if it made them before.
/// made     gets the ids of this generation's machines alone
/// Errors   as above. kNotFound: nothing of the cluster is there; what was not lost is as it was
Answer<std::vector<CloudMachine>> replace_ranks(Fleet& fleet, const CreateOrder& order, const std::string& owner, const OwnKey& key,
                                                const std::vector<int>& ranks, std::vector<std::string>& made);

/// Removes whatever the order made, running or about to run, listed already or known from `made` alone.
Answer<Nothing> undo_gang(Fleet& fleet, const CreateOrder& order, const std::string& owner, std::vector<std::string> made);

}  // namespace isobar::cloud
