// features skew: what was served, made again from the store's log, and compared.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.h"
#include "features/skew_check.h"
#include "interrupt_watch.h"

namespace isobar::app {

namespace {

struct SkewOptions {
  std::string data, temporary, memory = "512MiB";
  std::uint64_t sample = 0;
  bool json = false;
};

Result<features::SkewCheck> check(const Context& context, const SkewOptions& o, std::stop_token stop) {
  const fs::path data = o.data.empty() ? context.home() / "features" : fs::path(o.data);
  std::error_code ignored;
  if (!fs::is_directory(data / "store", ignored))
    return not_found(fmt::format("--data {}: there is no store of features in this folder", data.string()));
  if (!fs::is_directory(data / "served", ignored))
    return not_found(fmt::format("{}: no answer was kept here; serve with --log-served 0.01 for a hundredth of them", data.string()));
  features::SkewCheckOptions options{.rows_most = o.sample, .temporary = o.temporary, .stop = std::move(stop)};
  if (o.temporary.empty()) options.temporary = data;
  TRY_ASSIGN(const ByteCount memory, parse_bytes(o.memory).context("--memory"));
  options.memory_bytes = memory.value;
  TRY_ASSIGN(const auto engine, features::Engine::open(data / "store", {}, context.clock()));
  return features::check_skew(*engine, data / "served", options);
}

int skew(Context& context, const SkewOptions& o) {
  const InterruptWatch watch;
  const auto checked = check(context, o, watch.token());
  if (!checked.ok()) return context.console().fail(checked.error());
  context.console().print(o.json ? features::skew_json(*checked) + "\n" : features::render_skew(*checked));
  return checked->differing() == 0 ? kOk : kFailed;
}

}  // namespace

void add_features_skew_command(Commands& commands, CLI::App* features_group) {
  auto o = std::make_shared<SkewOptions>();
  auto* command = commands.add(features_group, "skew",
                               "Make again what was served, from the log of events, and say what differs. Ends with 1 if anything does.",
                               [o](Context& context) { return skew(context, *o); });
  command->add_option("--data", o->data, "The folder of the store, which nobody serves meanwhile. ~/.isobar/features");
  command->add_option("--sample", o->sample, "How many of the kept rows, evenly spread over all. 0: all.")->capture_default_str();
  command->add_option("--memory", o->memory, "What events and rows may take; more goes to temporary files.")->capture_default_str();
  command->add_option("--temporary", o->temporary, "A folder for temporary files. That of the store.");
  command->add_flag("--json", o->json, "For programs.");
}

}  // namespace isobar::app
