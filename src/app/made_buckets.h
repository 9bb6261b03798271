#pragma once

// Buckets that a task names to be made: from nothing, or from folders of this machine.

#include <string>

#include "broker/state_store.h"
#include "broker/task.h"
#include "context.h"

namespace isobar::app {

/// The task with places in stores in place of names and folders. What is missing of the buckets is made, where the cluster is if it is of
/// the store's cloud; what is new in the folders is uploaded, and a run that was cut short goes on where it was. Nothing is removed from a
/// bucket. Asked before anything is started, it only says where they would be.
/// Errors   kInvalidArgument: a name that no store allows, no account of Azure; kPermissionDenied: the name is somebody else's
enum class MakeBuckets { kNow, kLater };
Result<broker::Task> with_buckets(Context& context, const broker::Task& task, const broker::ClusterRecord& cluster, MakeBuckets when);

/// Empties and removes a bucket that we made; cut short, it is gone on with by the next call.
/// Errors   kInvalidArgument: it was there before, or a cluster has it mounted
Status delete_storage(Context& context, broker::StorageRecord storage);

/// Those that were to go with their clusters, and whose clusters are gone. What cannot be deleted now is said, and tried again the next
/// time.
void delete_left_storages(Context& context);

}  // namespace isobar::app
