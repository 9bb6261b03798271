// What a cluster of this machine does for its user, end to end: the real provider, the real agents, real jobs.

#include <signal.h>

#include "local_cluster.h"

namespace isobar::testing {

using broker::JobStatus;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST(LocalJob, RunsAndShowsItsOutput) {
  const LocalCluster cluster;
  const auto outcome = cluster.run("echo hello; echo oops >&2");
  EXPECT_EQ(outcome.job.status, JobStatus::kSucceeded);
  EXPECT_EQ(outcome.job.exit_code, 0);
  EXPECT_THAT(outcome.log, MatchesRegex("\\(job, pid=[0-9]+\\) hello\n\\(job, pid=[0-9]+\\) oops\n"));
}

}  // namespace isobar::testing
