#pragma once

/// The first process of a Kubernetes pod: the main of `isobar-node pod`. The node itself is made by `isobar-node host`, which is run in
/// the pod from outside; this one only stays for as long as the node does, so that the pod ends when the node ends, whoever ended it.

namespace isobar::cloud {

/// Reaps what is orphaned in the pod. When Kubernetes wants the pod to end (SIGTERM), the node is ended in order first.
/// Returns   0: the node has ended in order; 1: it died, or none was made within a quarter of an hour
int keep_pod();

}  // namespace isobar::cloud
