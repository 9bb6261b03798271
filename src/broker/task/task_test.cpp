#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/task.h"

namespace isobar::broker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TaskFile file_of(std::string_view text, const TaskOverrides& overrides = {}) {
  auto file = parse_task_file(text, "t.yaml", overrides);
  if (!file.ok()) {
    ADD_FAILURE() << file.error().message();
    return TaskFile{.tasks = {Task{}}};
  }
  return *file;
}
Task task_of(std::string_view text, const TaskOverrides& overrides = {}) { return file_of(text, overrides).tasks[0]; }
std::string error_of(std::string_view text, const TaskOverrides& overrides = {}) {
  const auto file = parse_task_file(text, "t.yaml", overrides);
  return file.ok() ? "parsed without error" : file.error().message();
}
std::vector<std::string> accelerators_of(const Task& task) {
  std::vector<std::string> names;
  for (const auto& alternative : task.resources.alternatives)
    if (alternative.accelerator)
      names.push_back(alternative.accelerator->name + ":" + std::to_string(static_cast<int>(alternative.accelerator->count)));
  return names;
}

TEST(TaskFile, ReadsAHelloTask) {
  const auto task = task_of("name: hello\nresources:\n  cpus: 2+\n  infra: aws/us-east-1\nsetup: |\n  echo one\nrun: echo hi\n");
  EXPECT_EQ(task.name, "hello");
  EXPECT_EQ(task.setup, "echo one\n");
  EXPECT_EQ(task.run, "echo hi");
  const auto& request = task.resources.alternatives[0];
  EXPECT_EQ(request.cloud, "aws");
  EXPECT_EQ(request.region, "us-east-1");
  EXPECT_EQ(request.cpus, (Amount{2, true}));
}

TEST(TaskFile, AnEmptyResourcesSectionIsLikeNone) {
  EXPECT_EQ(task_of("resources:\nrun: x\n"), task_of("run: x\n"));
  EXPECT_EQ(task_of("resources: {}\nrun: x\n").resources, ResourceChoice{});
}

TEST(TaskFile, UnknownKeysAreErrorsWithASuggestionAndAllAreReported) {
  const auto error = error_of("num_node: 2\nresources:\n  acelerators: A100\n  cpu: 4\nrun: x\nbanana: 1\n");
  EXPECT_THAT(error, HasSubstr("t.yaml:1:1: num_node: there is no such field; did you mean num_nodes?"));
  EXPECT_THAT(error, HasSubstr("t.yaml:3:3: resources.acelerators: there is no such field; did you mean accelerators?"));
  EXPECT_THAT(error, HasSubstr("t.yaml:4:3: resources.cpu: there is no such field; did you mean cpus?"));
  EXPECT_THAT(error, HasSubstr("t.yaml:6:1: banana: there is no such field; the fields here are"));
}

TEST(TaskFile, EveryWrongValueIsReportedWithWhatWasExpected) {
  const auto error = error_of(
      "num_nodes: 0\nresources:\n  cpus: many\n  use_spot: maybe\n  ports: 99999\n  disk_tier: hihg\n  max_hourly_cost: -1\nrun: [a]\n");
  EXPECT_THAT(error, HasSubstr("t.yaml:1:12: num_nodes: expected a whole number from 1"));
  EXPECT_THAT(error, HasSubstr("t.yaml:3:9: resources.cpus: expected a number such as 4, or 4+ for at least 4, got 'many'"));
  EXPECT_THAT(error, HasSubstr("resources.use_spot: expected true or false, got 'maybe'"));
  EXPECT_THAT(error, HasSubstr("resources.ports: expected a port from 1 to 65535"));
  EXPECT_THAT(error, HasSubstr("resources.disk_tier: expected one of low, medium, high, ultra, best, got 'hihg'; did you mean high?"));
  EXPECT_THAT(error, HasSubstr("resources.max_hourly_cost: expected a number of 0 or more"));
  EXPECT_THAT(error, HasSubstr("run: expected text, got a list"));
}

TEST(Accelerators, EverySpellingIsRead) {
  EXPECT_THAT(accelerators_of(task_of("resources: {accelerators: A100}\nrun: x")), ElementsAre("A100:1"));
  EXPECT_THAT(accelerators_of(task_of("resources: {accelerators: 'A100:8'}\nrun: x")), ElementsAre("A100:8"));
  EXPECT_THAT(accelerators_of(task_of("resources: {accelerators: {A100: 8}}\nrun: x")), ElementsAre("A100:8"));
  EXPECT_THAT(accelerators_of(task_of("resources: {accelerators: {A100:1, L4:2}}\nrun: x")), ElementsAre("A100:1", "L4:2"));
  EXPECT_THAT(accelerators_of(task_of("resources: {accelerators: [A100:1, L4]}\nrun: x")), ElementsAre("A100:1", "L4:1"));
}

TEST(Accelerators, AListIsInOrderOfPreferenceAndASetIsNot) {
  EXPECT_EQ(task_of("resources: {accelerators: [A100, L4]}\nrun: x").resources.preference, Preference::kOrdered);
  EXPECT_EQ(task_of("resources: {accelerators: {A100:1, L4:1}}\nrun: x").resources.preference, Preference::kAny);
}

TEST(Accelerators, AListOfOneEntryMapsIsTheSameAsAListOfTexts) {
  EXPECT_EQ(task_of("resources:\n  accelerators: [{T4: 1}, {L4: 1}]\nrun: x"),
            task_of("resources:\n  accelerators: ['T4:1', 'L4:1']\nrun: x"));
}

TEST(Accelerators, MayBeAskedForByMemory) {
  const auto request = task_of("resources: {accelerators: '16GB+:2'}\nrun: x").resources.alternatives[0];
  EXPECT_EQ(request.accelerator->memory_gib, (Amount{16, true}));
  EXPECT_EQ(request.accelerator->count, 2);
}

TEST(AnyOf, EntriesShareTheOuterFields) {
  const auto choice = task_of("resources:\n  cpus: 4\n  any_of:\n    - use_spot: true\n    - use_spot: false\nrun: x").resources;
  ASSERT_EQ(choice.alternatives.size(), 2U);
  EXPECT_TRUE(choice.alternatives[0].use_spot);
  EXPECT_FALSE(choice.alternatives[1].use_spot);
  for (const auto& alternative : choice.alternatives) EXPECT_EQ(alternative.cpus, (Amount{4, false}));
  EXPECT_EQ(choice.preference, Preference::kAny);
}

TEST(AnyOf, OrderedKeepsTheOrderAndTheTwoDoNotMix) {
  const auto choice = task_of("resources:\n  ordered:\n    - infra: gcp\n    - infra: aws\nrun: x").resources;
  EXPECT_EQ(choice.preference, Preference::kOrdered);
  EXPECT_EQ(choice.alternatives[0].cloud, "gcp");
  EXPECT_THAT(error_of("resources:\n  any_of: [{cpus: 1}]\n  ordered: [{cpus: 1}]\nrun: x"), HasSubstr("do not go together"));
}

TEST(Infra, ReadsPlacesAndWildcards) {
  const auto request = [](const std::string& infra) {
    return task_of("resources: {infra: '" + infra + "'}\nrun: x").resources.alternatives[0];
  };
  EXPECT_EQ(request("aws/us-east-1/use1-az1").zone, "use1-az1");
  EXPECT_EQ(request("*/us-east-1").cloud, std::nullopt);
  EXPECT_EQ(request("*/us-east-1").region, "us-east-1");
  EXPECT_EQ(request("k8s/arn:aws:eks/prod").cloud, "kubernetes");
  EXPECT_EQ(request("k8s/arn:aws:eks/prod").region, "arn:aws:eks/prod");
  EXPECT_EQ(request("slurm/lab/gpu").zone, "gpu");
  EXPECT_THAT(error_of("resources: {infra: awz}\nrun: x"), HasSubstr("there is no cloud 'awz'; did you mean aws?"));
  EXPECT_THAT(error_of("resources: {infra: aws, region: r}\nrun: x"), HasSubstr("one style or the other"));
}

TEST(Sizes, AreInGigabytesAndFloored) {
  const auto request = [](const std::string& field) { return task_of("resources: {" + field + "}\nrun: x").resources.alternatives[0]; };
  EXPECT_EQ(request("disk_size: 1500MB").disk_size_gb, 1U);
  EXPECT_EQ(request("disk_size: 512").disk_size_gb, 512U);
  EXPECT_EQ(request("memory: 64GB").memory, (MemoryRequest{{64, false}, false}));
  EXPECT_EQ(request("memory: 16+").memory, (MemoryRequest{{16, true}, false}));
  EXPECT_EQ(request("memory: 4x").memory, (MemoryRequest{{4, false}, true}));
  EXPECT_EQ(request("local_disk: nvme:200+").local_disk, (LocalDisk{"nvme", {200, true}}));
  EXPECT_EQ(request("local_disk: ssd").local_disk, (LocalDisk{"ssd", {100, true}}));
}

TEST(AutostopField, EverySpellingIsRead) {
  const auto autostop = [](const std::string& value) {
    return task_of("resources: {autostop: " + value + "}\nrun: x").resources.alternatives[0].autostop;
  };
  EXPECT_EQ(autostop("true")->idle, 5min);
  EXPECT_EQ(autostop("false"), std::nullopt);
  EXPECT_EQ(autostop("10")->idle, 10min);
  EXPECT_EQ(autostop("2h")->idle, 2h);
  EXPECT_EQ(autostop("{idle_minutes: 7, down: true, wait_for: none}"), (Autostop{7min, true, IdleWait::kNone}));
}

TEST(Envs, ArriveByteForByte) {
  const auto task = task_of("envs:\n  A: 'k=v w'\n  B: \"tab\\there\\nnewline \\\\ back\"\n  C: é✔\n  D: \"it's \\\"so\\\"\"\nrun: x\n");
  EXPECT_EQ(task.envs[0].value, "k=v w");
  EXPECT_EQ(task.envs[1].value, "tab\there\nnewline \\ back");
  EXPECT_EQ(task.envs[2].value, "é✔");
  EXPECT_EQ(task.envs[3].value, "it's \"so\"");
}

TEST(Envs, PlainYamlTypesBecomeWhatExistingTasksSeeAndAWarningSaysSo) {
  const auto file = file_of("envs: {A: on, B: 1:30, C: 1.50, D: text, E: 5}\nrun: x\n");
  const auto& envs = file.tasks[0].envs;
  EXPECT_EQ(envs[0].value, "True");
  EXPECT_EQ(envs[1].value, "90");
  EXPECT_EQ(envs[2].value, "1.5");
  ASSERT_EQ(file.warnings.size(), 3U);
  EXPECT_THAT(file.warnings[0], HasSubstr("t.yaml:1:11: envs.A: YAML reads on as a boolean, so the task sees True; quote it"));
}

TEST(Envs, ANullMustComeFromTheCommandLine) {
  const auto without = file_of("envs:\n  TOKEN:\nrun: x\n");
  const auto refused = require_all_values(without);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("envs.TOKEN: the file declares it without a value; pass it with --env TOKEN=VALUE"));
  EXPECT_TRUE(require_all_values(file_of("envs:\n  TOKEN:\nrun: x\n", {.envs = {{"TOKEN", "t"}}})).ok());
}

TEST(Envs, AreSubstitutedInTheTreeNotInTheText) {
  const auto task =
      task_of("envs: {NAME: 'a: b\"c', D: data}\nworkdir: ./${D}\nfile_mounts:\n  /x/${NAME}/$D: ./$D/$$y/$UNKNOWN\nrun: echo $D\n");
  EXPECT_EQ(task.workdir->path, "./data");
  EXPECT_EQ(task.file_mounts[0].destination, "/x/a: b\"c/data");
  EXPECT_EQ(task.file_mounts[0].local_source, "./data/$y/$UNKNOWN");
  EXPECT_EQ(task.run, "echo $D");
}

TEST(Secrets, MayNotBeUsedInFileMountsAndAreNeverShown) {
  EXPECT_THAT(error_of("secrets: {KEY: hush}\nfile_mounts: {/k: $KEY}\nrun: x\n"), HasSubstr("the secret KEY may not be used here"));
  const auto shown = show_task(task_of("secrets: {KEY: hush-hush}\nrun: x\n"));
  EXPECT_THAT(shown, Not(HasSubstr("hush-hush")));
  EXPECT_THAT(shown, HasSubstr("<redacted>"));
  EXPECT_THAT(error_of("envs: {KEY: a}\nsecrets: {KEY: hush-hush}\nrun: x\n"),
              testing::AllOf(HasSubstr("both in envs and in secrets"), Not(HasSubstr("hush-hush"))));
}

TEST(Pipelines, AHeaderNamesThemAndTasksFollow) {
  const auto file = file_of("name: p\n---\nname: a\nrun: x\n---\nname: b\nrun: y\n---\n");
  EXPECT_EQ(file.pipeline_name, "p");
  ASSERT_EQ(file.tasks.size(), 2U);
  EXPECT_EQ(file_of("name: p\nexecution: parallel\n---\nname: a\nrun: x\n").execution, Execution::kParallel);
  EXPECT_THAT(error_of("name: a\nrun: x\n---\nname: b\ndepends_on: aa\nrun: y\n"),
              HasSubstr("there is no earlier task named 'aa'; did you mean a?"));
}

TEST(Pipelines, OverridesApplyToEveryTask) {
  const auto file = file_of("name: a\nenvs: {E: 1}\nrun: x\n---\nname: b\nrun: y\n", {.envs = {{"E", "2"}}});
  EXPECT_EQ(file.tasks[0].envs[0].value, "2");
  EXPECT_EQ(file.tasks[1].envs[0].value, "2");
}

TEST(Overrides, ReplaceTheFieldInEveryAlternative) {
  const auto task =
      task_of("resources:\n  any_of: [{infra: aws}, {infra: gcp}]\nrun: x\n", {.resources = {{"cpus", "4+"}, {"use_spot", "true"}}});
  ASSERT_EQ(task.resources.alternatives.size(), 2U);
  for (const auto& alternative : task.resources.alternatives) {
    EXPECT_EQ(alternative.cpus, (Amount{4, true}));
    EXPECT_TRUE(alternative.use_spot);
  }
  EXPECT_EQ(task_of("resources:\n  any_of: [{infra: aws}, {infra: gcp}]\nrun: x\n", {.resources = {{"infra", "local"}}})
                .resources.alternatives.size(),
            1U);
  EXPECT_THAT(error_of("run: x\n", {.resources = {{"cpus", "lots"}}}), HasSubstr("resources.cpus: expected a number"));
}

TEST(Overrides, ARepositoryStandsForTheWorkdirAndARefNeedsOne) {
  EXPECT_EQ(task_of("workdir: w\nrun: x\n", {.git_url = "https://h/r", .git_ref = "v1"}).workdir, (Workdir{"", "https://h/r", "v1"}));
  EXPECT_EQ(task_of("workdir: {url: 'https://h/r', ref: main}\nrun: x\n", {.git_ref = "v1"}).workdir, (Workdir{"", "https://h/r", "v1"}));
  EXPECT_EQ(task_of("workdir: {url: 'https://h/r'}\nrun: x\n", {.workdir = "w"}).workdir, (Workdir{"w", "", ""}));
  EXPECT_THAT(error_of("workdir: w\nrun: x\n", {.git_ref = "v1"}), HasSubstr("--git-ref: the workdir is no repository"));
  EXPECT_THAT(error_of("run: x\n", {.workdir = "w", .git_url = "u"}), HasSubstr("--git-url: a workdir is a folder or a repository"));
}

TEST(Later, OnlyBucketsThatAreThereAreAvailable) {
  EXPECT_TRUE(require_available(file_of("file_mounts: {/d: 's3://b/x', /e: {source: 'gs://b', mode: COPY}, /f: ./here}\nrun: x\n")).ok());
  EXPECT_TRUE(require_available(file_of("file_mounts: {/d: {name: new, mode: COPY}, /e: {name: n, source: [./a, ./b]}}\nrun: x\n")).ok());
  EXPECT_THAT(require_available(file_of("file_mounts: {/d: {name: new, store: r2}}\nrun: x\n")).error().message(),
              HasSubstr("making a bucket of R2 is not available yet"));
  EXPECT_THAT(require_available(file_of("file_mounts: {/d: 'hf://m'}\nrun: x\n")).error().message(),
              HasSubstr("'hf://m' cannot be copied to a node"));
  EXPECT_TRUE(
      require_available(file_of("file_mounts: {/d: {source: 's3://b/x'}, /e: {source: 'gs://b', mode: MOUNT_CACHED}}\nrun: x\n")).ok());
  EXPECT_THAT(require_available(file_of("file_mounts: {/d: {source: 'hf://m'}}\nrun: x\n")).error().message(),
              HasSubstr("'hf://m' cannot be mounted on a node"));
  EXPECT_THAT(require_available(file_of("file_mounts: {/d: {source: ['s3://a', 's3://b']}}\nrun: x\n")).error().message(),
              HasSubstr("mount each at a place of its own"));
}

TEST(Mounts, ABucketMadeFromFoldersHasANameAndNoOtherSources) {
  EXPECT_THAT(error_of("file_mounts: {/d: {source: ./here}}\nrun: x\n"), HasSubstr("needs a name"));
  EXPECT_THAT(error_of("file_mounts: {/d: {name: n, source: [./here, 's3://b']}}\nrun: x\n"), HasSubstr("not both"));
}

TEST(Mounts, ATypeOfDataIsAModeWithItsSettings) {
  const auto task =
      task_of("file_mounts: {/d: {source: 's3://b', type: DATASET_RO}, /e: {source: 's3://b', type: MODEL_CHECKPOINT_RW}}\nrun: x\n");
  for (const auto& mount : task.file_mounts) EXPECT_EQ(mount.mode, MountMode::kMountCached);
  EXPECT_EQ(task.file_mounts[0].settings, (std::map<std::string, std::string>{{"mount_cached.read_only", "True"}}));
  EXPECT_TRUE(task.file_mounts[1].settings.empty());
}

TEST(Later, WhatHasNoActionYetIsNamedAndRefusedBeforeAnythingStarts) {
  const auto file = file_of(
      "service:\n  readiness_probe: /\n  replicas: 2\nresources:\n  ports: 80\n  job_recovery: FAILOVER\nfile_mounts: {/d: {source: "
      "'hf://m'}}\nrun: "
      "x\n");
  const auto refused = require_available(file);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("t.yaml:2:3: service: serving replicas is not available yet"));
  EXPECT_THAT(refused.error().message(), HasSubstr("file_mounts./d: 'hf://m' cannot be mounted on a node"));
  EXPECT_THAT(refused.error().message(), HasSubstr("resources.job_recovery"));
}

TEST(TaskFile, ReplacingLostNodesIsAvailableAndWhatIsOfManagedJobsIsNot) {
  const auto file = parse_task_file("num_nodes: 2\nresources: {job_recovery: {replace_lost_nodes: true}}\nrun: x\n", "t.yaml");
  ASSERT_TRUE(file.ok()) << file.error().message();
  EXPECT_TRUE(require_available(*file).ok());
  EXPECT_TRUE(file->tasks[0].resources.alternatives[0].job_recovery->replace_lost_nodes);
  const auto again = parse_task_file(show_task(file->tasks[0]), "t.yaml");
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(again->tasks[0], file->tasks[0]);
  const auto managed =
      parse_task_file("resources: {job_recovery: {replace_lost_nodes: true, strategy: FAILOVER}}\nrun: x\n", "t.yaml").value();
  EXPECT_FALSE(require_available(managed).ok());
}

TEST(Service, IsValidatedNow) {
  EXPECT_THAT(error_of("service: {readiness_probe: health}\nresources: {ports: 80}\nrun: x"), HasSubstr("the path must begin with /"));
  EXPECT_THAT(error_of("service: {readiness_probe: /}\nrun: x"), HasSubstr("exactly one port"));
  EXPECT_THAT(error_of("service: {readiness_probe: /, replica_policy: {min_replicas: 1, max_replicas: 3}}\nresources: {ports: 80}\nrun: x"),
              HasSubstr("target_qps_per_replica"));
}

// A task with every field set, so that a field that the writer forgets shows as a difference.
constexpr const char* kEverything = R"(
name: all
workdir: ./w
num_nodes: 3
resources:
  cpus: 4+
  memory: 4x
  disk_size: 300
  disk_tier: high
  network_tier: best
  local_disk: nvme:200+
  max_hourly_cost: 2.5
  ports: [80, 8000-8010]
  image_id: {us-east-1: ami-1}
  labels: {team: "on", k: v}
  autostop: {idle_minutes: 7, down: true, wait_for: jobs}
  job_recovery: {strategy: FAILOVER, max_restarts_on_errors: 2, recover_on_exit_codes: [33, 34]}
  priority: 5
  accelerator_args: {runtime_version: v2}
  volumes: [{name: v, path: /v, disk_size: 10, attach_mode: read_only}]
  any_of:
    - {infra: aws/us-east-1, accelerators: A100:8, use_spot: true}
    - {infra: gcp, accelerators: "16GB+"}
file_mounts:
  /a: ./a
  /b: s3://bucket
  /c: {name: n, source: [./x, ./y], store: s3, mode: MOUNT_CACHED, persistent: false, config: {mount: {read_only: true}}}
volumes: {/m: vol, /e: {size: 100Gi, labels: {a: b}, config: {storage_class_name: fast, access_mode: ReadWriteMany}}}
setup: "  leading space\n\ttab # not a comment\n'quotes' \"double\" \\ back\n\n\n"
run: |
  for i in 1 2; do
    echo "$i: x"
  done
envs: {A: "1:30", B: "multi\nline\r", N: null}
inputs: {s3://in: 100}
outputs: {s3://out: 2.5}
depends_on: []
config:
  active_workspace: w
  kubernetes: {provision_timeout: 10, pod_config: {spec: {a: [1, "2"]}}}
  hooks: [{run: sync, events: [stop], timeout: 60}]
event_callback: curl x
api_server_access: false
managed_secrets: [one, {two: {mount_path: /s}}]
)";

TEST(ShowTask, ReadsBackToAnEqualTask) {
  const auto task = task_of(kEverything);
  const auto shown = show_task(task);
  EXPECT_EQ(task_of(shown), task) << shown;
  EXPECT_EQ(show_task(task_of(shown)), shown);
  const auto service = task_of(
      "service:\n  readiness_probe: {path: /h, post_data: '{\"a\": 1}', headers: {X: y}, initial_delay_seconds: 5}\n  replica_policy: "
      "{min_replicas: 1, max_replicas: 4, target_qps_per_replica: {H100:1: 2.5}, num_overprovision: 1}\n  tls: {keyfile: k, certfile: "
      "c}\nresources: {ports: 80}\nrun: x\n");
  EXPECT_EQ(task_of(show_task(service)), service) << show_task(service);
  const auto pool = task_of("pool: {min_workers: 0, max_workers: 3, queue_length_threshold: 2}\nrun: x\n");
  EXPECT_EQ(task_of(show_task(pool)), pool) << show_task(pool);
}

TEST(ConfigOverrides, OnlyTheListedKeysMayBeSet) {
  EXPECT_THAT(error_of("config: {kubernetes: {pod_confg: 1}}\nrun: x"),
              HasSubstr("config.kubernetes.pod_confg: this key may not be set for one task; did you mean kubernetes.pod_config?"));
}

TEST(EnvOptions, TakeValuesWithEqualsSignsAndNamesFromTheEnvironment) {
  EXPECT_EQ(parse_env_option("A=b=c d", "--env", {})->value, "b=c d");
  EXPECT_EQ(parse_env_option("A=", "--env", {})->value, "");
  EXPECT_EQ(parse_env_option("A", "--env", {{"A", "v"}})->value, "v");
  EXPECT_THAT(parse_env_option("A", "--secret", {}).error().message(), HasSubstr("write --secret A=VALUE"));
  EXPECT_FALSE(parse_env_option("1A=x", "--env", {}).ok());
}

TEST(EnvOptions, DotenvFilesMayQuoteAndSpanLines) {
  const auto read = parse_dotenv("# c\nA=1 # note\nexport B='x # y'\nC=\"l1\nl2\\n\"\nD=a=b\n\nE=\n", ".env");
  ASSERT_TRUE(read.ok()) << read.error().message();
  std::vector<std::string> values;
  for (const auto& variable : *read) values.push_back(*variable.value);
  EXPECT_THAT(values, ElementsAre("1", "x # y", "l1\nl2\n", "a=b", ""));
  EXPECT_THAT(parse_dotenv("A=1\nB\n", ".env").error().message(), HasSubstr(".env:2: expected NAME=VALUE"));
  EXPECT_THAT(parse_dotenv("A='x\n", ".env").error().message(), HasSubstr(".env:1: the quote ' is not closed"));
}

TEST(ClusterName, IsCheckedWithTheRule) {
  for (const char* good : {"a", "my-cluster_1.x", "A9"}) EXPECT_TRUE(check_cluster_name(good).ok()) << good;
  for (const char* bad : {"", "1a", "a-", "a/b", "a b", "..", "-a"}) EXPECT_FALSE(check_cluster_name(bad).ok()) << bad;
}

}  // namespace
}  // namespace isobar::broker
