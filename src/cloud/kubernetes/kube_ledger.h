#pragma once

/// Which of isobar's clusters are in which context. It is on disk before anything is made there, so that whatever a crash left is found.
/// What a cluster is made of its pods say themselves.
///
///   <folder>/clusters/<cluster>.json   as it was last created
///   <folder>/used/<hash>.json          a context and namespace in which something of ours may be

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"

namespace isobar::cloud {

struct KubePlace {
  std::string context, name_space;
  friend auto operator<=>(const KubePlace&, const KubePlace&) = default;
};

struct KubeEntry {
  std::string cluster, token;
  KubePlace place;
  int nodes = 1;
  bool made = false;                         ///< all its agents have answered once
  std::vector<std::string> agent_addresses;  ///< in the pods, by rank
  std::string ended;                         ///< what became of it, once its pods are gone
  bool ports_at_pod = false;                 ///< its ports are reached at its pods, and not through a Service
};

class KubeLedger {
 public:
  explicit KubeLedger(fs::path folder) : folder_(std::move(folder)) {}

  /// None: there is no such cluster.
  Result<std::optional<KubeEntry>> find(const std::string& cluster) const;
  /// On disk when this returns.
  Status put(const KubeEntry& entry) const;
  Status remove(const std::string& cluster) const;
  std::vector<std::string> clusters() const;
  std::vector<KubePlace> used() const;

 private:
  fs::path file_of(const std::string& cluster) const { return folder_ / "clusters" / (cluster + ".json"); }
  fs::path folder_;
};

/// A file's name for a text that may hold anything.
std::string file_name_for(const std::string& text);

}  // namespace isobar::cloud
