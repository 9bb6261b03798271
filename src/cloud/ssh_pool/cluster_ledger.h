#pragma once

/// Which hosts carry which cluster. It is on disk before a host is told anything, so that whatever a crash left on a host is found.
///
///   <folder>/clusters/<cluster>.json   as it was last created
///   <folder>/owed/<token>….json        given up by its user while a host did not answer: its nodes are ended when it does

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "cloud/host_messages.h"
#include "cloud/remote_shell.h"

namespace isobar::cloud {

struct LedgerNode {
  int rank = 0;
  SshTarget target;
  std::string address;      ///< where the others reach it
  std::string agent_token;  ///< by which they are let in
};

struct LedgerEntry {
  std::string cluster, token, pool, user;
  HostShare share;
  std::vector<LedgerNode> nodes;  ///< in rank order
};

class ClusterLedger {
 public:
  explicit ClusterLedger(fs::path folder) : folder_(std::move(folder)) {}

  /// None: there is no such cluster.
  Result<std::optional<LedgerEntry>> find(const std::string& cluster) const;
  /// On disk when this returns.
  Status put(const LedgerEntry& entry) const;
  Status remove(const std::string& cluster) const;
  std::vector<std::string> clusters() const;

  Status owe(const LedgerEntry& entry) const;
  std::vector<LedgerEntry> owed() const;
  Status settle(const LedgerEntry& entry) const;

 private:
  fs::path owed_file_of(const LedgerEntry& entry) const;
  fs::path file_of(const std::string& cluster) const { return folder_ / "clusters" / (cluster + ".json"); }
  fs::path folder_;
};

}  // namespace isobar::cloud
