#include "cloud_facts.h"

#include <algorithm>
#include <array>

namespace isobar::broker {

namespace {

constexpr std::array kFacts = {
    CloudFacts{.name = "aws", .shown_as = "AWS", .disk_tiers = true, .fast_network = true},
    CloudFacts{.name = "azure", .shown_as = "Azure", .disk_tiers = true, .fast_network = true},
    CloudFacts{.name = "cudo", .shown_as = "Cudo", .default_memory_per_vcpu = 2},
    CloudFacts{.name = "do", .shown_as = "DO"},
    CloudFacts{.name = "fluidstack", .shown_as = "Fluidstack", .ports = false},
    CloudFacts{.name = "gcp", .shown_as = "GCP", .placed_by_zone = true, .disk_tiers = true, .fast_network = true},
    CloudFacts{.name = "hyperbolic", .shown_as = "Hyperbolic"},
    CloudFacts{.name = "ibm", .shown_as = "IBM"},
    CloudFacts{.name = "kubernetes", .shown_as = "Kubernetes", .fast_network = true, .standing = true},
    CloudFacts{.name = "lambda", .shown_as = "Lambda"},
    CloudFacts{.name = "local", .shown_as = "Local", .standing = true},
    CloudFacts{.name = "nebius", .shown_as = "Nebius", .disk_tiers = true, .fast_network = true},
    CloudFacts{.name = "oci", .shown_as = "OCI", .disk_tiers = true, .fast_network = true},
    CloudFacts{.name = "openstack", .shown_as = "OpenStack", .placed_by_zone = true},
    CloudFacts{.name = "paperspace", .shown_as = "Paperspace"},
    CloudFacts{.name = "primeintellect", .shown_as = "PrimeIntellect", .ports = false},
    CloudFacts{.name = "runpod", .shown_as = "RunPod"},
    CloudFacts{.name = "scp", .shown_as = "SCP"},
    CloudFacts{.name = "slurm", .shown_as = "Slurm", .fast_network = true, .standing = true},
    CloudFacts{.name = "ssh", .shown_as = "SSH", .standing = true},
    CloudFacts{.name = "vast", .shown_as = "Vast"},
    CloudFacts{.name = "vsphere", .shown_as = "vSphere"},
};

}  // namespace

CloudFacts facts_of(std::string_view cloud) {
  const auto row = std::find_if(kFacts.begin(), kFacts.end(), [&](const CloudFacts& facts) { return facts.name == cloud; });
  return row == kFacts.end() ? CloudFacts{.name = cloud, .shown_as = cloud} : *row;
}

bool is_burstable(std::string_view cloud, std::string_view instance_type) {
  if (cloud == "aws")
    return instance_type.starts_with("t2.") || instance_type.starts_with("t3.") || instance_type.starts_with("t3a.") ||
           instance_type.starts_with("t4g.") || instance_type.starts_with("t1.");
  if (cloud == "azure") return instance_type.starts_with("Standard_B") || instance_type.starts_with("Basic_");
  if (cloud == "gcp")
    return instance_type == "f1-micro" || instance_type == "g1-small" || instance_type == "e2-micro" || instance_type == "e2-small" ||
           instance_type == "e2-medium";
  return false;
}

}  // namespace isobar::broker
