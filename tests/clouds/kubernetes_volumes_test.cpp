// Volumes on Kubernetes, as their users have them. The storage classes are `shelf` (the usual one), `late` (a disk is made when a pod that
// mounts it has got a node) and `stuck` (never); the claim `shelf` is there from the beginning.

#include <thread>

#include "base/child.h"
#include "kubernetes_cloud.h"

namespace isobar::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class KubernetesVolumes : public KubernetesCloud {
 protected:
  void TearDown() override {
    if (kubernetes_) {
      run({"down", "-y", "--all"});
      run({"volumes", "delete", "-y", "--all"});
      EXPECT_TRUE(eventually([&] { return claims() == "shelf=Bound"; }, 30s)) << claims();
      EXPECT_TRUE(eventually([&] { return disks() == "0"; })) << disks();
    }
    KubernetesCloud::TearDown();
  }

  std::string claims() { return kubernetes_->tell("claims"); }
  std::string disks() { return kubernetes_->tell("disks"); }
  std::string volume_file(const std::string& rest, const std::string& name = "data") {
    return write(name + "-volume.yaml", fmt::format("name: {}\ntype: k8s-pvc\ninfra: k8s/lab\n{}", name, rest));
  }
  std::string task_with(const std::string& volumes, const std::string& run, int nodes = 1) {
    return task("with", "infra: k8s, cpus: 0.5, memory: 0.5",
                fmt::format("num_nodes: {}\nvolumes: {{{}}}\nrun: |\n  {}\n", nodes, volumes, run));
  }
  std::string status_of_volume(const std::string& name) {
    for (const auto& volume : json({"volumes", "ls"}))
      if (std::string(volume.at("name").as_string()) == name) return std::string(volume.at("status").as_string());
    return "";
  }
};

TEST_P(KubernetesVolumes, OutliveTheClustersThatMountThemAndAreNotDeletedMeanwhile) {
  EXPECT_THAT(ok({"volumes", "apply", volume_file("size: 2Gi\nlabels: {team: vision}\n")}),
              HasSubstr("Volume 'data' is ready: claim data-"));
  ASSERT_THAT(ok({"launch", "-y", "-c", "one", task_with("/mnt/data: data", "echo kept > /mnt/data/note; echo written")}),
              HasSubstr("written"));
  EXPECT_THAT(ok({"volumes", "ls"}), AllOf(HasSubstr("2Gi"), HasSubstr("READY"), HasSubstr("one")));
  EXPECT_THAT(run({"volumes", "delete", "-y", "data"}).err,
              HasSubstr("volume 'data' is mounted by cluster 'one'; `isobar down one` first"));
  EXPECT_EQ(status_of_volume("data"), "READY");
  ok({"down", "-y", "one"});
  EXPECT_EQ(disks(), "1");
  EXPECT_THAT(ok({"launch", "-y", "-c", "two", task_with("/data: data", "cat /data/note")}), HasSubstr("kept"));
  ok({"down", "-y", "two"});
  EXPECT_THAT(ok({"volumes", "delete", "-y", "data"}), HasSubstr("is gone"));
  EXPECT_EQ(claims(), "shelf=Bound");
}

TEST_P(KubernetesVolumes, OneThatManyNodesMountIsTheSameForAll) {
  ok({"volumes", "apply", volume_file("size: 1Gi\nconfig: {storage_class_name: late, access_mode: ReadWriteMany}\n")});
  EXPECT_THAT(claims(), HasSubstr("=Pending")) << "its disk is made when it is first mounted";
  const auto told =
      ok({"launch", "-y", "-c", "gang",
          task_with("/mnt/all: data",
                    "echo of $ISOBAR_NODE_RANK > /mnt/all/$ISOBAR_NODE_RANK; for i in $(seq 200); do [ -e /mnt/all/0 ] && [ -e "
                    "/mnt/all/1 ] && break; sleep 0.05; done; echo sees $(cat /mnt/all/*)",
                    2)});
  EXPECT_THAT(told, AllOf(HasSubstr("rank=0"), HasSubstr("rank=1")));
  EXPECT_EQ(split(told, '\n').size() > 2 && told.find("sees of 0 of 1") != told.rfind("sees of 0 of 1"), true) << told;
}

TEST_P(KubernetesVolumes, EphemeralOnesAreEachNodesOwnAndGoWithIt) {
  const auto told = ok({"launch", "-y", "-c", "gang",
                        task_with("/scratch: {size: 3Gi, labels: {a: b}, config: {storage_class_name: late}}",
                                  "touch /scratch/$ISOBAR_NODE_RANK; sleep 1; echo sees $(ls /scratch)", 2)});
  EXPECT_THAT(told, AllOf(HasSubstr("sees 0\n"), HasSubstr("sees 1\n")));
  EXPECT_EQ(disks(), "2");
  EXPECT_EQ(json({"volumes", "ls"}).size(), 0U);
  ok({"down", "-y", "gang"});
  EXPECT_TRUE(eventually([&] { return claims() == "shelf=Bound" && disks() == "0"; })) << claims();
}

TEST_P(KubernetesVolumes, AClaimThatWasThereIsMountedAndNeverDeleted) {
  const auto file = write("theirs.yaml", "name: shelf\ninfra: k8s\nuse_existing: true\n");
  EXPECT_THAT(ok({"volumes", "apply", file}), AllOf(HasSubstr("claim shelf in context lab"), HasSubstr("1Gi, ReadWriteMany")));
  EXPECT_THAT(ok({"launch", "-y", "-c", "one", task_with("/shelf: shelf", "echo more >> /shelf/log; echo ran")}), HasSubstr("ran"));
  ok({"down", "-y", "one"});
  EXPECT_THAT(ok({"volumes", "delete", "shelf"}), HasSubstr("is forgotten; its claim was there before isobar, and stays"));
  EXPECT_EQ(claims(), "shelf=Bound");
  EXPECT_THAT(run({"volumes", "apply", "--name", "nothing", "--use-existing"}).err, HasSubstr("there is no claim nothing"));
}

TEST_P(KubernetesVolumes, WhatCannotBeIsRefusedBeforeAnythingIsMade) {
  EXPECT_THAT(run({"volumes", "apply", volume_file("size: 1Gi\nconfig: {storage_class_name: fast}\n")}).err,
              AllOf(HasSubstr("there is no storage class 'fast'"), HasSubstr("shelf")));
  EXPECT_THAT(refused(task_with("/mnt/data: data", "true")), HasSubstr("there is no volume 'data'; `isobar volumes apply FILE` makes one"));
  ok({"volumes", "apply", volume_file("size: 1Gi\n")});
  EXPECT_THAT(ok({"volumes", "apply", volume_file("size: 1Gi\n")}), HasSubstr("is ready")) << "as it is there already";
  EXPECT_THAT(run({"volumes", "apply", volume_file("size: 2Gi\n")}).err, HasSubstr("cannot be changed in its size: it has 1Gi"));
  EXPECT_THAT(refused(task_with("/mnt/data: data", "true", 2)), HasSubstr("ReadWriteOnce, which one node alone may mount"));
  EXPECT_THAT(refused(task_with("/isobar: data", "true")), HasSubstr("a pod has /isobar for itself"));
  EXPECT_THAT(refused(task("no", "infra: k8s/crowded, cpus: 1", "volumes: {/d: data}\nrun: 'true'\n")),
              HasSubstr("volume 'data' is in context lab, the task asks for crowded"));
  EXPECT_THAT(refused(task("no", "infra: local", "volumes: {/d: data}\nrun: 'true'\n")), HasSubstr("local: mounts no volumes (/d)"));
  EXPECT_THAT(refused(task("no", "infra: aws", "volumes: {/d: {size: 1Gi}}\nrun: 'true'\n")), HasSubstr("aws: mounts no volumes (/d)"));
  ok({"launch", "-y", "-c", "one", small_task()});
  EXPECT_THAT(run({"exec", "one", task_with("/mnt/data: data", "true")}).err,
              HasSubstr("cluster 'one' was made without volume 'data' at /mnt/data"));
}

TEST_P(KubernetesVolumes, OneWithoutADiskIsWaitedForAndTold) {
  ok({"volumes", "apply", volume_file("size: 1Gi\nconfig: {storage_class_name: stuck}\n")});
  const auto waits =
      task("no", "infra: k8s, cpus: 1, memory: 1", "volumes: {/d: data}\nconfig: {kubernetes: {provision_timeout: 1}}\nrun: 'true'\n");
  EXPECT_THAT(refused(waits), HasSubstr("a volume that it mounts has no disk yet"));
}

TEST_P(KubernetesVolumes, OneThatSomebodyElsesPodMountsIsKept) {
  ok({"volumes", "apply", volume_file("size: 1Gi\n")});
  const auto claim = std::string(split(claims(), '=')[0]);
  kubernetes_->tell("hold theirs " + claim);
  EXPECT_TRUE(eventually([&] { return pods().find("theirs=Running") != std::string::npos; })) << pods();
  EXPECT_THAT(run({"volumes", "delete", "-y", "data"}).err, HasSubstr("volume 'data' is mounted by pod default/theirs"));
  EXPECT_EQ(status_of_volume("data"), "READY");
  kubernetes_->tell("delete default theirs");
  EXPECT_TRUE(eventually([&] { return pods().empty(); }, 40s)) << pods();
  ok({"volumes", "delete", "-y", "data"});
}

/// Whenever a command is killed, the next one finds what it left: no claim that nobody knows of, none twice, and what was to go is gone.
TEST_P(KubernetesVolumes, KilledCommandsLeaveNothingUnknown) {
  const auto file = volume_file("size: 1Gi\n");
  const auto kill_after = [&](const std::vector<std::string>& words, Duration after) {
    const auto command = start(words);
    std::this_thread::sleep_for(after);
    command->signal(SIGKILL);
    command->wait();
  };
  for (const auto after : {5ms, 15ms, 25ms, 40ms, 60ms, 90ms}) {
    kill_after({"volumes", "apply", file}, after);
    const bool is_there = !status_of_volume("data").empty();
    EXPECT_EQ(claims().find("data-") != std::string::npos, is_there) << claims() << " after " << after.count() << " ms";
    ok({"volumes", "apply", file});
    EXPECT_EQ(status_of_volume("data"), "READY");
    kill_after({"volumes", "delete", "-y", "data"}, after);
    const bool stays = status_of_volume("data") == "READY";
    EXPECT_EQ(claims().find("data-") != std::string::npos, stays) << claims() << " after " << after.count() << " ms";
    if (stays) ok({"volumes", "delete", "-y", "data"});
    EXPECT_EQ(claims(), "shelf=Bound");
  }
}

TEST_P(KubernetesVolumes, KubectlSeesThemAsClaimsOfOurs) {
  const auto kubectl = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"env", "PATH=" + KubernetesForTests::binaries() + ":" + std::getenv("PATH"), "kubectl"});
    const auto said = run_child(words, {}, 30s);
    return said.ok() ? ChildOutput(*said) : ChildOutput{127, "", said.error().message()};
  };
  if (kubectl({"version", "--client"}).exit_code == 127) GTEST_SKIP() << "no kubectl here (Debian: kubernetes-client)";
  ok({"volumes", "apply", volume_file("size: 4Gi\nlabels: {team: vision}\n")});
  const auto shown = kubectl({"get", "pvc", "-l", "isobar.dev/volume=data,team=vision", "-o",
                              "jsonpath={.items[0].spec.resources.requests.storage} {.items[0].spec.accessModes[0]}"});
  EXPECT_EQ(shown.out, "4Gi ReadWriteOnce") << shown.err;
}

INSTANTIATE_TEST_SUITE_P(Imitated, KubernetesVolumes, testing::Values(ControlPlane::kImitated));
INSTANTIATE_TEST_SUITE_P(Real, KubernetesVolumes, testing::Values(ControlPlane::kReal));

}  // namespace
}  // namespace isobar::e2e
