#pragma once

/// Where gateways run, and how they are started: all that an overlay asks of whoever has machines. A broker that rents them stands
/// behind the same interface as the machines that a file names.

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace isobar::transfer {

/// A gateway's process somewhere, and its standard streams here.
class StartedGateway {
 public:
  virtual ~StartedGateway() = default;  ///< ends it, if it runs still
  Fd to, from;
};

class GatewayHost {
 public:
  virtual ~GatewayHost() = default;
  /// Starts `isobar-node gateway` on a machine of the region. Safe from any thread.
  /// gateway   its id, "REGION/NUMBER"
  /// Errors    kNotFound: there is no machine in the region; kUnavailable: it did not start
  virtual Result<std::unique_ptr<StartedGateway>> start(const std::string& region, const std::string& gateway) = 0;
  /// Where gateways of `from` reach those of `region`: numeric addresses, the best first.
  virtual std::vector<std::string> addresses(const std::string& region, const std::string& from) const = 0;
  /// Machines that a region has; 0: none.
  virtual int machines(const std::string& region) const = 0;
  /// Every region with machines.
  virtual std::vector<std::string> regions() const = 0;
};

}  // namespace isobar::transfer
