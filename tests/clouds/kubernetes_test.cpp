// Clusters on Kubernetes, as its users have them: real pods on nodes w1 and w2 (4 CPUs, 8 GiB), gpu1 (8 CPUs, 32 GiB, 4 A100) and spot1,
// behind the real control plane where it is at hand, and behind an imitation of it everywhere. Both must do for every test.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <thread>

#include "base/child.h"
#include "base/text.h"
#include "kubernetes_cloud.h"

namespace isobar::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST_P(KubernetesCloud, PortsAreReachedThroughAServiceThatGoesWithTheCluster) {
  ok({"launch", "-y", "-c", "web", "--infra", "k8s", "--cpus", "1", "--ports", "8080", "-d", "sleep 1000"});
  const auto name = pod_name();
  EXPECT_EQ(kubernetes_->tell("services"), name + "=8080");
  EXPECT_THAT(run({"status", "web", "--endpoints"}).err, HasSubstr("podip")) << "there is nothing that makes load balancers";
  kubernetes_->tell("balance " + name + " 203.0.113.7");
  EXPECT_EQ(ok({"status", "web", "--endpoint", "8080"}), "203.0.113.7:8080\n");
  ok({"launch", "-y", "-c", "web", "--infra", "k8s", "--cpus", "1", "--ports", "9000-9001", "-d", "true"});
  EXPECT_EQ(kubernetes_->tell("services"), name + "=8080,9000,9001");
  ok({"down", "-y", "web"});
  EXPECT_EQ(kubernetes_->tell("services"), "");
}

TEST_P(KubernetesCloud, WherePodsAreReachedDirectlyAPortNeedsNothingMore) {
  const auto task =
      write("web.yaml", "resources: {infra: k8s, cpus: 1, ports: 8080}\nconfig: {kubernetes: {ports: podip}}\nrun: sleep 1000\n");
  ok({"launch", "-y", "-c", "web", "-d", task});
  EXPECT_EQ(kubernetes_->tell("services"), "");
  EXPECT_THAT(ok({"status", "web", "--endpoint", "8080"}), testing::MatchesRegex("10\\.[0-9.]+:8080\n"));
  ok({"down", "-y", "web"});
}

TEST_P(KubernetesCloud, AGangRunsInPodsThatReachOneAnotherAndLeavesNoneWhenItIsTakenDown) {
  const auto gang =
      task("gang", "infra: k8s/lab, cpus: 2, memory: 1",
           "num_nodes: 2\nsetup: echo ready $ISOBAR_SETUP_NODE_RANK\nrun: |\n"
           "  head=$(echo \"$ISOBAR_NODE_IPS\" | head -n 1)\n"
           "  if [ $ISOBAR_NODE_RANK = 0 ]; then\n"
           "    python3 -c 'import socket; print(\"heard\", socket.create_server((\"\", 7000)).accept()[0].recv(99).decode())'\n"
           "  else\n"
           "    for i in $(seq 200); do bash -c \"echo rank 1 > /dev/tcp/$head/7000\" 2>/dev/null && break; sleep 0.05; done\n"
           "  fi\n");
  const auto launched = run({"launch", "-y", "-c", "gang", gang});
  ASSERT_EQ(launched.exit_code, 0) << launched.err;
  EXPECT_THAT(launched.out, AllOf(HasSubstr("heard rank 1"), HasSubstr("ready 0"), HasSubstr("ready 1")));
  EXPECT_EQ(count_pods(), 2U) << pods();
  EXPECT_EQ(status_of("gang"), "UP");
  EXPECT_THAT(ok({"exec", "gang", "-n", "again", "--num-nodes", "2", "echo again $ISOBAR_NODE_RANK"}),
              AllOf(HasSubstr("again 0"), HasSubstr("again 1")));
  EXPECT_EQ(json({"queue", "gang"}).size(), 2U);
  EXPECT_THAT(ok({"logs", "gang", "1"}), HasSubstr("heard rank 1"));
  ok({"exec", "-d", "gang", "sleep 1000"});
  ok({"cancel", "-y", "gang", "3"});
  EXPECT_TRUE(eventually([&] { return ok({"queue", "gang"}).find("CANCELLED") != std::string::npos; }));
  ok({"down", "-y", "gang"});
  EXPECT_EQ(pods(), "");
}

TEST_P(KubernetesCloud, ChecksSayWhatIsFreeAndWhatMayNotBeDone) {
  EXPECT_THAT(ok({"check", "-v"}), AllOf(HasSubstr("✔ kubernetes"), HasSubstr("lab: namespace default"),
                                         HasSubstr("lab: 4 of 4 nodes ready"), HasSubstr("lab: A100-80GB: 4 of 4 free")));
  fs::create_directories(home_);
  const auto check_of = [&](const std::string& context) {
    EXPECT_TRUE(write_file(home_ / "config.yaml", "kubernetes: {allowed_contexts: [" + context + "]}\n").ok());
    return run({"check", "-v"}).out;
  };
  EXPECT_THAT(check_of("eve"),
              AllOf(HasSubstr("✘ kubernetes"), HasSubstr("does not let us create pods"), HasSubstr("ask its administrators")));
  EXPECT_THAT(check_of("blind"), AllOf(HasSubstr("✔ kubernetes"), HasSubstr("its nodes may not be listed")));
  EXPECT_THAT(check_of("stranger"), AllOf(HasSubstr("✘ kubernetes"), HasSubstr("the credentials are not accepted")));
  EXPECT_THAT(check_of("away"), HasSubstr("Kubernetes context away"));
  EXPECT_THAT(check_of("labb"), HasSubstr("did you mean lab?"));
}

TEST_P(KubernetesCloud, AcceleratorsAreAskedForByTheirCataloguedName) {
  const auto launched =
      run({"launch", "-y", "-c", "gpus",
           task("gpus", "infra: k8s, accelerators: A100-80GB:2, cpus: 1, memory: 1", "run: echo devices $CUDA_VISIBLE_DEVICES\n")});
  ASSERT_EQ(launched.exit_code, 0) << launched.err;
  EXPECT_THAT(launched.out, HasSubstr("devices 0,1"));
  EXPECT_EQ(pod_node(), "gpu1");
  const auto more = task("more", "infra: k8s, accelerators: A100-80GB:4, cpus: 1, memory: 1", "run: 'true'\n");
  EXPECT_THAT(run({"launch", "-y", "-c", "more", more}).err, HasSubstr("room for 0 of 1 pods"));
}

TEST_P(KubernetesCloud, SpotPodsGoWhereSpotMachinesAre) {
  const auto spot = task("spot", "infra: k8s, use_spot: true, cpus: 1, memory: 1", "run: echo ran\n");
  ASSERT_THAT(ok({"launch", "-y", "-c", "spot", spot}), HasSubstr("ran"));
  EXPECT_EQ(pod_node(), "spot1");
}

TEST_P(KubernetesCloud, WhatCanNotRunIsRefusedWithTheReasonAndLeavesNothing) {
  const auto with = [&](const std::string& config, const std::string& resources = "infra: k8s, cpus: 1, memory: 1") {
    return task("no", resources, "config: {kubernetes: " + config + "}\nrun: 'true'\n");
  };
  EXPECT_THAT(
      refused(with("{provision_timeout: 1, pod_config: {spec: {nodeSelector: {disk: none}}}}")),
      AllOf(HasSubstr("found no node within 1s"), HasSubstr("none of 4 nodes will do"), HasSubstr("other labels than are asked for")));
  EXPECT_THAT(refused(with("{}", "infra: k8s, cpus: 1, memory: 1, image_id: 'docker:never.pull/it'")), HasSubstr("image cannot be pulled"));
  EXPECT_THAT(refused(task("no", "infra: k8s/crowded, cpus: 1, memory: 1", "num_nodes: 2\nrun: 'true'\n")), HasSubstr("exceeded quota"));
  EXPECT_THAT(refused(with("{provision_timeout: soon}")), HasSubstr("config.kubernetes.provision_timeout: expected a number"));
  EXPECT_THAT(refused(small_task("k8s/eve")), HasSubstr("does not let us create pods"));
  EXPECT_THAT(refused(small_task("k8s/stranger")), HasSubstr("the credentials are not accepted"));
  EXPECT_THAT(refused(small_task("k8s/nowhere")), HasSubstr("nowhere"));
}

TEST_P(KubernetesCloud, AFullContextIsLeftForAFreeOne) {
  fs::create_directories(home_);
  ASSERT_TRUE(write_file(home_ / "config.yaml", "kubernetes: {allowed_contexts: [crowded, lab]}\n").ok());
  const auto launched =
      run({"launch", "-y", "-c", "pair", task("pair", "infra: k8s, cpus: 1, memory: 1", "num_nodes: 2\nrun: echo ran\n")});
  ASSERT_EQ(launched.exit_code, 0) << launched.err;
  EXPECT_THAT(launched.err, AllOf(HasSubstr("crowded"), HasSubstr("exceeded quota")));
  EXPECT_THAT(pods(), AllOf(HasSubstr("default/"), Not(HasSubstr("small/"))));
}

TEST_P(KubernetesCloud, WhatBecameOfAPodThatWasEndedIsTold) {
  const auto ended = [&](const std::string& how) {
    EXPECT_EQ(run({"launch", "-y", "-c", "one", small_task()}).exit_code, 0);
    kubernetes_->tell(fmt::format("{} {} {}", how, how == "delete" ? "default" : pod_node(), pod_name()));
    std::string told;
    EXPECT_TRUE(eventually([&] {
      const auto status = run({"status"});
      told = status.out + status.err;
      return told.find("pod one-") != std::string::npos;
    })) << told;
    EXPECT_TRUE(eventually([&] { return status_of("one").empty() && pods().empty(); })) << pods();
    return told;
  };
  EXPECT_THAT(ended("evict"), HasSubstr("was evicted: The node was low on resource: memory"));
  EXPECT_THAT(ended("oom"), HasSubstr("was killed for want of memory"));
  EXPECT_THAT(ended("delete"), AnyOf(HasSubstr("was deleted by somebody else"), HasSubstr("is being deleted by somebody else")));
}

TEST_P(KubernetesCloud, ALostNodeIsNamedAndItsClusterCanBeTakenDown) {
  ASSERT_EQ(run({"launch", "-y", "-c", "one", small_task()}).exit_code, 0);
  const auto node = pod_node();
  kubernetes_->tell("lose " + node);
  const auto status = run({"status"});
  EXPECT_THAT(status.out + status.err, HasSubstr("node " + node + " of context lab, on which pod one-"));
  EXPECT_EQ(status_of("one"), "INIT");
  ok({"down", "-y", "one"});
  EXPECT_EQ(pods(), "");
  kubernetes_->tell("find " + node);
}

TEST_P(KubernetesCloud, WhereTheServerDoesNotAnswerAClusterIsKeptUntilItDoes) {
  ASSERT_EQ(run({"launch", "-y", "-c", "one", small_task()}).exit_code, 0);
  auto config = read_file(kubernetes_->folder() / "kubeconfig").value_or("");
  for (auto at = config.find(":6443"); at != std::string::npos; at = config.find(":6443")) config.replace(at, 5, ":6999");
  const auto elsewhere = write("kubeconfig", config);
  const auto status = run({"status"}, {{"KUBECONFIG", elsewhere}});
  EXPECT_THAT(status.out + status.err, AllOf(HasSubstr("one"), HasSubstr("INIT"), HasSubstr("Kubernetes context lab")));
  EXPECT_NE(run({"down", "-y", "one"}, {{"KUBECONFIG", elsewhere}}).exit_code, 0);
  EXPECT_EQ(count_pods(), 1U);
  EXPECT_EQ(run({"down", "-y", "--purge", "one"}, {{"KUBECONFIG", elsewhere}}).exit_code, 0);
  EXPECT_EQ(count_pods(), 1U);
  ok({"sweep"});
  EXPECT_EQ(pods(), "") << "what was given up is found by its labels";
}

TEST_P(KubernetesCloud, OneIsKnownByAPluginByACertificateAndWithRightsInOneNamespaceAlone) {
  EXPECT_THAT(ok({"launch", "-y", "-c", "one", small_task("k8s/plugin")}), HasSubstr("ran on one-"));
  const auto runs = read_file(kubernetes_->folder() / "plugin.runs");
  EXPECT_TRUE(runs.ok() && !runs->empty());
  ok({"down", "-y", "one"});
  EXPECT_THAT(ok({"launch", "-y", "-c", "one", small_task("k8s/lab/ada")}), HasSubstr("ran on one-"));
  ok({"down", "-y", "one"});
  EXPECT_THAT(ok({"launch", "-y", "-c", "one", small_task("k8s/blind")}), HasSubstr("ran on one-"));
}

TEST_P(KubernetesCloud, PodsAreAsTheTaskConfiguresThem) {
  const auto configured =
      task("own", "infra: k8s, cpus: 1, memory: 1, labels: {team: vision}",
           "config:\n  kubernetes:\n    custom_metadata: {labels: {project: atlas}}\n    pod_config:\n      spec:\n        containers:\n"
           "          - env: [{name: FLAVOUR, value: 'sweet and sour'}]\n            volumeMounts: [{name: data, mountPath: /data}]\n"
           "        volumes: [{name: data, persistentVolumeClaim: {claimName: shelf}}]\n"
           "run: |\n  echo flavour $FLAVOUR\n  echo kept > /data/note\n");
  ASSERT_THAT(ok({"launch", "-y", "-c", "own", configured}), HasSubstr("flavour sweet and sour"));
  ok({"down", "-y", "own"});
  const auto again =
      task("again", "infra: k8s, cpus: 1, memory: 1",
           "config: {kubernetes: {pod_config: {spec: {containers: [{volumeMounts: [{name: data, mountPath: /data}]}], volumes: "
           "[{name: data, persistentVolumeClaim: {claimName: shelf}}]}}}}\nrun: cat /data/note\n");
  EXPECT_THAT(ok({"launch", "-y", "-c", "own", again}), HasSubstr("kept"));
}

/// What stands for a cluster here is taken for one by others' programs, too.
TEST_P(KubernetesCloud, KubectlTakesItForACluster) {
  const auto pod = write("pod.yaml",
                         "apiVersion: v1\nkind: Pod\nmetadata: {name: theirs}\nspec:\n  restartPolicy: Never\n  containers:\n"
                         "  - {name: c, image: any, command: [/bin/sh, -c, 'echo said; sleep 1000']}\n");
  const auto kubectl = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"env", "KUBECTL_REMOTE_COMMAND_WEBSOCKETS=true",
                                 "PATH=" + KubernetesForTests::binaries() + ":" + std::getenv("PATH"), "kubectl"});
    const auto said = run_child(words, {}, 30s);
    return said.ok() ? ChildOutput(*said) : ChildOutput{127, "", said.error().message()};
  };
  if (kubectl({"version", "--client"}).exit_code == 127) GTEST_SKIP() << "no kubectl here (Debian: kubernetes-client)";
  EXPECT_THAT(kubectl({"get", "nodes", "-o", "wide"}).out, AllOf(HasSubstr("w1"), HasSubstr("Ready"), HasSubstr("10.55.0.254")));
  EXPECT_THAT(kubectl({"apply", "-f", pod}).out, HasSubstr("pod/theirs created"));
  EXPECT_TRUE(eventually([&] { return kubectl({"get", "pods", "-o", "wide"}).out.find("Running") != std::string::npos; }));
  EXPECT_EQ(kubectl({"logs", "theirs"}).out, "said\n");
  EXPECT_EQ(kubectl({"exec", "theirs", "--", "sh", "-c", "exit 3"}).exit_code, 3);
  EXPECT_THAT(kubectl({"delete", "pod", "theirs", "--grace-period=1"}).out, HasSubstr("deleted"));
}

TEST_P(KubernetesCloud, WhereAnAutoscalerMakesNodesAPodWaitsForOne) {
  for (const auto& node : {"w1", "w2"}) kubernetes_->tell(std::string("cordon ") + node);
  EXPECT_THAT(refused(task("no", "infra: k8s/blind, cpus: 1, memory: 1", "config: {kubernetes: {provision_timeout: 1}}\nrun: 'true'\n")),
              AllOf(HasSubstr("found no node within 1s"), HasSubstr("2 are closed to new pods (cordoned)")));
  kubernetes_->tell("autoscaler on");
  const auto launch = start({"launch", "-y", "-c", "one", small_task()});
  EXPECT_TRUE(eventually([&] { return pods().find("=Pending@") != std::string::npos; })) << pods();
  std::this_thread::sleep_for(1s);
  kubernetes_->tell("open w1");
  const auto launched = launch->wait();
  EXPECT_EQ(launched.exit_code, 0) << launched.err;
  EXPECT_THAT(launched.out, HasSubstr("ran on one-"));
  kubernetes_->tell("open w2");
  kubernetes_->tell("autoscaler off");
}

/// v4 can tell a command that its input has ended only by closing the connection, v5 by a message.
TEST_P(KubernetesCloud, BothProtocolsOfExecServeAndNoCommandOutlivesItsConnection) {
  for (const std::string protocol : {"v4", "v5"}) {
    kubernetes_->tell("speak " + protocol);
    ASSERT_THAT(ok({"launch", "-y", "-c", "one", small_task()}), HasSubstr("ran on one-"));
    const auto bridges = [&] {
      const auto told = ok({"exec", "one", "echo bridges $(ps ax | grep -c '[n]ode-.* bridge')"});
      return told.find("bridges 1\n") != std::string::npos;
    };
    EXPECT_TRUE(eventually(bridges)) << "each command has one, and those of earlier ones have ended";
    ok({"down", "-y", "one"});
  }
}

TEST_P(KubernetesCloud, AutodownDeletesAllPods) {
  ok({"launch", "-y", "--down", "-c", "pair", task("pair", "infra: k8s, cpus: 1, memory: 1", "num_nodes: 2\nrun: echo ran\n")});
  EXPECT_TRUE(eventually([&] { return status_of("pair").empty(); }, 30s));
  EXPECT_TRUE(eventually([&] { return pods().empty(); })) << pods();
}

TEST_P(KubernetesCloud, AClusterThatCannotBeStoppedStaysAsItIs) {
  ok({"launch", "-y", "-c", "one", small_task()});
  const auto stopped = run({"stop", "-y", "one"});
  EXPECT_NE(stopped.exit_code, 0);
  EXPECT_THAT(stopped.err, HasSubstr("isobar down one"));
  EXPECT_EQ(status_of("one"), "UP");
}

/// Whenever the command is killed, the next one finds what it left and there is nothing that nobody knows of.
TEST_P(KubernetesCloud, AKilledLaunchLeavesNoPodBehind) {
  const auto gang = task("gang", "infra: k8s, cpus: 1, memory: 1", "num_nodes: 2\nrun: echo ran\n");
  for (const auto after : {30ms, 80ms, 200ms, 500ms, 900ms}) {
    const auto launch = start({"launch", "-y", "-c", "gang", gang});
    std::this_thread::sleep_for(after);
    launch->signal(SIGKILL);
    launch->wait();
    ok({"status"});
    if (status_of("gang") == "UP") ok({"down", "-y", "gang"});
    ok({"sweep"});
    EXPECT_TRUE(eventually([&] { return pods().empty(); })) << pods() << " after " << after.count() << " ms";
  }
}

TEST_P(KubernetesCloud, TwoHomesDoNotSeeOneAnother) {
  ok({"launch", "-y", "-c", "one", small_task()});
  const auto own = home_;
  home_ = folder_ / "other";
  EXPECT_EQ(status_of("one"), "");
  EXPECT_THAT(ok({"launch", "-y", "-c", "one", small_task()}), HasSubstr("ran on one-"));
  EXPECT_EQ(count_pods(), 2U);
  ok({"sweep"});
  ok({"down", "-y", "one"});
  home_ = own;
  EXPECT_EQ(count_pods(), 1U);
  EXPECT_EQ(status_of("one"), "UP");
}

INSTANTIATE_TEST_SUITE_P(Imitated, KubernetesCloud, testing::Values(ControlPlane::kImitated));
INSTANTIATE_TEST_SUITE_P(Real, KubernetesCloud, testing::Values(ControlPlane::kReal));

}  // namespace
}  // namespace isobar::e2e
