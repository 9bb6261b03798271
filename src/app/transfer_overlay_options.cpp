#include "transfer_overlay_options.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "transfer/gateway_sites.h"
#include "transfer/rate.h"
#include "transfer/scenario.h"

namespace isobar::app {

void add_overlay_options(CLI::App& command, OverlayOptions& options) {
  const auto add = [&](const std::string& name, auto& into, const std::string& text) {
    return command.add_option(name, into, text)->group("Over gateways");
  };
  add("--sites", options.sites,
      "File of the machines on which gateways may run: docs/formats/sites.md. In an emulated network: its regions.");
  add("--from", options.source, "The region that SRC is in.");
  add("--to", options.destinations, "The region that DST is in; once for each DST.")->allow_extra_args(false);
  add("--grid", options.grid, "Measured throughput: 2022-11, 2022-01, or a CSV file.");
  add("--deadline", options.deadline, "Cheapest plan that is done by then: 2h.");
  add("--max-cost", options.usd_max, "Fastest plan for this many dollars.")->check(CLI::PositiveNumber);
  add("--throughput", options.throughput, "Cheapest plan of at least this rate: 20Gbit.");
  add("--expect", options.expected, "Plan for this many bytes instead of counting them first.");
  add("--network", options.network, "premium or standard tier of GCP.")->check(CLI::IsMember({"premium", "standard"}));
  add("--programs", options.programs, "What each gateway does, instead of a plan: docs/formats/gateway-program.md.");
  add("--gateway-memory", options.memory, "Memory of each gateway for data on its way (1GiB).");
  add("--connections", options.connections, "Connections between two gateways, at most (64).")->check(CLI::Range(1, 64));
  command.add_flag("--direct", options.direct, "From source to destination without relays.")->group("Over gateways");
  command.add_flag("--shared-links", options.shared_links, "The grid's rates are of whole links, however many machines use them.")
      ->group("Over gateways");
}

void add_compression_option(CLI::App& command, OverlayOptions& options) {
  command
      .add_option(
          "--compress", options.compression,
          "How data is packed between gateways: auto (which is what shrinks, as long as the network is not kept waiting), zstd or lz4 "
          "(though it is kept waiting), off.")
      ->check(CLI::IsMember({"auto", "zstd", "lz4", "off"}))
      ->group("Over gateways");
}

namespace {

transfer::Compression compression_of(const std::string& words) {
  if (words == "off") return transfer::Compression::kOff;
  if (words == "zstd") return transfer::Compression::kZstd;
  return words == "lz4" ? transfer::Compression::kLz4 : transfer::Compression::kAuto;
}

struct Network {
  std::vector<transfer::GatewaySite> sites;
  std::optional<transfer::Scenario> scenario;
};

Result<Network> open_network(const Context& context, const OverlayOptions& options) {
  Network network;
  if (!options.sites.empty()) {
    TRY_ASSIGN(const std::string text, read_file(options.sites).context("--sites"));
    TRY_ASSIGN(network.sites, transfer::parse_sites(text, options.sites));
    return network;
  }
  const auto emulated = context.environment().find("ISOBAR_NETEM");
  if (emulated == context.environment().end()) return invalid("gateways need machines to run on; name them with --sites FILE");
  TRY_ASSIGN(const std::string text, read_file(emulated->second).context("ISOBAR_NETEM"));
  std::string name;
  TRY_ASSIGN(network.sites, transfer::parse_testbed_sites(text, name));
  TRY_ASSIGN(network.scenario, transfer::open_scenario(name));
  return network;
}

// "a" is "netem:a" in an emulated network.
std::string full_region(const std::string& words, const Network& network) {
  return network.scenario && words.find(':') == std::string::npos ? "netem:" + words : words;
}

}  // namespace

Result<transfer::Grid> open_grid(const std::string& name, transfer::NetworkTier tier) {
  const bool standard = tier == transfer::NetworkTier::kStandard;
  if (name.empty()) return transfer::builtin_grid(standard ? "2022-01" : transfer::kDefaultGrid, tier);
  const auto names = transfer::builtin_grid_names();
  if (std::find(names.begin(), names.end(), name) != names.end()) return transfer::builtin_grid(name, tier);
  TRY_ASSIGN(const std::string text, read_file(name).context("--grid"));
  return transfer::parse_grid(text, name);
}

Result<OverlayMeans> overlay_means(const Context& context, const OverlayOptions& options, ByteCount bytes) {
  if (options.source.empty()) return invalid("--from: name the region that SRC is in");
  if (options.destinations.empty()) return invalid("--to: name the region that DST is in");
  TRY_ASSIGN(const Network network, open_network(context, options));
  OverlayMeans means;
  auto& plan = means.request.plan;
  plan.tier = options.network == "standard" ? transfer::NetworkTier::kStandard : transfer::NetworkTier::kPremium;
  if (network.scenario && options.grid.empty()) {
    means.request.grid = transfer::scenario_grid(*network.scenario);
    means.request.prices = transfer::scenario_prices(*network.scenario);
    plan.vm_start = {};
    plan.links_are_shared = true;
  } else {
    TRY_ASSIGN(means.request.grid, open_grid(options.grid, plan.tier));
    means.request.prices = transfer::PriceBook::builtin();
    plan.links_are_shared = options.shared_links;
  }
  const auto resolve = [&](const std::string& words) -> Result<std::string> {
    // Programs of the user's own need no grid, and so no region of one.
    if (!options.programs.empty()) return full_region(words, network);
    TRY_ASSIGN(const auto index, transfer::resolve_region(means.request.grid, full_region(words, network)));
    return means.request.grid.regions[index];
  };
  TRY_ASSIGN(plan.source, resolve(options.source));
  for (const auto& words : options.destinations) {
    TRY_ASSIGN(std::string region, resolve(words));
    means.request.fleet.target_regions.push_back(region);
    if (std::find(plan.destinations.begin(), plan.destinations.end(), region) == plan.destinations.end())
      plan.destinations.push_back(std::move(region));
  }
  plan.bytes = bytes.value > 0 ? bytes : ByteCount{1};
  if (!options.deadline.empty()) {
    TRY_ASSIGN(plan.deadline, parse_duration(options.deadline).context("--deadline"));
  }
  if (!options.throughput.empty()) {
    TRY_ASSIGN(plan.gbps_least, transfer::parse_gbps(options.throughput).context("--throughput"));
  }
  if (options.usd_max > 0) plan.usd_max = options.usd_max;
  if (!options.programs.empty()) {
    TRY_ASSIGN(const std::string text, read_file(options.programs).context("--programs"));
    TRY_ASSIGN(means.request.programs, transfer::parse_programs(text).context(options.programs));
  }
  TRY_ASSIGN(const ByteCount memory, parse_bytes(options.memory).context("--gateway-memory"));
  if (memory.value < 16 * kMiB) return invalid("--gateway-memory must be at least 16MiB");
  means.request.fleet.memory_bytes = memory.value;
  means.request.fleet.compression = compression_of(options.compression);
  means.request.connections_most = options.connections;
  means.request.direct = options.direct;
  means.host = transfer::make_site_host(network.sites, node_program());
  return means;
}

Result<std::unique_ptr<transfer::GatewayHost>> overlay_host(const Context& context, const OverlayOptions& options) {
  TRY_ASSIGN(const Network network, open_network(context, options));
  return transfer::make_site_host(network.sites, node_program());
}

transfer::GatewayStore gateway_store(const storage::Store& store, const StoreOptions& options, bool as_target) {
  transfer::GatewayStore made;
  const auto location = store.location();
  const bool local = location.kind == storage::Kind::kLocal;
  made.location = local ? fs::absolute(location.key).lexically_normal().string() : location.text();
  const auto chosen = [&](const std::string& target, const std::string& source) { return as_target && !target.empty() ? target : source; };
  made.endpoint = chosen(options.target_endpoint, options.endpoint);
  made.region = chosen(options.target_region, options.region);
  made.profile = chosen(options.target_profile, options.profile);
  made.encryption = options.encryption;
  made.kms_key = options.kms_key;
  made.acl = options.acl;
  made.anonymous = options.anonymous;
  made.requester_pays = options.requester_pays;
  made.keep_mode = options.keep_mode;
  made.symlinks = options.symlinks == "follow" ? 1 : options.symlinks == "store" ? 2 : 0;
  return made;
}

}  // namespace isobar::app
