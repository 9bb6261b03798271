#include "pod_reasons.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "base/text.h"

namespace isobar::cloud {

namespace {

constexpr std::size_t kWordsMost = 300;

std::string words(std::string_view text) { return std::string(trim(text.substr(0, kWordsMost))); }

struct Clause {
  std::string_view pattern;  // the scheduler's clause holds this
  std::string_view one, many;
};
constexpr std::array kClauses = {
    Clause{"Insufficient cpu", "has too little CPU left", "have too little CPU left"},
    Clause{"Insufficient memory", "has too little memory left", "have too little memory left"},
    Clause{"Insufficient ephemeral-storage", "has too little disk left", "have too little disk left"},
    Clause{"Too many pods", "has as many pods as it may", "have as many pods as they may"},
    Clause{"untolerated taint", "has a taint that the pod does not tolerate", "have a taint that the pod does not tolerate"},
    Clause{"didn't match Pod's node affinity/selector", "has other labels than are asked for", "have other labels than are asked for"},
    Clause{"didn't match node selector", "has other labels than are asked for", "have other labels than are asked for"},
    Clause{"were unschedulable", "is closed to new pods (cordoned)", "are closed to new pods (cordoned)"},
    Clause{"volume node affinity conflict", "is not where the volume is", "are not where the volume is"},
};

std::string explain_clause(int count, std::string_view rest) {
  for (const auto& clause : kClauses) {
    if (rest.find(clause.pattern) == std::string_view::npos) continue;
    auto text = fmt::format("{} {}", count, count == 1 ? clause.one : clause.many);
    // Which taint it is, is what its reader needs.
    const auto open = rest.find('{'), close = rest.rfind('}');
    if (open != std::string_view::npos && close != std::string_view::npos && close > open)
      text += fmt::format(" ({})", rest.substr(open, close - open + 1));
    return text;
  }
  constexpr std::string_view kInsufficient = "Insufficient ";
  if (rest.starts_with(kInsufficient))
    return fmt::format("{} {} too few of {} left", count, count == 1 ? "has" : "have", rest.substr(kInsufficient.size()));
  return fmt::format("{} {}", count, rest);
}

/// "2 Insufficient cpu" → 2 and the rest. Clauses are parted by commas, and a taint may hold one.
std::vector<std::pair<int, std::string>> clauses_of(std::string_view text) {
  std::vector<std::pair<int, std::string>> clauses;
  for (const auto part : split(text, ',')) {
    const auto clause = trim(part);
    int count = 0;
    const auto [end, failure] = std::from_chars(clause.data(), clause.data() + clause.size(), count);
    const auto rest = trim(std::string_view(end, static_cast<std::size_t>(clause.data() + clause.size() - end)));
    if (failure == std::errc() && !rest.empty()) clauses.emplace_back(count, rest);
    else if (!clauses.empty()) clauses.back().second += "," + std::string(part);
    else if (!clause.empty()) return {};
  }
  return clauses;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words_known) {
  return std::find(words_known.begin(), words_known.end(), word) != words_known.end();
}

}  // namespace

std::string explain_unschedulable(std::string_view message) {
  if (message.find("unbound immediate PersistentVolumeClaims") != std::string_view::npos)
    return "a volume that it mounts has no disk yet: nothing has made one for its claim (`kubectl describe pvc` says why)";
  constexpr std::string_view kHead = "0/", kMiddle = " nodes are available: ";
  const auto middle = message.find(kMiddle);
  if (!message.starts_with(kHead) || middle == std::string_view::npos) return words(message);
  const auto total = message.substr(kHead.size(), middle - kHead.size());
  auto rest = message.substr(middle + kMiddle.size());
  // What it says about preemption, and newer releases about claims, comes after the sentence on nodes.
  if (const auto end = rest.find(". "); end != std::string_view::npos) rest = rest.substr(0, end);
  if (rest.ends_with('.')) rest.remove_suffix(1);
  auto clauses = clauses_of(rest);
  if (clauses.empty()) return words(message);
  std::stable_sort(clauses.begin(), clauses.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::string> told;
  for (const auto& [count, clause] : clauses) told.push_back(explain_clause(count, clause));
  return fmt::format("none of {} nodes will do: {}", total, join(told, ", "));
}

std::optional<PodHindrance> hindrance_of(const KubePod& pod) {
  const auto because = [&](std::string_view what) {
    return fmt::format("pod {}: {}{}{}", pod.name, what, pod.waits_message.empty() ? "" : ": ", words(pod.waits_message));
  };
  if (is_one_of(pod.waits, {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable"}))
    return PodHindrance{
        invalid(because("its image cannot be pulled; mend image_id, or name a secret for a private registry in imagePullSecrets of "
                        "kubernetes.pod_config")),
        "ImagePullFailed"};
  if (pod.waits == "InvalidImageName") return PodHindrance{invalid(because("image_id names no image")), "ImagePullFailed"};
  if (is_one_of(pod.waits, {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}))
    return PodHindrance{invalid(because("its container cannot be made (the image needs /bin/sh; kubernetes.pod_config must name what "
                                        "is there)")),
                        "InvalidPod"};
  if (pod.node_ended() || pod.deleting) return PodHindrance{unavailable(fmt::format("pod {} {}", pod.name, explain_end(pod))), "PodFailed"};
  return std::nullopt;
}

std::string explain_wait(const KubePod& pod) {
  if (!pod.unschedulable.empty()) return explain_unschedulable(pod.unschedulable);
  if (pod.node.empty()) return "the scheduler has not looked at it yet";
  if (pod.waits == "ContainerCreating" || pod.waits == "PodInitializing" || pod.waits.empty())
    return fmt::format("node {} prepares it (its image may be large)", pod.node);
  return fmt::format("{} {}", pod.waits, words(pod.waits_message));
}

std::string explain_end(const KubePod& pod) {
  if (pod.ended_reason == "OOMKilled") return "was killed for want of memory (OOMKilled); ask for more `memory`, or use less";
  if (pod.reason == "Evicted") return "was evicted: " + words(pod.message);
  if (pod.reason == "Preempting" || pod.disruption == "PreemptionByScheduler") return "was preempted by a pod of higher priority";
  if (pod.reason == "NodeLost" || pod.disruption == "DeletionByTaintManager")
    return fmt::format("was given up, as its node {} is not ready or does not answer any more", pod.node);
  if (pod.reason == "NodeShutdown" || pod.reason == "Terminated" || pod.disruption == "TerminationByKubelet")
    return fmt::format("was ended, as its node {} shut down", pod.node);
  if (pod.disruption == "EvictionByEvictionAPI") return "was evicted, as somebody drained its node";
  if (pod.reason == "DeadlineExceeded") return "reached its activeDeadlineSeconds";
  if (pod.deleting) return pod.ended() ? "was deleted by somebody else" : "is being deleted by somebody else";
  if (pod.ended_in_order()) return "has ended by itself";
  if (!pod.reason.empty()) return fmt::format("failed: {} {}", pod.reason, words(pod.message));
  if (pod.exit_code)
    return fmt::format("ended with exit code {}{}{}", *pod.exit_code, pod.ended_reason.empty() ? "" : ": ", pod.ended_reason);
  return "has ended";
}

}  // namespace isobar::cloud
