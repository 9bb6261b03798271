#pragma once

/// Amazon EC2 as a provider: see machine_provider.h for what it promises.

#include <functional>
#include <string>

#include "cloud/machine_provider.h"
#include "net/http.h"
#include "storage/surroundings.h"

namespace isobar::cloud {

struct Ec2Settings {
  fs::path home;        ///< isobar's: holds ssh/id_ed25519, our key, and aws/regions, where something of ours may be
  std::string owner;    ///< whose clusters these are; what others made in the same account is never listed and never touched
  std::string profile;  ///< of ~/.aws; empty: AWS_PROFILE, else "default"
  std::string image;    ///< an alias ("ubuntu-24.04", "debian-12", "amazon-linux-2023", …) or "ami-…"; empty: what suits the machine
  std::string disk_type = "gp3";  ///< of root disks
};

class Ec2Provider final : public MachineProvider {
 public:
  struct Parts {
    Ec2Settings settings;
    /// Where credentials, the region and the endpoints are looked for, when they are first needed.
    storage::Surroundings surroundings;
    net::HttpTransport& transport;
    const Clock& clock;
    Log& log;
    NodeSetup& setup;
    std::function<void(Duration)> sleep;  ///< how pauses are made; none: by sleeping
  };
  /// The references in `parts` must outlive the provider.
  explicit Ec2Provider(Parts parts);
};

}  // namespace isobar::cloud
