#pragma once

/// A replica as a process: the core on one loop, its log on a thread of its own. What the core says in one turn of the loop is written with
/// one flush, many turns' worth while the disk is busy, and goes out when it is durable.

#include <functional>
#include <memory>
#include <vector>

#include "base/log.h"
#include "db/cluster_file.h"
#include "db/replica.h"
#include "db/vote_log.h"

namespace isobar::db {

struct ReplicaServerOptions {
  fs::path folder;                 ///< of this replica: its log of votes
  std::string listen = "0.0.0.0";  ///< numeric
  Sync sync = Sync::kDisk;         ///< kNone: votes are only as safe as the machine's power; for measuring
  CheckpointConfig checkpoints;    ///< how long a transaction may take, and what is remembered for how long
  /// What goes out in place of what the core says: for liars, in tests of the others. None: what it says.
  std::function<std::vector<Outgoing>(Outgoing)> instead_of = nullptr;
};

class ReplicaServer {
 public:
  /// Reads the log and listens. Errors   those of VoteLog and of listening
  static Result<std::unique_ptr<ReplicaServer>> start(ReplicaServerOptions options, ClusterFile cluster, Secret secret, Log& log);
  ~ReplicaServer();
  /// Serves until `stop`, or until its disk fails: then it must not go on, and says why.
  Status run();
  /// Safe from any thread, and from a signal's.
  void stop();

 private:
  struct Inside;
  explicit ReplicaServer(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

}  // namespace isobar::db
