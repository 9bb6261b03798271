// Any bytes, read as the list of clusters: no crash, and no name that could be anything but a host to ssh.

#include "slurm_config.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace isobar::cloud;
  const auto clusters = parse_slurm_config(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
  if (!clusters.ok()) return clusters.error().message().starts_with("fuzz:") ? 0 : (__builtin_trap(), 0);
  for (const SlurmCluster& cluster : *clusters)
    if (cluster.name.empty() || cluster.name[0] == '-' || cluster.name.find_first_of(" \t\n*?!\"'@/") != std::string::npos)
      __builtin_trap();
  return 0;
}
