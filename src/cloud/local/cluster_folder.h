#pragma once

/// A cluster on disk: `<root>/<cluster>/cluster.json` is written before anything else of it exists, in one step, and from
/// it everything else follows. So a creation that was cut short anywhere is found, and can be gone on with or undone.

#include <optional>
#include <string>
#include <vector>

#include "cloud/instance_folder.h"
#include "cloud/provider.h"

namespace isobar::cloud {

struct ClusterPlan {
  std::string cluster;
  std::string token;  ///< of the order
  Offer offer;
  struct Node {
    std::string address;
    std::string token;  ///< of its agent
  };
  std::vector<Node> nodes;  ///< in rank order
};

class ClusterFolder {
 public:
  /// The folder, locked against every other process; made when `make` says so.
  /// Errors   kNotFound: there is none; kDeadlineExceeded: another process holds it
  static Result<ClusterFolder> lock(const fs::path& root, const std::string& cluster, Duration deadline, bool make = false);

  /// None: a creation was cut short before anything was planned.
  static Result<std::optional<ClusterPlan>> read_plan(const fs::path& root, const std::string& cluster);
  Status write_plan(const ClusterPlan& plan) const;
  InstanceFolder instance(int rank) const { return InstanceFolder(path_ / std::to_string(rank)); }
  /// Makes the instance's folder from the plan, if it is not there. It is off then.
  Status make_instance(const ClusterPlan& plan, int rank) const;
  Status remove() const;

 private:
  ClusterFolder(fs::path path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  fs::path path_;
  Fd lock_;
};

/// Addresses in 127/8 that no cluster below `root` has. Roots begin at different places, so that two seldom meet.
Result<std::vector<std::string>> free_addresses(const fs::path& root, int count);

}  // namespace isobar::cloud
