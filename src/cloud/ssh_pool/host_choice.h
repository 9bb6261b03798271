#pragma once

/// Which hosts of a pool carry a cluster. Pure.

#include <optional>
#include <string>
#include <vector>

#include "cloud/host_messages.h"

namespace isobar::cloud {

/// A host as it answered just now.
struct HostNow {
  std::string name;
  std::optional<HostReport> report;  ///< none: it does not answer …
  std::string why;                   ///< … and this is what is known of it
};

/// Indices of hosts that have room for `share`, best first: those that it fills most exactly, so that large rooms stay whole; GPUs
/// weigh before CPUs, CPUs before memory; equal ones in the order of the pool.
/// type     what kind of host was planned with; empty: any
std::vector<std::size_t> hosts_with_room(const std::vector<HostNow>& hosts, const HostShare& share, const std::string& type);

/// "2 of 3 hosts have room for 4 CPUs, 16 GiB; gpu1: 2 CPUs, 8 GiB free; gpu2 does not answer …": why there is no place for `count` nodes.
std::string no_room(const std::vector<HostNow>& hosts, const HostShare& share, const std::string& type, int count);

}  // namespace isobar::cloud
