#pragma once

/// For tests: a user of the driver.

#include "cloud/ec2_provider.h"
#include "cloud/machine_user.h"

namespace isobar::cloud::ec2 {

using cloud::RecordingSetup;
using cloud::ScratchHome;
using cloud::surroundings_with;

inline CreateOrder an_order(std::string cluster = "train", int count = 2) {
  CreateOrder order{.cluster = std::move(cluster), .token = "tok1"};
  order.offer = {.cloud = "aws", .region = "us-east-1", .zone = "use1-az2", .instance_type = "m6i.large", .vcpus = 2, .memory_gib = 8};
  order.count = count;
  order.disk_gb = 64;
  return order;
}

}  // namespace isobar::cloud::ec2
