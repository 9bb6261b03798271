#pragma once

/// A replica as a process: the core on one loop, its log on a thread of its own. What the core says in one turn of the loop is written with
/// one flush, many turns' worth while the disk is busy, and goes out when it is durable.

#include <memory>

#include "base/log.h"
#include "db/cluster_file.h"
#include "db/replica.h"
#include "db/vote_log.h"

namespace isobar::db {

struct ReplicaServerOptions {
  fs::path folder;                 ///< of this replica: its log of votes
  std::string listen = "0.0.0.0";  ///< numeric
  Sync sync = Sync::kDisk;         ///< kNone: votes are only as safe as the machine's power; for measuring
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
