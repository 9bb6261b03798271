#pragma once

/// Carries a copy job out: takes items from a listing, runs the core, keeps the journal, calls the stores.

#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "storage/store.h"
#include "transfer/chunk_mover.h"
#include "transfer/copy_core.h"
#include "transfer/journal.h"

namespace isobar::transfer {

/// Where the objects to copy come from, one after another. Called on a thread of its own and may wait.
class ItemSource {
 public:
  virtual ~ItemSource() = default;
  /// None: the end.  Errors end the job's listing: what was listed before is still copied, and the job fails
  virtual Result<std::optional<CopyItem>> next() = 0;
};

struct CopyJob {
  std::shared_ptr<storage::Store> source;
  std::vector<std::shared_ptr<storage::Store>> targets;
  CopyPlan plan;                      ///< targets and server_side are filled in from the stores
  fs::path journal;                   ///< made, and removed when every object has arrived
  fs::path manifest;                  ///< one JSON line for each object; empty: none. An earlier run's is gone on with
  std::shared_ptr<ChunkMover> mover;  ///< none: the bytes pass through this process
};

struct CopyHooks {
  /// On the thread that runs the job, after each object.
  std::function<void(const ObjectEnded&)> ended;
  /// On the same thread, some five times a second.
  std::function<void(const CopyCore::Totals&, bool listing_ended)> progress;
  /// On the same thread, when all has been copied and before the journal is removed: what dies in here is still known to be copied.
  std::function<void()> all_copied;
  std::stop_token stop;
};

struct CopySummary {
  CopyCore::Totals totals;
  Status listing;  ///< whether the listing was complete
  Status stopped;  ///< why the job was given up before its end: too many objects in a row were refused
  bool interrupted = false;
  bool complete() const { return listing.ok() && stopped.ok() && totals.objects_failed == 0 && !interrupted; }
};

/// Runs a job to its end, taking up what its journal holds. Not from a thread of a transport.
/// Errors   what keeps a job from running at all: its journal cannot be written, or another process runs it
/// Cost     memory as the plan says, and some 2 KiB for each object that is listed but not begun (2,000 at most)
Result<CopySummary> run_copy(CopyJob job, ItemSource& items, const CopyHooks& hooks);

}  // namespace isobar::transfer
