// transfer plan, transfer regions: which way data would go, how fast, and for how much, before a machine is started.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <boost/json.hpp>
#include <charconv>

#include "base/file.h"
#include "base/text.h"
#include "base/text_table.h"
#include "command.h"
#include "store_region.h"
#include "transfer/plan_report.h"
#include "transfer/plan_request.h"
#include "transfer/rate.h"
#include "transfer/scenario.h"
#include "transfer_overlay_options.h"

namespace isobar::app {

namespace {

namespace json = boost::json;

struct PlanOptions {
  std::string source;
  std::vector<std::string> destinations;
  std::string bytes = "1TB", deadline, throughput, used, vm_start = "60s", solve_limit = "5s";
  double usd_max = 0, vm_price = -1;
  std::vector<std::string> vms, instances;
  std::string grid, scenario, network = "premium", svg, programs, output;
  int stripes = 10, hops = 0;
  bool explain = false, shared_links = false;
  StoreOptions stores;
};

/// SRC or DST as a region: of a store, the one that its bucket is in, which is then noted.
Result<std::string> region_of(StoreOpener& opener, const transfer::Grid& grid, const std::string& words, bool as_target,
                              std::vector<std::string>& notes) {
  if (!is_place(words)) return words;
  TRY_ASSIGN(auto place, region_of_place(opener, words, as_target));
  notes.push_back(std::move(place.told));
  return in_grid(grid, place.region);
}

/// "4", "aws=8", "aws:us-east-1=2", "total:aws=20".
Status read_quota(const std::string& text, transfer::VmQuotas& quotas) {
  const auto equals = text.rfind('=');
  const std::string who = equals == text.npos ? "" : text.substr(0, equals);
  const std::string count = equals == text.npos ? text : text.substr(equals + 1);
  int vms = 0;
  const auto [end, failed] = std::from_chars(count.data(), count.data() + count.size(), vms);
  if (failed != std::errc() || end != count.data() + count.size() || vms < 0 || vms > 1000)
    return invalid(fmt::format("--vms: '{}' is no count of VMs from 0 to 1000; write 4, aws=8, aws:us-east-1=2 or total:aws=20", text));
  if (who.empty()) quotas.per_region = vms;
  else if (who.starts_with("total:")) quotas.in_cloud[who.substr(6)] = vms;
  else if (who.find(':') != who.npos) quotas.in_region[who] = vms;
  else quotas.in_each_region_of[who] = vms;
  return {};
}

Status read_instance(const std::string& text, std::map<std::string, std::string>& instances) {
  const auto equals = text.find('=');
  if (equals == text.npos || equals == 0) return invalid(fmt::format("--instance: '{}' names no cloud; write aws=m5.4xlarge", text));
  instances[text.substr(0, equals)] = text.substr(equals + 1);
  return {};
}

Status find_regions(Context& context, const PlanOptions& options, const transfer::Grid& grid, transfer::PlanRequest& request,
                    std::vector<std::string>& notes) {
  StoreOpener opener(context, options.stores);
  TRY_ASSIGN(request.source, region_of(opener, grid, options.source, false, notes));
  for (const auto& words : options.destinations) {
    TRY_ASSIGN(std::string region, region_of(opener, grid, words, true, notes));
    request.destinations.push_back(std::move(region));
  }
  return {};
}

/// Without the regions.
Result<transfer::PlanRequest> request_of(const PlanOptions& options) {
  transfer::PlanRequest request;
  TRY_ASSIGN(request.bytes, parse_bytes(options.bytes).context("--bytes"));
  if (!options.deadline.empty()) {
    TRY_ASSIGN(request.deadline, parse_duration(options.deadline).context("--deadline"));
  }
  if (!options.throughput.empty()) {
    TRY_ASSIGN(request.gbps_least, transfer::parse_gbps(options.throughput).context("--throughput"));
  }
  if (options.usd_max > 0) request.usd_max = options.usd_max;
  if (options.vm_price >= 0) request.vm_usd_per_hour = options.vm_price;
  if (!options.used.empty()) {
    TRY_ASSIGN(const ByteCount used, parse_bytes(options.used).context("--used"));
    request.used_gb = static_cast<double>(used.value) / transfer::kBytesPerGb;
  }
  for (const auto& text : options.vms) TRY(read_quota(text, request.quotas));
  for (const auto& text : options.instances) TRY(read_instance(text, request.instances));
  TRY_ASSIGN(request.vm_start, parse_duration(options.vm_start).context("--vm-start"));
  TRY_ASSIGN(request.solve_limit, parse_duration(options.solve_limit).context("--solve-limit"));
  request.links_are_shared = options.shared_links;
  request.stripes = options.stripes;
  if (options.hops > 0) request.hops_max = options.hops;
  if (options.network == "standard") request.tier = transfer::NetworkTier::kStandard;
  return request;
}

/// What plans are made over. Of an emulated network the rates are those of links, and its prices its own.
struct World {
  transfer::Grid grid;
  transfer::PriceBook prices;
};

Result<World> open_world(const PlanOptions& options, transfer::PlanRequest& request) {
  if (options.scenario.empty()) {
    TRY_ASSIGN(auto grid, open_grid(options.grid, request.tier));
    return World{std::move(grid), transfer::PriceBook::builtin()};
  }
  TRY_ASSIGN(const auto scenario, transfer::open_scenario(options.scenario).context("--scenario"));
  request.links_are_shared = true;
  return World{transfer::scenario_grid(scenario), transfer::scenario_prices(scenario)};
}

Result<std::string> answer(Context& context, const PlanOptions& options) {
  TRY_ASSIGN(auto request, request_of(options));
  TRY_ASSIGN(const World world, open_world(options, request));
  std::vector<std::string> found;
  TRY(find_regions(context, options, world.grid, request, found));
  TRY_ASSIGN(auto report, transfer::plan_transfer(request, world.grid, world.prices));
  report.notes.insert(report.notes.begin(), found.begin(), found.end());
  if (!options.svg.empty()) TRY(write_file(options.svg, transfer::plan_svg(report), Durability::kCache).context("--svg"));
  if (!options.programs.empty())
    TRY(write_file(options.programs, transfer::programs_json(transfer::make_programs(report.plan)), Durability::kCache)
            .context("--programs"));
  if (options.output == "json") return transfer::plan_json(report) + "\n";
  std::string text;
  for (const auto& told : found) text += told + ".\n";
  return text + transfer::render_plan(report) + (options.explain ? "\n" + transfer::explain_plan(report) : "");
}

int plan(Context& context, const PlanOptions& options) {
  const auto text = answer(context, options);
  if (!text.ok()) return context.console().fail(text.error());
  context.console().print(*text);
  return kOk;
}

int list_regions(Context& context, const std::string& grid_name, const std::string& output) {
  const auto grid = open_grid(grid_name, transfer::NetworkTier::kPremium);
  if (!grid.ok()) return context.console().fail(grid.error());
  const auto prices = transfer::PriceBook::builtin();
  TextTable table({"REGION", "PLACE", "TO INTERNET ($/GB)", "LINKS", "DATE"});
  json::array array;
  for (transfer::RegionIndex i = 0; i < grid->regions.size(); ++i) {
    const auto& region = grid->regions[i];
    const auto place = transfer::place_of(region);
    int links = 0;
    for (transfer::RegionIndex j = 0; j < grid->regions.size(); ++j) links += grid->gbps.at(i, j) > 0;
    const double usd = transfer::egress_usd(prices.egress(region, "*"), std::nullopt, 1);
    table.add({region, place ? place->name : "-", fmt::format("{:.4f}", usd), std::to_string(links), grid->date});
    json::object object{{"region", region}, {"internet_usd_per_gb", usd}, {"links", links}, {"date", grid->date}};
    if (place)
      object["place"] = json::object{{"name", place->name}, {"latitude", place->latitude_deg}, {"longitude", place->longitude_deg}};
    array.push_back(std::move(object));
  }
  context.console().print(output == "json" ? json::serialize(array) + "\n" : table.render());
  return kOk;
}

}  // namespace

void add_transfer_plan_commands(Commands& commands, CLI::App* transfer_group) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* command = commands.add(transfer_group, "plan", "Which way data would go, how fast, and for how much.",
                                   [options](Context& context) { return plan(context, *options); });
  command
      ->add_option(
          "SRC", options->source,
          "A region: aws:us-east-1, or us-east-1 where only one cloud has it; or s3://BUCKET, gs://BUCKET, which is asked for its own.")
      ->required();
  command->add_option("DST", options->destinations, "One or more regions or buckets; with several, they pass the data on to one another.")
      ->required();
  command->add_option("--profile", options->stores.profile, "Profile of the AWS credentials, for buckets.");
  command->add_flag("--no-sign-request", options->stores.anonymous, "Ask without credentials, for public buckets.");
  command->add_option("--bytes", options->bytes, "How much goes to each destination (1TB).");
  command->add_option("--deadline", options->deadline, "Cheapest plan that is done by then, the start of VMs included: 2h.");
  command->add_option("--max-cost", options->usd_max, "Fastest plan for this many dollars.")->check(CLI::PositiveNumber);
  command->add_option("--throughput", options->throughput, "Cheapest plan of at least this rate: 20Gbit.");
  command->add_option("--vms", options->vms,
                      "VMs that may be used: 4 in each region, aws=8 in each of a cloud, aws:us-east-1=2 in one, total:aws=20.");
  command->add_option("--instance", options->instances, "Machine of a cloud's gateways: aws=m5.4xlarge.");
  command->add_option("--vm-price", options->vm_price, "Dollars an hour of any VM, in place of list prices.")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--vm-start", options->vm_start, "How long a VM is paid before it sends (60s).");
  command->add_option("--used", options->used, "Sent this month already, on every meter: price steps count from there.");
  command->add_option("--network", options->network, "premium or standard tier of GCP.")->check(CLI::IsMember({"premium", "standard"}));
  command->add_option("--stripes", options->stripes, "Parts that may go down different trees (10).")->check(CLI::Range(1, 100));
  command->add_option("--hops", options->hops, "Most links to a destination when there are several.")->check(CLI::Range(1, 16));
  CLI::Option* grid = command->add_option("--grid", options->grid, "Measured throughput: 2022-11, 2022-01, or a CSV file.");
  command->add_option("--scenario", options->scenario, "In place of a grid: an emulated network, as transfer netem takes it.")
      ->excludes(grid);
  command->add_flag("--shared-links", options->shared_links, "The grid's rates are of whole links, however many VMs use them.");
  command->add_option("--solve-limit", options->solve_limit, "How long to look for better; the plan says how far off it may be (5s).");
  command->add_option("--svg", options->svg, "Draw the plan into this file.");
  command->add_option("--programs", options->programs, "Write what each gateway would do into this file.");
  command->add_flag("--explain", options->explain, "What holds the plan back, and where its figures are from.");
  command->add_option("-o,--output", options->output, "table or json.")->check(CLI::IsMember({"table", "json"}));

  struct RegionOptions {
    std::string grid, output;
  };
  auto region_options = std::make_shared<RegionOptions>();
  CLI::App* regions =
      commands.add(transfer_group, "regions", "The regions that plans can be made between.",
                   [region_options](Context& context) { return list_regions(context, region_options->grid, region_options->output); });
  regions->add_option("--grid", region_options->grid, "2022-11, 2022-01, or a CSV file.");
  regions->add_option("-o,--output", region_options->output, "table or json.")->check(CLI::IsMember({"table", "json"}));
}

void add_transfer_commands(Commands& commands) {
  CLI::App* group = commands.group(nullptr, "transfer", "Bulk data between clouds: the way a budget or a deadline allows.");
  add_transfer_plan_commands(commands, group);
  add_transfer_measure_commands(commands, group);
  add_transfer_netem_commands(commands, group);
}

}  // namespace isobar::app
