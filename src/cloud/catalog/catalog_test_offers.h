#pragma once

/// Offers for tests, with defaults that work.

#include "cloud/offer.h"

namespace isobar::cloud {

inline Offer an_offer(std::string cloud, std::string region, std::string zone, std::string type, double price, std::string accelerator = "",
                      double count = 0) {
  Offer offer;
  offer.cloud = std::move(cloud);
  offer.region = std::move(region);
  offer.zone = std::move(zone);
  offer.instance_type = std::move(type);
  offer.vcpus = 8;
  offer.memory_gib = 32;
  offer.accelerator = std::move(accelerator);
  offer.accelerator_count = count;
  offer.hourly_price = price;
  return offer;
}

}  // namespace isobar::cloud
