#pragma once

/// `ssh CLUSTER`: for each node that is reached by SSH an entry in a file of ours, which ~/.ssh/config includes.

#include <string>
#include <vector>

#include "base/file.h"
#include "cloud/provider.h"

namespace isobar::app {

class SshEntries {
 public:
  /// folder        of ours: a file for each cluster
  /// user_config   ~/.ssh/config; one line that includes the folder is put at its top when the first entry is made
  SshEntries(fs::path folder, fs::path user_config) : folder_(std::move(folder)), user_config_(std::move(user_config)) {}

  /// The head is `Host CLUSTER`, the others `Host CLUSTER-worker1` …. Nodes that are not reached by SSH have none.
  /// resolved   what `ssh -G` says of each node's machine, in the order of the instances: its own entry's options, which a name that
  ///            stands for it would not take over
  Status write(const std::string& cluster, const std::vector<cloud::Instance>& instances, const std::vector<std::string>& resolved) const;
  Status remove(const std::string& cluster) const;

 private:
  Status include() const;
  fs::path folder_, user_config_;
};

/// The entry of one node. Pure.
std::string ssh_entry(const std::string& name, const cloud::SshTarget& target, std::string_view resolved);

}  // namespace isobar::app
