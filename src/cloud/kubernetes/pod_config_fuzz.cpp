// Any YAML, laid over a pod: no crash, and the pod stays ours.

#include "kube_json.h"
#include "pod_merge.h"
#include "pod_spec.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace isobar::cloud;
  const std::string text(reinterpret_cast<const char*>(data), size);
  PodOrder order{.owner = "0123456789abcdef", .cluster = "c", .token = "t"};
  order.name_space = "n";
  auto wishes = kube_wishes({{"kubernetes.pod_config", text}});
  if (!wishes.ok()) return 0;
  order.wishes = std::move(*wishes);
  const auto pod = make_pod(order);
  (void)variables_of(pod);
  const auto read = pod_of(pod);
  if (read.name != "c-01234567-0" || read.name_space != "n" || read.owner != order.owner || read.token != "t") __builtin_trap();
  return 0;
}
