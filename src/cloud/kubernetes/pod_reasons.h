#pragma once

/// Why a pod does not run yet, or ran once, in sentences for people and in codes for failover (cloud/error_scope.cpp). Pure.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kube_objects.h"

namespace isobar::cloud {

/// "0/3 nodes are available: 1 node(s) had untolerated taint {…}, 2 Insufficient cpu. preemption: …" →
/// "none of 3 nodes will do: 2 have too little CPU left, 1 has a taint that the pod does not tolerate ({…})".
/// What is not of the scheduler's form is told as it is.
std::string explain_unschedulable(std::string_view message);

struct PodHindrance {
  Error error;
  std::string provider_code;
};
/// What keeps a pod from ever running, so that waiting does not help. None: it may yet.
std::optional<PodHindrance> hindrance_of(const KubePod& pod);
/// What it waits for, for whoever waited too long: "its image is being pulled".
std::string explain_wait(const KubePod& pod);

/// What became of a pod that has ended or is being ended: "evicted: the node was low on resource: memory".
std::string explain_end(const KubePod& pod);

}  // namespace isobar::cloud
