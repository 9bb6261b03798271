#pragma once

/// A Kubernetes cluster as a child process (cluster.py) that ends with the test, or with this process.

#include <memory>
#include <string>

#include "base/file.h"

namespace isobar::clouds {

class KubernetesForTests {
 public:
  /// binaries   a folder with the real control plane; empty: imitated
  /// Errors     kUnavailable: why it cannot be had here, in one line
  static Result<std::unique_ptr<KubernetesForTests>> start(const std::string& binaries);
  /// ISOBAR_KUBERNETES, else where PATH has kube-apiserver; empty: nowhere.
  static std::string binaries();

  KubernetesForTests(const KubernetesForTests&) = delete;
  ~KubernetesForTests();

  const fs::path& folder() const { return folder_; }
  /// The file of its network.
  const std::string& network() const { return network_; }
  /// See cluster.py; what it answers. The test fails where it cannot be done.
  std::string tell(const std::string& command);

 private:
  KubernetesForTests() = default;
  std::string read_line() const;

  Fd wishes_, answers_;
  pid_t pid_ = -1;
  fs::path folder_;
  std::string network_;
};

}  // namespace isobar::clouds
