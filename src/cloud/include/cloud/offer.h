#pragma once

/// An offer: one type of machine that can be had in one place at a price. It is the unit in which the catalog speaks,
/// the optimizer chooses, and failover blocks.

#include <compare>
#include <optional>
#include <string>

namespace isobar::cloud {

struct Offer {
  std::string cloud;   ///< "aws"
  std::string region;  ///< "us-east-1"
  std::string zone;    ///< empty where the cloud has none, or prices by region
  std::string instance_type;
  double vcpus = 0;
  double memory_gib = 0;
  std::string accelerator;  ///< canonical name ("A100-80GB"); empty: none
  double accelerator_count = 0;
  double accelerator_memory_gib = 0;   ///< of each one; 0: not known
  std::optional<double> hourly_price;  ///< $ on demand; none: not sold that way
  std::optional<double> hourly_spot_price;
  std::string architecture = "x86_64";  ///< or "arm64"
  double local_disk_gib = 0;            ///< instance storage; 0: none or not known

  friend bool operator==(const Offer&, const Offer&) = default;
};

/// What a failure rules out. An unset field is a wildcard: {aws, us-east-1} blocks a region, {aws} a whole cloud.
/// Source   the blocklist of the broker's failover loop (SkyPilot, NSDI '23 §4.3).
struct Scope {
  std::optional<std::string> cloud, region, zone, instance_type;
  std::optional<bool> use_spot;

  bool covers(const Offer& offer, bool spot) const {
    return (!cloud || *cloud == offer.cloud) && (!region || *region == offer.region) && (!zone || *zone == offer.zone) &&
           (!instance_type || *instance_type == offer.instance_type) && (!use_spot || *use_spot == spot);
  }
  friend bool operator==(const Scope&, const Scope&) = default;
};

}  // namespace isobar::cloud
