// Any bytes, read as a kubeconfig, alone and as the second of two: no crash, and what can be used has a server.

#include "kubeconfig.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace isobar::cloud;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const KubeFile first{"/k/first", "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"};
  for (const auto& files : {std::vector<KubeFile>{{"/k/fuzz", text}}, std::vector<KubeFile>{first, {"/k/fuzz", text}}}) {
    const auto config = Kubeconfig::parse(files);
    if (!config.ok()) continue;
    for (const auto& name : config->contexts()) {
      const auto access = config->access(name);
      if (access.ok() && !access->server.starts_with("http")) __builtin_trap();
    }
  }
  return 0;
}
