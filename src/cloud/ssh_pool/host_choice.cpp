#include "host_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "pool_cache.h"

namespace isobar::cloud {

namespace {

bool has_room(const HostNow& host, const HostShare& share, const std::string& type) {
  return host.report && (type.empty() || type_of(host.report->whole, host.report->accelerator) == type) && host.report->free.covers(share);
}

}  // namespace

std::vector<std::size_t> hosts_with_room(const std::vector<HostNow>& hosts, const HostShare& share, const std::string& type) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < hosts.size(); ++i)
    if (has_room(hosts[i], share, type)) found.push_back(i);
  const auto left = [&](std::size_t i) {
    const auto& free = hosts[i].report->free;
    return std::tuple(free.gpus - share.gpus, free.cpus - share.cpus, free.memory_gib - share.memory_gib);
  };
  std::stable_sort(found.begin(), found.end(), [&](std::size_t a, std::size_t b) { return left(a) < left(b); });
  return found;
}

std::string no_room(const std::vector<HostNow>& hosts, const HostShare& share, const std::string& type, int count) {
  const auto fitting = hosts_with_room(hosts, share, type).size();
  std::string out = fmt::format("{} of {} hosts {} room for {}, {} {} asked for", fitting, hosts.size(), fitting == 1 ? "has" : "have",
                                describe(share), count, count == 1 ? "is" : "are");
  constexpr std::size_t kNamed = 5;
  std::size_t named = 0;
  for (const auto& host : hosts) {
    if (has_room(host, share, type)) continue;
    if (++named > kNamed) {
      out += "; …";
      break;
    }
    if (!host.report) out += fmt::format("; {}", host.why);
    else if (!type.empty() && type_of(host.report->whole, host.report->accelerator) != type)
      out += fmt::format("; {} is {}", host.name, type_of(host.report->whole, host.report->accelerator));
    else out += fmt::format("; {} has {} free", host.name, describe(host.report->free));
  }
  return out;
}

}  // namespace isobar::cloud
