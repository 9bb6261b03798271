#pragma once

/// A small market, and requests, for tests.

#include <gtest/gtest.h>

#include "broker/candidates.h"

namespace isobar::broker {

/// One offer with the sizes of `cpus` and 4 GiB each.
struct OfferBuilder {
  cloud::Offer offer;
  OfferBuilder(std::string cloud, std::string region, std::string zone, std::string type, double cpus, double price) {
    offer.cloud = std::move(cloud);
    offer.region = std::move(region);
    offer.zone = std::move(zone);
    offer.instance_type = std::move(type);
    offer.vcpus = cpus;
    offer.memory_gib = 4 * cpus;
    offer.hourly_price = price;
  }
  OfferBuilder& memory(double gib) { return offer.memory_gib = gib, *this; }
  OfferBuilder& carrying(std::string accelerator, double count, double memory_gib = 0) {
    offer.accelerator = std::move(accelerator);
    offer.accelerator_count = count;
    offer.accelerator_memory_gib = memory_gib;
    return *this;
  }
  OfferBuilder& spot(double price) { return offer.hourly_spot_price = price, *this; }
  OfferBuilder& arm() { return offer.architecture = "arm64", *this; }
  OfferBuilder& disk(double gib) { return offer.local_disk_gib = gib, *this; }
  operator cloud::Offer() const { return offer; }
};

inline Market a_market(const std::vector<cloud::Offer>& offers) {
  Market market;
  EXPECT_TRUE(market.catalog.add(offers).ok());
  return market;
}

/// Four clouds with the habits that matter: AWS sells by region with zone ids, GCP by zone, Azure has no zones, Lambda no
/// spot machines.
inline Market the_market() {
  using O = OfferBuilder;
  return a_market({
      O("aws", "us-east-1", "use1-az1", "m6i.2xlarge", 8, 0.384).spot(0.19),
      O("aws", "us-east-1", "use1-az2", "m6i.2xlarge", 8, 0.384).spot(0.17),
      O("aws", "us-west-2", "usw2-az1", "m6i.2xlarge", 8, 0.390),
      O("aws", "us-east-1", "use1-az1", "m6i.4xlarge", 16, 0.768),
      O("aws", "us-east-1", "use1-az1", "m6g.2xlarge", 8, 0.308).arm(),
      O("aws", "us-east-1", "use1-az1", "t3.2xlarge", 8, 0.3328),
      O("aws", "us-east-1", "use1-az1", "c6i.2xlarge", 8, 0.34).memory(16),
      O("aws", "us-east-1", "use1-az1", "i3.2xlarge", 8, 0.624).disk(1769),
      O("aws", "us-east-1", "use1-az1", "p4d.24xlarge", 96, 32.7726).memory(1152).carrying("A100", 8, 40),
      O("aws", "us-east-1", "use1-az1", "g4dn.xlarge", 4, 0.526).carrying("T4", 1, 16),
      O("azure", "eastus", "", "Standard_D8s_v5", 8, 0.384),
      O("azure", "eastus", "", "Standard_NC24ads_A100_v4", 24, 3.673).memory(220).carrying("A100-80GB", 1, 80),
      O("gcp", "us-central1", "us-central1-a", "n2-standard-8", 8, 0.3885).spot(0.094),
      O("gcp", "us-central1", "us-central1-b", "n2-standard-8", 8, 0.3885).spot(0.096),
      O("gcp", "us-central1", "us-central1-a", "a2-highgpu-1g", 12, 3.67).memory(85).carrying("A100", 1, 40),
      O("gcp", "us-central1", "us-central1-a", "a2-highgpu-2g", 24, 7.35).memory(170).carrying("A100", 2, 40),
      O("lambda", "us-west-2", "", "cpu_4x_general", 4, 0.20),
      O("lambda", "us-west-2", "", "gpu_1x_a100", 30, 1.99).memory(200).carrying("A100", 1, 40),
  });
}

inline ResourceRequest a_gpu_request(std::string name, double count) {
  ResourceRequest request;
  request.accelerator = AcceleratorRequest{std::move(name), count, {}};
  return request;
}

inline ResourceChoice only(ResourceRequest request) { return {{std::move(request)}, Preference::kAny}; }

/// "aws/us-east-1/use1-az1 m6i.2xlarge 0.17"
inline std::string show(const Candidate& c) {
  return std::string(c.shape->cloud) + "/" + std::string(c.region) + (c.zone.empty() ? "" : "/" + std::string(c.zone)) + " " +
         std::string(c.shape->instance_type) + (c.use_spot ? " spot" : "");
}

inline std::vector<std::string> show(const Result<Candidates>& candidates) {
  std::vector<std::string> names;
  EXPECT_TRUE(candidates.ok()) << (candidates.ok() ? "" : candidates.error().message());
  if (candidates.ok())
    for (const Candidate& c : candidates->ranked) names.push_back(show(c));
  return names;
}

}  // namespace isobar::broker
