// Any bytes, read as each of the API server's answers: no crash, no negative amount, and sentences that end.

#include "base/rfc3339.h"
#include "exec_channels.h"
#include "kube_credentials.h"
#include "kube_json.h"
#include "kube_offers.h"
#include "kube_status.h"
#include "pod_reasons.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace isobar::cloud;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)explain_kube_refusal("c", "d", 403, text, text);
  (void)parse_exec_status(text).ok();
  (void)parse_exec_message(text).ok();
  (void)parse_exec_credential(text, "client.authentication.k8s.io/v1").ok();
  (void)isobar::parse_rfc3339(text);
  (void)explain_unschedulable(text);
  const auto value = parse_kube_json(text);
  if (!value.ok()) return 0;
  const auto pod = pod_of(*value);
  if (pod.requests.cpus < 0 || pod.requests.memory_gib < 0 || pod.rank < 0) __builtin_trap();
  (void)explain_end(pod);
  (void)explain_wait(pod);
  (void)hindrance_of(pod);
  const KubeInventory inventory{.nodes = {node_of(*value)}, .pods = {pod}};
  for (const auto& each : kube_offers("c", inventory))
    if (!(each.shape.cpus > 0)) __builtin_trap();
  return 0;
}
