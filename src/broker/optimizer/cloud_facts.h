#pragma once

/// What placement must know of each cloud beyond its prices.

#include <string>
#include <string_view>

namespace isobar::broker {

struct CloudFacts {
  std::string_view name;        ///< "aws"
  std::string_view shown_as;    ///< "AWS"
  bool placed_by_zone = false;  ///< on-demand machines are chosen zone by zone, as reservations are zonal
  bool disk_tiers = false;      ///< the tier of the boot disk can be chosen
  bool ports = true;            ///< ports can be opened
  bool fast_network = false;    ///< `network_tier: best` means something
  /// The machines are already there, so a request fits whatever is at least as large, and nothing needs to be bought.
  bool standing = false;
  double default_memory_per_vcpu = 4;  ///< GiB, where the request says nothing
};

/// A cloud that is not in the table has the defaults.
CloudFacts facts_of(std::string_view cloud);

/// Machines that share cores and are throttled when they use them: they are taken only when named.
bool is_burstable(std::string_view cloud, std::string_view instance_type);

}  // namespace isobar::broker
