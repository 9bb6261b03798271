#pragma once

/// One creation of a cluster on Slurm: asked for once by its token, then waited for as long as waiting helps.

#include <optional>
#include <string>

#include "provider_inner.h"
#include "slurm_offers.h"
#include "slurm_wishes.h"

namespace isobar::cloud {

class SlurmCreation {
 public:
  SlurmCreation(SlurmProvider::Inner& inner, const CreateOrder& order, Duration deadline)
      : inner_(inner), order_(order), region_(order.offer.region), end_(std::chrono::steady_clock::now() + deadline) {}

  /// All nodes run and their agents have answered, or why not.
  Status run();
  /// After a failure: as Slurm or this driver names it.
  const std::string& provider_code() const { return provider_code_; }

 private:
  Status plan();
  Status submit(const SlurmOffer& offer, const SlurmWishes& wishes);
  Status wait();
  /// Of one look: true once the cluster is whole.
  Result<bool> is_whole(const SlurmJobState& job, const SlurmSight& sight);
  Status refuse(std::string provider_code, Error error);
  JobTag tag() const { return {inner_.parts.owner, order_.cluster, order_.token}; }

  SlurmProvider::Inner& inner_;
  const CreateOrder& order_;
  std::string region_;
  std::chrono::steady_clock::time_point end_;
  SlurmEntry entry_;
  std::string provider_code_, waits_for_;
};

}  // namespace isobar::cloud
