#pragma once

/// Amazon EC2 as a provider. All that a cluster is, its machines carry as tags, so that a provider keeps no state but the list of
/// regions in which something may be, and any process may construct one for the same home.

#include <functional>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/time.h"
#include "cloud/node_setup.h"
#include "cloud/provider.h"
#include "net/http.h"
#include "storage/surroundings.h"

namespace isobar::cloud {

namespace ec2 {
struct Account;
}

struct Ec2Settings {
  fs::path home;        ///< isobar's: holds ssh/id_ed25519, our key, and aws/regions, where something of ours may be
  std::string owner;    ///< whose clusters these are; what others made in the same account is never listed and never touched
  std::string profile;  ///< of ~/.aws; empty: AWS_PROFILE, else "default"
  std::string image;    ///< an alias ("ubuntu-24.04", "debian-12", "amazon-linux-2023", …) or "ami-…"; empty: what suits the machine
  std::string disk_type = "gp3";  ///< of root disks
};

class Ec2Provider final : public Provider {
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
  ~Ec2Provider() override;

  std::string name() const override { return "aws"; }
  /// Credentials are found and AWS knows them: one request.
  Status check() override;
  std::vector<std::string> facts() override;
  /// Each rank is a call of its own, with its rank and all other tags in the call itself: nothing ever exists without a tag, and what
  /// was made is known exactly when some are refused. Repeated with the same token it adopts what is there. After a failure nothing
  /// that this token made is left, or the error says that it could not be removed.
  CreateOutcome create(const CreateOrder& order, Duration deadline) override;
  Result<std::vector<Instance>> list(const std::string& cluster) override;
  Result<std::vector<std::string>> clusters() override;
  /// Errors   kInvalidArgument: spot machines, which EC2 cannot stop
  Status stop(const std::string& cluster, Duration deadline) override;
  /// In the same place with the same disks, or not at all: never makes a machine.
  /// Errors   kNotFound: none of the cluster is there, or a node is missing; kExhausted: its zone has no room now
  Result<std::vector<Instance>> start(const std::string& cluster, Duration deadline) override;
  Status terminate(const std::string& cluster, Duration deadline) override;
  Result<std::optional<Fd>> open_agent(const Instance& instance, Duration deadline) override;

 private:
  Result<std::shared_ptr<ec2::Account>> account();

  Parts parts_;
  Mutex mutex_;
  std::shared_ptr<ec2::Account> account_ GUARDED_BY(mutex_);
};

}  // namespace isobar::cloud
