#pragma once

/// Ports of a cluster that are open to the world: a security group of the cluster's own, in which its machines are beside the one that all
/// share. It is found by its tags, so that whatever a crash left of it is found again.

#include <set>
#include <string>
#include <vector>

#include "cloud/cloud_machine.h"
#include "region_api.h"

namespace isobar::cloud::ec2 {

/// Has the group with these ports, and the cluster's machines in it. What is open stays open.
/// machines   of one cluster
Answer<Nothing> open_ports(RegionApi& api, const std::vector<CloudMachine>& machines, const Ports& ports);

/// Takes the machines out of the cluster's group and deletes it. One that a machine which ends just now holds on to is left, for
/// `clusters_with_groups`.
Answer<Nothing> close_ports(RegionApi& api, const std::string& owner, const std::string& cluster);

/// The clusters of an owner that have such a group.
Answer<std::set<std::string>> clusters_with_groups(RegionApi& api, const std::string& owner);

}  // namespace isobar::cloud::ec2
