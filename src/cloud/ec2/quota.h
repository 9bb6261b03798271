#pragma once

/// Which of an account's quotas a machine counts against. EC2 limits the vCPUs of running machines by family and by how they are
/// paid for; new accounts have none at all of the expensive ones, and a launch that must fail is better not begun. Pure.
/// Source   the Service Quotas console, service "ec2"

#include <optional>
#include <string>
#include <string_view>

namespace isobar::cloud::ec2 {

struct Quota {
  std::string_view code;  ///< "L-1216C47A"
  std::string_view name;  ///< "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"
};

/// None: no quota of vCPUs is known for the family ("mac2.metal").
std::optional<Quota> find_quota(std::string_view instance_type, bool spot);

}  // namespace isobar::cloud::ec2
