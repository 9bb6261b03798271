// gpus, catalog, check: what can be had, and where.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <boost/json.hpp>
#include <set>

#include "base/text.h"
#include "cloud/catalog_import.h"
#include "cloud/gpu_list.h"
#include "command.h"
#include "transfer_check.h"

namespace isobar::app {

namespace {

namespace json = boost::json;

struct GpuOptions {
  std::vector<std::string> accelerator;
  std::string infra, output;
  bool all = false, all_regions = false;
};

int list_gpus(Context& context, const GpuOptions& options) {
  const auto catalog = context.catalog();
  if (!catalog.ok()) return context.console().fail(catalog.error());
  cloud::GpuQuery query;
  if (!options.accelerator.empty()) query.accelerator = join(options.accelerator, ":");
  if (!options.infra.empty()) {
    const auto parts = split(options.infra, '/');
    if (parts[0] != "*") query.cloud = std::string(parts[0]);
    if (parts.size() > 1 && parts[1] != "*") query.region = std::string(parts[1]);
  }
  query.all_regions = options.all_regions;
  const auto offers = cloud::list_gpu_offers(*catalog, query);
  if (!offers.ok()) return context.console().fail(offers.error());
  if (options.output == "json") context.console().print(cloud::gpu_offers_json(*offers) + "\n");
  else if (options.accelerator.empty() && !options.all) context.console().print(cloud::render_gpu_quantities(*offers));
  else context.console().print(cloud::render_gpu_offers(*offers));
  return kOk;
}

struct ImportOptions {
  std::vector<std::string> paths;
  std::string cloud;
};

int import_catalog(Context& context, const ImportOptions& options) {
  const std::vector<fs::path> inputs(options.paths.begin(), options.paths.end());
  const auto imported = cloud::import_price_lists(inputs, options.cloud.empty() ? std::nullopt : std::optional(options.cloud),
                                                  context.catalog_folder(), context.clock().now());
  if (!imported.ok()) return context.console().fail(imported.error());
  for (const auto& cloud : *imported) context.console().print(cloud::describe(cloud) + "\n");
  return kOk;
}

int show_catalog(Context& context, const std::string& output) {
  const auto catalog = context.catalog();
  if (!catalog.ok()) return context.console().fail(catalog.error());
  context.console().print(output == "json" ? cloud::catalog_info_json(*catalog) + "\n" : cloud::render_catalog_info(*catalog));
  return kOk;
}

int check_clouds(Context& context, bool verbose, const std::string& output) {
  const auto catalog = context.catalog();
  if (!catalog.ok()) return context.console().fail(catalog.error());
  json::array array;
  std::string text;
  bool any = false;
  std::set<std::string> clouds;
  for (const auto& section : catalog->sections()) clouds.emplace(section.cloud);
  for (const auto& [name, driver] : context.providers()) clouds.insert(name);
  for (const auto& cloud : clouds) {
    const auto driver = context.providers().find(cloud);
    const Status usable = driver == context.providers().end()
                              ? Status(unavailable("this version can price it, but has no driver to launch on it"))
                              : driver->second->check();
    any |= usable.ok();
    json::object object{{"cloud", cloud}, {"enabled", usable.ok()}, {"reason", usable.ok() ? "" : usable.error().message()}};
    text += fmt::format("  {} {}{}\n", usable.ok() ? context.console().green("✔") : "✘", cloud,
                        usable.ok() ? "" : ": " + usable.error().message());
    if (driver != context.providers().end()) {
      json::array facts;
      for (const auto& fact : driver->second->facts()) {
        if (verbose) text += "      " + fact + "\n";
        facts.push_back(json::string(fact));
      }
      object["facts"] = std::move(facts);
    }
    array.push_back(std::move(object));
  }
  if (output == "json") context.console().print(json::serialize(array) + "\n");
  else
    context.console().print("Clouds that tasks can be launched on now:\n" + text +
                            "\n`isobar optimize` and `isobar launch --dryrun` plan over all of them.\n");
  return any ? kOk : kFailed;
}

}  // namespace

void add_catalog_commands(Commands& commands) {
  auto gpu_options = std::make_shared<GpuOptions>();
  const auto run_gpus = [gpu_options](Context& context) { return list_gpus(context, *gpu_options); };
  CLI::App* gpus = commands.add(nullptr, "gpus", "Which accelerators can be had, where, and for how much.", run_gpus);
  CLI::App* list = commands.add(gpus, "list", "List accelerators, or the offers of one: A100, A100:8.", run_gpus);
  CLI::App* show = commands.add(nullptr, "show-gpus", "The same as gpus list.", run_gpus);
  show->group("");
  for (CLI::App* command : {list, show}) {
    command->add_option("GPU", gpu_options->accelerator, "Name, and count: A100, A100:8.")->expected(0, 2);
    command->add_option("--infra", gpu_options->infra, "Only this cloud[/region].");
    command->add_flag("-a,--all", gpu_options->all, "Every offer of every accelerator.");
    command->add_flag("--all-regions", gpu_options->all_regions, "A row for every region instead of the cheapest of each type.");
    command->add_option("-o,--output", gpu_options->output, "table or json.")->check(CLI::IsMember({"table", "json"}));
  }

  CLI::App* catalog = commands.group(nullptr, "catalog", "The prices that isobar plans with.");
  auto import_options = std::make_shared<ImportOptions>();
  CLI::App* import = commands.add(catalog, "import", "Read published price lists (CSV files, one a cloud); they replace what is built in.",
                                  [import_options](Context& context) { return import_catalog(context, *import_options); });
  import->add_option("PATH", import_options->paths, "Files, or folders with CLOUD/vms.csv or CLOUD.csv.")->required();
  import->add_option("--cloud", import_options->cloud, "The cloud of a single file whose path does not name it.");
  auto info_output = std::make_shared<std::string>();
  CLI::App* info = commands.add(catalog, "info", "What the catalog holds, from where, and of what date.",
                                [info_output](Context& context) { return show_catalog(context, *info_output); });
  info->add_option("-o,--output", *info_output, "table or json.")->check(CLI::IsMember({"table", "json"}));

  struct CloudCheckOptions {
    bool verbose = false;
    CheckOptions places;
    std::string output;
  };
  auto check_options = std::make_shared<CloudCheckOptions>();
  CLI::App* check = commands.add(
      nullptr, "check", "Which clouds can be used, and why the others cannot; or whether two places hold the same.",
      [check_options](Context& context) {
        if (check_options->places.places.size() == 1)
          return context.console().fail(invalid("check compares SRC and DST: two places were expected, or none to check the clouds"));
        if (!check_options->places.places.empty()) return check_places(context, check_options->places, check_options->output);
        return check_clouds(context, check_options->verbose, check_options->output);
      });
  check->add_option("SRC-DST", check_options->places.places, "SRC and DST: compare what they hold. Without them the clouds are checked.")
      ->expected(0, 2)
      ->type_name("");
  add_check_options(*check, check_options->places);
  check->add_flag("-v,--verbose", check_options->verbose, "What was found on each.");
  check->add_option("-o,--output", check_options->output, "table or json.")->check(CLI::IsMember({"table", "json"}));
}

}  // namespace isobar::app
