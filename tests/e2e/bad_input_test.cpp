// Every user error: one clear message with the mend, exit code 2, nothing started, nothing changed.

#include <gmock/gmock.h>

#include "cli.h"

namespace isobar::e2e {
namespace {

using testing::HasSubstr;

class BadInput : public CliTest {
 protected:
  void expect_refusal(const std::vector<std::string>& arguments, const std::string& mend) {
    const auto outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.out << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(mend));
    EXPECT_TRUE(node_processes().empty()) << "something was started";
    EXPECT_FALSE(fs::exists(home_ / "local") && !fs::is_empty(home_ / "local")) << "something was left";
  }
};

TEST_F(BadInput, OfTaskFilesIsReportedWithLineAndColumn) {
  const auto task = write("t.yaml", "num_node: 2\nresources:\n  cpus: many\nrun: x\n");
  expect_refusal({"launch", task}, "t.yaml:1:1: num_node: there is no such field; did you mean num_nodes?");
  expect_refusal({"task", "check", task}, "t.yaml:3:9: resources.cpus: expected a number");
  expect_refusal({"launch", "missing.yaml"}, "missing.yaml: No such file");
  expect_refusal({"launch", write("broken.yaml", "a: [1,\n")}, "broken.yaml:");
}

TEST_F(BadInput, AVariableWithoutValueIsRefusedBeforeProvisioning) {
  expect_refusal({"launch", write("t.yaml", "envs: {TOKEN: null}\nrun: x\n")},
                 "envs.TOKEN: the file declares it without a value; pass it with --env TOKEN=VALUE");
}

TEST_F(BadInput, WhatIsNotAvailableYetIsSaidBeforeAnythingStarts) {
  expect_refusal({"launch", write("t.yaml", "service: {readiness_probe: /}\nresources: {ports: 80}\nrun: x\n")},
                 "service: serving replicas is not available yet");
  expect_refusal({"launch", write("b.yaml", "file_mounts: {/d: {name: my-bucket, store: r2}}\nrun: x\n")},
                 "making a bucket of R2 is not available yet");
  expect_refusal({"launch", write("m.yaml",
                                  "file_mounts: {/d: {source: 's3://bucket/x', mode: MOUNT_CACHED, config: {mount_cached: "
                                  "{transfers: many}}}}\nrun: x\n")},
                 "file_mounts./d: transfers: expected a number, got 'many'");
  expect_refusal({"launch", write("c.yaml", "file_mounts: {/d: 'hf://models/x'}\nrun: x\n")}, "cannot be copied to a node");
  expect_refusal({"launch", "--git-ref", "main", "true"}, "--git-ref: the workdir is no repository; name one with --git-url");
  expect_refusal({"launch", "--async", "true"}, "--async: the server that takes requests is not available yet");
  expect_refusal({"launch", write("p.yaml", "name: a\nrun: x\n---\nname: b\nrun: y\n")}, "running a pipeline is not available yet");
}

TEST_F(BadInput, WhatNoCloudHereCanDoSaysWhyForEachCloud) {
  expect_refusal({"launch", "--gpus", "H100:8", "true"}, "local: has no H100");
  expect_refusal({"launch", "--infra", "oci", "true"}, "has no driver to launch on it");
  expect_refusal({"launch", "--infra", "aws", "true"}, "no AWS credentials; run `aws configure`");
  expect_refusal({"launch", "--infra", "gcp", "true"}, "no credentials of Google Cloud; run `gcloud auth application-default login`");
  expect_refusal({"launch", "--infra", "azure", "true"}, "no credentials of Azure; run `az login`");
  expect_refusal({"launch", "--infra", "lambda", "true"}, "no API key of Lambda Cloud");
  expect_refusal({"launch", "--infra", "runpod", "true"}, "no API key of RunPod");
  expect_refusal({"launch", "--infra", "ssh/lab", "true"}, "no SSH node pools: list your machines in");
  expect_refusal({"launch", "--cpus", "4096+", "true"}, "local");
  expect_refusal({"optimize", "--gpus", "H1000", "true"}, "H100");
}

TEST_F(BadInput, AMissingWorkdirIsRefusedBeforeProvisioning) {
  expect_refusal({"launch", "--workdir", "nowhere", "true"}, "workdir: nowhere: No such file");
  expect_refusal({"launch", write("t.yaml", "file_mounts: {/d: ./nothing}\nrun: x\n")}, "file_mounts./d");
}

TEST_F(BadInput, OfTheCommandLineIsExplained) {
  expect_refusal({"luanch", "x"}, "did you mean `launch`?");
  expect_refusal({"launch", "-c", "no/slash", "true"}, "is no cluster's name");
  expect_refusal({"status", "none"}, "there is no cluster 'none'");
  for (const char* verb : {"stop", "start", "down", "autostop", "queue", "logs"})
    expect_refusal({verb, "none"}, "there is no cluster 'none'");
  expect_refusal({"cancel", "none", "1"}, "there is no cluster 'none'");
  expect_refusal({"exec", "none", "true"}, "there is no cluster 'none'");
  expect_refusal({"launch", "--env", "1X=2", "true"}, "is no variable's name");
  expect_refusal({"launch", "--no-such-option", "true"}, "--no-such-option");
  expect_refusal({"launch", "-i", "soon", "true"}, "is not a duration");
}

TEST_F(BadInput, OfTheConfigurationNamesFileKeyAndBounds) {
  write("home/config.yaml", "broker:\n  lock_deadlin: 5s\n");
  expect_refusal({"launch", "true"}, "config.yaml:2:3: there is no setting of broker 'lock_deadlin'; did you mean lock_deadline?");
  write("home/config.yaml", "broker: {agent_deadline: 900h}\n");
  expect_refusal({"launch", "true"}, "broker.agent_deadline: 37d 12h is outside 1s to 30m 0s");
}

TEST_F(BadInput, ATaskThatDoesNotFitAnExistingClusterChangesNothing) {
  ok({"launch", "-c", "a", "true"});
  const auto refused = run({"launch", "-c", "a", "--num-nodes", "2", "true"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("it asks for 2 nodes, the cluster has 1"));
  EXPECT_EQ(run({"exec", "a", "--cpus", "999", "true"}).exit_code, 2);
  EXPECT_EQ(json({"queue", "a"}).size(), 1U);
}

TEST_F(BadInput, ADryRunListsWhatIsSkippedAndStartsNothing) {
  write("w/keep", "1");
  write("w/.gitignore", "*.log\n");
  write("w/x.log", "1");
  const auto outcome = run({"launch", "--dryrun", "--workdir", "w", "true"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("skipped x.log: pattern '*.log' of .gitignore:1"));
  EXPECT_TRUE(node_processes().empty());
}

TEST_F(BadInput, ATaskFilesWarningsDoNotStopIt) {
  const auto outcome = run({"task", "check", write("t.yaml", "envs: {A: on}\nrun: x\n")});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("the task sees True"));
}

}  // namespace
}  // namespace isobar::e2e
