// Any bytes, read as a hostlist: no crash, no more hosts than allowed, and no name that is empty of sense.

#include "hostlist.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace isobar::cloud;
  const auto hosts = expand_hostlist(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!hosts.ok()) return 0;
  if (hosts->size() > kHostsMax) __builtin_trap();
  for (const std::string& name : *hosts)
    if (name.empty() || name.find_first_of("[],") != std::string::npos) __builtin_trap();
  return 0;
}
