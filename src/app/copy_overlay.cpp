#include "copy_overlay.h"

#include <fmt/format.h>

#include "copy_sources.h"
#include "transfer/plan_report.h"

namespace isobar::app {

namespace {

// How many bytes the sources hold, by listing them once before they are listed to be copied.
Result<ByteCount> count_bytes(StoreOpener& opener, CopyOptions& options) {
  TRY_ASSIGN(auto jobs, options.from_list.empty() ? plan_copies(opener, options) : plan_list(opener, options));
  ByteCount bytes;
  for (auto& job : jobs)
    for (;;) {
      TRY_ASSIGN(const auto item, job.items->next());
      if (!item) break;
      bytes.value += item->source.bytes;
    }
  return bytes;
}

}  // namespace

Result<std::optional<OverlayMeans>> means_for(const Context& context, StoreOpener& opener, CopyOptions& options) {
  // Regions are named without machines to learn what the direct copy costs.
  if (options.dry_run && options.overlay.names_regions_alone() && !context.environment().contains("ISOBAR_NETEM"))
    return std::optional<OverlayMeans>();
  if (!options.overlay.wanted() && options.overlay.mentioned())
    return invalid(fmt::format("{} by gateways only: say between which regions with --from and --to, and where they run with --sites",
                               options.overlay.compression.empty() ? "plans are followed" : "data is packed (--compress)"));
  if (!options.overlay.wanted()) return std::optional<OverlayMeans>();
  ByteCount bytes;
  if (!options.overlay.expected.empty()) {
    TRY_ASSIGN(bytes, parse_bytes(options.overlay.expected).context("--expect"));
  } else if (options.places.size() >= 2 || !options.from_list.empty()) {
    TRY_ASSIGN(bytes, count_bytes(opener, options));
  }
  TRY_ASSIGN(auto means, overlay_means(context, options.overlay, bytes));
  return std::optional<OverlayMeans>(std::move(means));
}

Status tell_price(const Context& context, const OverlayMeans& means) {
  if (means.request.programs) return {};
  TRY_ASSIGN(const auto report, transfer::OverlayNetwork::plan(*means.host, means.request));
  context.console().say(transfer::render_plan(report));
  return {};
}

Result<std::unique_ptr<transfer::OverlayNetwork>> start_overlay(const CopyOptions& options, const Job& job, OverlayMeans& means,
                                                                transfer::CopyPlan& plan) {
  auto& fleet = means.request.fleet;
  if (fleet.target_regions.size() != job.targets.size())
    return invalid(fmt::format("there are {} DSTs and {} --to; name the region of each", job.targets.size(), fleet.target_regions.size()));
  fleet.source = gateway_store(*job.source, options.stores, false);
  for (const auto& target : job.targets) fleet.targets.push_back(gateway_store(*target, options.stores, true));
  fleet.chunk_bytes_most = plan.part_bytes;
  fleet.store_calls_most = options.stores.parallel;
  // Chunks wait in the source's gateways, and their sinks' stores are far away: more have to be under way than from here.
  plan.server_side = false;
  plan.source_calls_most = plan.target_calls_most = 16'384;
  plan.calls_first = 512;
  TRY_ASSIGN(auto network, transfer::OverlayNetwork::start(*means.host, means.request));
  plan.memory_bytes = fleet.memory_bytes * std::max<std::size_t>(1, network->fleet().sources().size());
  return network;
}

void tell_plan(const Context& context, const transfer::OverlayNetwork& network, const CopyOptions& options) {
  if (const auto report = network.report(); report && !options.quiet) context.console().say(transfer::plan_line(*report));
}

}  // namespace isobar::app
