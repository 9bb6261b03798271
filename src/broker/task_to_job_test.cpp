#include <gtest/gtest.h>

#include "broker/broker.h"

namespace isobar::broker {
namespace {

TEST(JobSpecOf, AJobFitsOnANodeThatIsASmallShareOfAMachine) {
  Task task;
  task.run = "true";
  ClusterRecord cluster;
  cluster.placement.offer.vcpus = 0.1;
  EXPECT_EQ(job_spec({&task, "job", "ada"}, cluster).cpus, 0.1);
  cluster.placement.offer.vcpus = 8;
  EXPECT_EQ(job_spec({&task, "job", "ada"}, cluster).cpus, 0.5);
}

TEST(JobSpecOf, BucketsAreFetchedBeforeAnySetupWithSecretsOfItsOwn) {
  Task task;
  task.setup = "make";
  ClusterRecord cluster;
  const auto spec = job_spec({&task, "job", "ada", false, "t", {{"ISOBAR_FETCH", "{}"}}}, cluster);
  EXPECT_EQ(spec.setup, "\"$ISOBAR_NODE_PROGRAM\" fetch || exit 1\nunset ${!ISOBAR_FETCH*}\n") << "also without setup";
  EXPECT_EQ(spec.setup_secrets.count("ISOBAR_FETCH"), 1U);
  EXPECT_TRUE(spec.secrets.empty());
}

}  // namespace
}  // namespace isobar::broker
