// Which GCP machines take which GPUs. New GPUs come with machine families of their own, one size for each count; the
// older ones are attached to any n1 machine up to a limit of vCPUs and memory that grows with their number. Both tables
// are from GCP's documentation of GPU machine types.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "price_list.h"

namespace isobar::cloud {

namespace {

struct Family {
  std::string_view accelerator;
  double count;
  std::string_view host;  // the instance type, or a prefix that ends in '-'
};

constexpr std::array kFamilies = {
    Family{"A100", 1, "a2-highgpu-1g"},       Family{"A100", 2, "a2-highgpu-2g"},       Family{"A100", 4, "a2-highgpu-4g"},
    Family{"A100", 8, "a2-highgpu-8g"},       Family{"A100", 16, "a2-megagpu-16g"},     Family{"A100-80GB", 1, "a2-ultragpu-1g"},
    Family{"A100-80GB", 2, "a2-ultragpu-2g"}, Family{"A100-80GB", 4, "a2-ultragpu-4g"}, Family{"A100-80GB", 8, "a2-ultragpu-8g"},
    Family{"H100", 1, "a3-highgpu-1g"},       Family{"H100", 2, "a3-highgpu-2g"},       Family{"H100", 4, "a3-highgpu-4g"},
    Family{"H100", 8, "a3-highgpu-8g"},       Family{"H100-MEGA", 8, "a3-megagpu-8g"},  Family{"H200", 8, "a3-ultragpu-8g"},
    Family{"B200", 8, "a4-highgpu-8g"},       Family{"L4", 1, "g2-standard-4"},         Family{"L4", 1, "g2-standard-8"},
    Family{"L4", 1, "g2-standard-12"},        Family{"L4", 1, "g2-standard-16"},        Family{"L4", 1, "g2-standard-32"},
    Family{"L4", 2, "g2-standard-24"},        Family{"L4", 4, "g2-standard-48"},        Family{"L4", 8, "g2-standard-96"},
};

/// The largest n1 machine that this many of a GPU may be attached to.
struct Limit {
  std::string_view accelerator;
  double count, vcpus_max, memory_gib_max;
};

constexpr std::array kLimits = {
    Limit{"T4", 1, 48, 312},   Limit{"T4", 2, 48, 312},   Limit{"T4", 4, 96, 624},   Limit{"V100", 1, 12, 78},  Limit{"V100", 2, 24, 156},
    Limit{"V100", 4, 48, 312}, Limit{"V100", 8, 96, 624}, Limit{"P100", 1, 16, 104}, Limit{"P100", 2, 32, 208}, Limit{"P100", 4, 96, 624},
    Limit{"P4", 1, 24, 156},   Limit{"P4", 2, 48, 312},   Limit{"P4", 4, 96, 624},   Limit{"K80", 1, 8, 52},    Limit{"K80", 2, 16, 104},
    Limit{"K80", 4, 32, 208},  Limit{"K80", 8, 64, 416},
};

bool sold_only_with_gpu(const std::string& type) {
  return type.starts_with("a2-") || type.starts_with("a3-") || type.starts_with("a4-") || type.starts_with("g2-");
}

bool takes(const Offer& host, const Offer& add_on) {
  if (!host.accelerator.empty() || host.zone != add_on.zone || host.region != add_on.region) return false;
  for (const Family& family : kFamilies)
    if (family.accelerator == add_on.accelerator && family.count == add_on.accelerator_count && family.host == host.instance_type)
      return true;
  if (!host.instance_type.starts_with("n1-")) return false;
  return std::any_of(kLimits.begin(), kLimits.end(), [&](const Limit& limit) {
    return limit.accelerator == add_on.accelerator && limit.count == add_on.accelerator_count && host.vcpus <= limit.vcpus_max &&
           host.memory_gib <= limit.memory_gib_max;
  });
}

std::optional<double> sum(const std::optional<double>& a, const std::optional<double>& b) {
  return a && b ? std::optional(*a + *b) : std::nullopt;
}

Offer together(const Offer& host, const Offer& add_on) {
  Offer whole = host;
  whole.accelerator = add_on.accelerator;
  whole.accelerator_count = add_on.accelerator_count;
  whole.accelerator_memory_gib = add_on.accelerator_memory_gib;
  whole.hourly_price = sum(host.hourly_price, add_on.hourly_price);
  whole.hourly_spot_price = sum(host.hourly_spot_price, add_on.hourly_spot_price);
  return whole;
}

/// Hosts by zone, so that an add-on looks at its own zone alone.
std::map<std::string, std::vector<const Offer*>> by_zone(const std::vector<Offer>& hosts) {
  std::map<std::string, std::vector<const Offer*>> zones;
  for (const Offer& host : hosts)
    if (host.instance_type.starts_with("n1-") || sold_only_with_gpu(host.instance_type)) zones[host.zone].push_back(&host);
  return zones;
}

}  // namespace

std::vector<Offer> combine_gcp_hosts(std::vector<Offer> hosts, const std::vector<Offer>& add_ons,
                                     std::map<std::string, std::size_t>& dropped) {
  const auto zones = by_zone(hosts);
  std::vector<Offer> whole;
  std::set<std::pair<std::string, std::string>> made_whole;  // (instance type, zone)
  for (const Offer& add_on : add_ons) {
    const auto zone = zones.find(add_on.zone);
    const std::size_t before = whole.size();
    if (zone != zones.end()) {
      for (const Offer* host : zone->second) {
        if (!takes(*host, add_on)) continue;
        Offer both = together(*host, add_on);
        if (!both.hourly_price && !both.hourly_spot_price) continue;
        made_whole.emplace(both.instance_type, both.zone);
        whole.push_back(std::move(both));
      }
    }
    if (whole.size() == before) ++dropped["a GPU whose host machine has no price in its zone"];
  }
  const auto half_priced = [](const Offer& host) { return host.accelerator.empty() && sold_only_with_gpu(host.instance_type); };
  for (const Offer& host : hosts)
    if (half_priced(host) && !made_whole.contains({host.instance_type, host.zone}))
      ++dropped["a host machine whose GPU has no price in its zone"];
  std::erase_if(hosts, half_priced);
  hosts.insert(hosts.end(), std::make_move_iterator(whole.begin()), std::make_move_iterator(whole.end()));
  return hosts;
}

}  // namespace isobar::cloud
