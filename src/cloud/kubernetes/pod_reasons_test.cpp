#include "pod_reasons.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isobar::cloud {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(PodReasons, TheSchedulersSentenceIsToldInWords) {
  // Of kube-scheduler 1.36, and of an older one, whose taints are named.
  EXPECT_EQ(
      explain_unschedulable(
          "0/4 nodes are available: 2 Insufficient cpu, 2 Insufficient nvidia.com/gpu, 1 node(s) had untolerated taint(s). "
          "no new claims to deallocate, preemption: 0/4 nodes are available: 4 Preemption is not helpful for "
          "scheduling."),
      "none of 4 nodes will do: 2 have too little CPU left, 2 have too few of nvidia.com/gpu left, 1 has a taint that the pod does not "
      "tolerate");
  EXPECT_EQ(
      explain_unschedulable("0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 "
                            "Insufficient memory. preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No "
                            "preemption victims found for incoming pod."),
      "none of 3 nodes will do: 2 have too little memory left, 1 has a taint that the pod does not tolerate "
      "({node-role.kubernetes.io/control-plane: })");
  EXPECT_EQ(explain_unschedulable("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."),
            "none of 2 nodes will do: 2 have other labels than are asked for");
  EXPECT_EQ(explain_unschedulable("0/1 nodes are available: 1 something new."), "none of 1 nodes will do: 1 something new");
}

TEST(PodReasons, WhatIsNotOfThatFormIsToldAsItIs) {
  EXPECT_EQ(explain_unschedulable("persistentvolumeclaim \"data\" not found"), "persistentvolumeclaim \"data\" not found");
  EXPECT_EQ(explain_unschedulable("0/3 nodes are available: "), "0/3 nodes are available:");
  EXPECT_EQ(explain_unschedulable(""), "");
}

KubePod a_pod() {
  KubePod pod;
  pod.name = "train-1";
  pod.node = "w1";
  pod.phase = "Running";
  return pod;
}

TEST(PodReasons, WhatWaitingDoesNotMendIsSaidAtOnceWithTheMend) {
  auto pod = a_pod();
  pod.phase = "Pending";
  EXPECT_FALSE(hindrance_of(pod));
  pod.waits = "ContainerCreating";
  EXPECT_FALSE(hindrance_of(pod));
  EXPECT_THAT(explain_wait(pod), HasSubstr("node w1 prepares it"));
  pod.waits = "ImagePullBackOff";
  pod.waits_message = "Back-off pulling image \"x\"";
  EXPECT_EQ(hindrance_of(pod)->provider_code, "ImagePullFailed");
  EXPECT_THAT(hindrance_of(pod)->error.message(), AllOf(HasSubstr("pod train-1"), HasSubstr("imagePullSecrets"), HasSubstr("Back-off")));
  pod.waits = "CreateContainerConfigError";
  EXPECT_EQ(hindrance_of(pod)->provider_code, "InvalidPod");
  pod.waits.clear();
  pod.deleting = true;
  EXPECT_EQ(hindrance_of(pod)->provider_code, "PodFailed");
}

TEST(PodReasons, EveryEndHasASentence) {
  const auto told = [](auto change) {
    auto pod = a_pod();
    pod.phase = "Failed";
    change(pod);
    return explain_end(pod);
  };
  EXPECT_THAT(told([](KubePod& pod) { pod.ended_reason = "OOMKilled"; }), HasSubstr("ask for more `memory`"));
  EXPECT_EQ(told([](KubePod& pod) { pod.reason = "Evicted", pod.message = "The node was low on resource: memory."; }),
            "was evicted: The node was low on resource: memory.");
  EXPECT_THAT(told([](KubePod& pod) { pod.disruption = "PreemptionByScheduler"; }), HasSubstr("higher priority"));
  EXPECT_THAT(told([](KubePod& pod) { pod.disruption = "DeletionByTaintManager"; }), HasSubstr("node w1"));
  EXPECT_THAT(told([](KubePod& pod) { pod.reason = "Terminated"; }), HasSubstr("shut down"));
  EXPECT_THAT(told([](KubePod& pod) { pod.disruption = "EvictionByEvictionAPI"; }), HasSubstr("drained"));
  EXPECT_EQ(told([](KubePod& pod) { pod.exit_code = 1, pod.ended_reason = "Error"; }), "ended with exit code 1: Error");
  EXPECT_EQ(told([](KubePod& pod) { pod.phase = "Succeeded"; }), "has ended by itself");
  EXPECT_EQ(told([](KubePod& pod) { pod.phase = "Succeeded", pod.deleting = true; }), "was deleted by somebody else");
  EXPECT_EQ(told([](KubePod&) {}), "has ended");
}

}  // namespace
}  // namespace isobar::cloud
