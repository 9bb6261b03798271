#pragma once

/// This machine as a cloud: an instance is a folder with a home, and a process tree kept apart from the rest of the
/// machine as far as the kernel permits. Everything a cluster is lies below one root folder, so a provider keeps no
/// state of its own, and any process may construct one for the same root.

#include <filesystem>

#include "base/log.h"
#include "cloud/provider.h"

namespace isobar::cloud {

class LocalProvider final : public Provider {
 public:
  /// root          instances live in `<root>/<cluster>/<rank>`; made when the first one is
  /// node_program  path of isobar-node
  LocalProvider(const std::filesystem::path& root, const std::filesystem::path& node_program, Log& log);

  std::string name() const override { return "local"; }
  Status check() override;
  std::vector<std::string> facts() override;
  std::vector<Offer> own_offers() override;
  CreateOutcome create(const CreateOrder& order, Duration deadline) override;
  Result<std::vector<Instance>> list(const std::string& cluster) override;
  Result<std::vector<std::string>> clusters() override;
  Status stop(const std::string& cluster, Duration deadline) override;
  Result<std::vector<Instance>> start(const std::string& cluster, Duration deadline) override;
  Status terminate(const std::string& cluster, Duration deadline) override;

 private:
  std::filesystem::path root_, node_program_;
  Log& log_;
};

}  // namespace isobar::cloud
