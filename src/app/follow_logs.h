#pragma once

#include <string>

#include "broker/agent_client.h"
#include "context.h"

namespace isobar::app {

/// Streams a job's log to standard output until it ends. Ctrl-C detaches: the job goes on, and the user is told how to
/// come back.
/// what     that the tail was opened with
/// Returns  the exit code: 0 when the job succeeded or the log was not followed, 100 when the job failed
int follow_logs(Context& context, broker::LogTail tail, const std::string& cluster, const broker::TailLogs& what);

}  // namespace isobar::app
