#pragma once

/// Volumes on Kubernetes: a claim each, in a namespace of a context.

#include "cloud/volume.h"
#include "provider_inner.h"

namespace isobar::cloud {

class ClaimDriver final : public VolumeDriver {
 public:
  explicit ClaimDriver(KubernetesProvider::Inner& inner) : inner_(inner) {}

  Status check(const std::vector<VolumeUse>& uses, int nodes) const override;
  Result<Volume> plan(Volume wanted, Duration deadline) override;
  Status make(const Volume& volume, Duration deadline) override;
  Result<std::optional<VolumeState>> find(const Volume& volume, Duration deadline) override;
  Result<std::vector<std::string>> users(const Volume& volume, Duration deadline) override;
  Status remove(const Volume& volume, Duration deadline) override;

 private:
  Result<std::optional<boost::json::value>> claim_of(const Volume& volume, Duration deadline);
  Status check_class(KubeClient& client, const std::string& wanted, Duration deadline);
  Status ask_to_go(const Volume& volume, const boost::json::value& claim, Duration deadline);

  KubernetesProvider::Inner& inner_;
};

}  // namespace isobar::cloud
