// Clouds charge for bytes that leave them, by tiers: each tier's price holds only for the bytes that fall into it.
// Sources: the clouds' price lists of internet egress. AWS and Azure break at 10, 50 and 150 TB, GCP at 1 and 10 TB (its
// premium network tier), OCI charges nothing for the first 10 TB and .0085 beyond, DigitalOcean .01, Paperspace nothing.
// Lambda, RunPod, Nebius, Cudo, Fluidstack and machines of the user's own charge nothing by the byte.

#include "broker/egress.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>

namespace isobar::broker {

namespace {

constexpr double kTerabyte = 1024;  // in GB
constexpr double kUnbounded = std::numeric_limits<double>::infinity();

struct Tier {
  double up_to_gb;
  double price;  // $/GB
};

constexpr std::array kAws = {Tier{10 * kTerabyte, .09}, Tier{50 * kTerabyte, .085}, Tier{150 * kTerabyte, .07}, Tier{kUnbounded, .05}};
constexpr std::array kAzure = {Tier{10 * kTerabyte, .0875}, Tier{50 * kTerabyte, .083}, Tier{150 * kTerabyte, .07}, Tier{kUnbounded, .05}};
constexpr std::array kGcp = {Tier{1 * kTerabyte, .12}, Tier{10 * kTerabyte, .11}, Tier{kUnbounded, .08}};
constexpr std::array kOci = {Tier{10 * kTerabyte, 0}, Tier{kUnbounded, .0085}};
constexpr std::array kDigitalOcean = {Tier{kUnbounded, .01}};

std::span<const Tier> tiers_of(std::string_view cloud) {
  if (cloud == "aws") return kAws;
  if (cloud == "azure") return kAzure;
  if (cloud == "gcp") return kGcp;
  if (cloud == "oci") return kOci;
  if (cloud == "do") return kDigitalOcean;
  return {};
}

constexpr double kGigabitsPerSecond = 10;

}  // namespace

double egress_cost(std::string_view from, std::string_view to, double gigabytes) {
  if (from == to) return 0;
  double cost = 0, reached = 0;
  for (const Tier& tier : tiers_of(from)) {
    if (gigabytes <= reached) break;
    cost += (std::min(gigabytes, tier.up_to_gb) - reached) * tier.price;
    reached = tier.up_to_gb;
  }
  return cost;
}

Duration transfer_time(std::string_view from, std::string_view to, double gigabytes) {
  return from == to ? Duration::zero() : from_seconds(gigabytes * 8 / kGigabitsPerSecond);
}

}  // namespace isobar::broker
