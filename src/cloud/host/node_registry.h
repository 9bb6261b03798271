#pragma once

/// The nodes of a machine, and who holds how much of it. One folder a node, with a record that is on disk before anything of the
/// node is: what a crash leaves behind is found, and can be gone on with or undone.
///
///   <folder>/lock                                 held while nodes are given room or it is taken back
///   <folder>/<owner>.<cluster>.<rank>/node.json   who it belongs to and what it takes
///   <folder>/<owner>.<cluster>.<rank>/…           the instance (cloud/instance_folder.h)

#include <optional>
#include <vector>

#include "cloud/host_messages.h"
#include "cloud/instance_folder.h"

namespace isobar::cloud {

struct NodeRecord {
  std::string owner, cluster, token;
  int rank = 0;
  HostShare share;
  std::vector<int> devices;
  std::string address;
};

class NodeRegistry {
 public:
  /// Made and locked against every other process.
  /// Errors   kDeadlineExceeded: another process works on it
  static Result<NodeRegistry> open(const fs::path& folder, Duration deadline);

  std::vector<NodeRecord> nodes() const { return nodes_in(folder_); }
  /// The same for whoever only watches: without the lock, so what another process is at may be missing.
  static std::vector<NodeRecord> nodes_in(const fs::path& folder);
  InstanceFolder instance(const NodeRecord& record) const { return instance_in(folder_, record); }
  static InstanceFolder instance_in(const fs::path& folder, const NodeRecord& record);
  Result<NodeRecord> find(const std::string& owner, const std::string& cluster, int rank) const;
  /// The record is on disk when this returns.
  Status put(const NodeRecord& record) const;
  /// What of `whole` nobody holds. Nodes that are off hold nothing.
  HostShare free_of(const HostShare& whole) const;
  /// The lowest devices that nobody holds. count  free_of has said that there are so many
  std::vector<int> free_devices(int all, int count) const;

 private:
  NodeRegistry(fs::path folder, Fd lock) : folder_(std::move(folder)), lock_(std::move(lock)) {}
  fs::path folder_;
  Fd lock_;
};

/// Errors   kInvalidArgument: it would name a folder elsewhere
Status check_node_name(const std::string& owner, const std::string& cluster);

}  // namespace isobar::cloud
