#pragma once

// What commands that move data over gateways have in common: where the gateways run, and what the plan is to heed.

#include <memory>
#include <string>
#include <vector>

#include "context.h"
#include "transfer/gateway_host.h"
#include "transfer/overlay_network.h"
#include "transfer_ends.h"

namespace CLI {
class App;
}

namespace isobar::app {

struct OverlayOptions {
  std::string sites, source;
  std::vector<std::string> destinations;
  std::string grid, deadline, throughput, network = "premium", expected, programs, memory = "1GiB";
  std::string compression;  ///< of those that copy
  double usd_max = 0;
  int connections = 64;
  bool direct = false, shared_links = false;
  /// Whether gateways were asked for.
  bool wanted() const { return !source.empty() || !sites.empty() || !destinations.empty(); }
  /// Whether nothing was said that needs gateways, but regions, and what prices depend on.
  bool names_regions_alone() const {
    return sites.empty() && !direct && !shared_links && usd_max <= 0 && deadline.empty() && throughput.empty() && expected.empty() &&
           programs.empty();
  }
  /// Whether something was said that has a meaning only with gateways.
  bool mentioned() const {
    return wanted() || direct || shared_links || usd_max > 0 || !grid.empty() || !deadline.empty() || !throughput.empty() ||
           !expected.empty() || !programs.empty() || !compression.empty();
  }
};

void add_overlay_options(CLI::App& command, OverlayOptions& options);
/// For commands whose bytes are not made up.
void add_compression_option(CLI::App& command, OverlayOptions& options);

struct OverlayMeans {
  std::unique_ptr<transfer::GatewayHost> host;
  transfer::OverlayRequest request;  ///< the fleet's stores are not filled in
};

/// bytes    to plan for
/// Errors   kInvalidArgument, kNotFound: an option, a file or a region
Result<OverlayMeans> overlay_means(const Context& context, const OverlayOptions& options, ByteCount bytes);

/// The machines alone.
Result<std::unique_ptr<transfer::GatewayHost>> overlay_host(const Context& context, const OverlayOptions& options);

/// A store as a gateway reaches it.
transfer::GatewayStore gateway_store(const storage::Store& store, const StoreOptions& options, bool as_target);

/// A built-in grid by its name, else a file.
Result<transfer::Grid> open_grid(const std::string& name, transfer::NetworkTier tier);

}  // namespace isobar::app
