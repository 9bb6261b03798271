#pragma once

/// Where gateways run, and how they are started: all that an overlay asks of whoever has machines. A broker that rents them stands
/// behind the same interface as the machines that a file names.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
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

/// A gateway's id, "REGION/NUMBER", taken apart. Where there is no number it is 0.
struct GatewayId {
  std::string region;
  std::size_t number = 0;
};
GatewayId parse_gateway_id(std::string_view id);

class GatewayHost {
 public:
  virtual ~GatewayHost() = default;
  /// Starts `isobar-node gateway` on a machine of the region. Safe from any thread.
  /// gateway   its id, "REGION/NUMBER"
  /// Errors    kNotFound: there is no machine in the region; kUnavailable: it did not start
  virtual Result<std::unique_ptr<StartedGateway>> start(const std::string& region, const std::string& gateway) = 0;
  /// Where gateways of `from` reach gateway `number` of `region`: a numeric address, of the machine on which `start` starts that one.
  /// None: they cannot, or there is no machine.
  virtual std::optional<std::string> address(const std::string& region, std::size_t number, const std::string& from) const = 0;
  /// Machines that a region has; 0: none.
  virtual int machines(const std::string& region) const = 0;
  /// Every region with machines.
  virtual std::vector<std::string> regions() const = 0;
};

}  // namespace isobar::transfer
