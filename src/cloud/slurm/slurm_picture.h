#pragma once

/// What a Slurm cluster was when it was last looked at: plans are made from it without asking, and `isobar check` shows it.

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/time.h"
#include "cloud/offer.h"
#include "slurm_inventory.h"

namespace isobar::cloud {

struct SlurmPicture {
  Instant at;
  std::string problem;  ///< why it could not be looked at; the rest is then as it was before that
  std::string version;
  std::vector<std::string> partitions;  ///< a sentence on each
  std::vector<Offer> offers;
};

/// "partition gpu: 1 of 1 nodes free" for each.
SlurmPicture picture_of(const std::string& cluster, const SlurmInventory& inventory, Instant at);

class SlurmPictures {
 public:
  explicit SlurmPictures(fs::path folder) : folder_(std::move(folder)) {}
  /// None: it was never looked at, or what was noted cannot be read.
  std::optional<SlurmPicture> find(const std::string& cluster) const;
  Status put(const std::string& cluster, const SlurmPicture& picture) const;

 private:
  fs::path file_of(const std::string& cluster) const { return folder_ / (cluster + ".json"); }
  fs::path folder_;
};

}  // namespace isobar::cloud
