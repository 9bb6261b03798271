#pragma once

/// What the hosts of a pool turned out to be when they were last looked at: offers and plans are made from it without asking them.

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "cloud/host_messages.h"
#include "cloud/offer.h"
#include "pools_file.h"

namespace isobar::cloud {

struct KnownHost {
  SshTarget target;
  HostShare whole;
  std::string accelerator, architecture, hostname, address;
};

class PoolCache {
 public:
  explicit PoolCache(fs::path folder) : folder_(std::move(folder)) {}

  /// Hosts that were never up are not in it. None: the pool was not brought up.
  /// Errors   kDataLoss: the file is damaged; bringing the pool up makes it anew
  Result<std::optional<std::vector<KnownHost>>> read(const std::string& pool) const;
  Status write(const std::string& pool, const std::vector<KnownHost>& hosts) const;
  Status remove(const std::string& pool) const;

 private:
  fs::path file_of(const std::string& pool) const { return folder_ / (pool + ".json"); }
  fs::path folder_;
};

/// "16cpu-64gib" or "128cpu-1024gib-h100x8": hosts of one name are alike.
std::string type_of(const HostShare& whole, const std::string& accelerator);

/// What a pool has to give, one offer for each kind of host in it, at no price.
std::vector<Offer> offers_of(const std::string& pool, const std::vector<KnownHost>& hosts);

}  // namespace isobar::cloud
