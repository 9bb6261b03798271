#pragma once

/// What a rank finds in its environment.

#include <string>
#include <utility>
#include <vector>

#include "job_queue.h"
#include "node_config.h"

namespace isobar::broker {

using Environment = std::vector<std::pair<std::string, std::string>>;

struct RankPlace {
  Phase phase = Phase::kRun;
  int rank = 0;                                ///< within the phase: of the job's nodes, or of all nodes for setup
  const std::vector<Place>* places = nullptr;  ///< of the job's ranks
};

/// What a rank gets beyond what its node gives every process (PATH, HOME and so on).
/// task_id   see task_id_of
/// Every variable that isobar sets has two names, SKYPILOT_X and ISOBAR_X, so that task files of both worlds run as they
/// are. The user's values stand over isobar's descriptions of the task, and isobar's placement over the user's.
Environment rank_environment(const NodeConfig& config, const JobSpec& spec, const std::string& task_id, const RankPlace& place);

/// "sky-2026-11-25-03-20-57-123456_train_7" unless the spec brings its own.
std::string task_id_of(const JobSpec& spec, const std::string& cluster, JobId id, Instant submitted);

/// What stands before each line of a rank's output in the job's log.
std::string log_prefix(const NodeConfig& config, const JobSpec& spec, const RankPlace& place, std::int64_t pid);

}  // namespace isobar::broker
