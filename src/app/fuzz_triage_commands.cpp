// fuzz triage, minimize, show: what single inputs do to a target.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.h"
#include "fuzz/screen.h"
#include "fuzz/triage.h"
#include "fuzz_target.h"
#include "version.h"

namespace isobar::app {

namespace {

struct TriageCommandOptions {
  FuzzTargetOptions target;
  std::vector<std::string> inputs;
  std::string out = "fuzz-out", sarif, file, into;
  std::size_t tries = 500;
  bool json = false;
};

Result<std::vector<fs::path>> files_of(const std::vector<std::string>& given, const std::string& out) {
  std::vector<fs::path> files;
  const std::vector<std::string> places = given.empty() ? std::vector<std::string>{(fs::path(out) / "crashes").string()} : given;
  for (const std::string& place : places) {
    std::error_code failed;
    if (!fs::exists(place, failed)) return not_found(fmt::format("there is nothing at {}", place));
    if (!fs::is_directory(place, failed)) {
      files.emplace_back(place);
      continue;
    }
    for (const auto& file : fs::directory_iterator(place, failed))
      if (file.is_regular_file() && !file.path().filename().string().starts_with(".")) files.push_back(file.path());
  }
  std::ranges::sort(files);
  return files;
}

Result<int> triage_all(Context& context, const TriageCommandOptions& o) {
  TRY_ASSIGN(const auto files, files_of(o.inputs, o.out));
  TRY_ASSIGN(const auto target, executor_options(o.target));
  TRY_ASSIGN(const auto executor, fuzz::start_target(target));
  const fuzz::Replayer replayer(target.command, target.timeout, executor->is_harness());
  fuzz::TriageOptions options{.tries = o.tries, .into = o.into.empty() ? fs::path(o.out) / "minimized" : fs::path(o.into)};
  options.say = [&](std::string_view text) { context.console().say(text); };
  TRY_ASSIGN(const fuzz::Triage found, fuzz::triage(files, replayer, *executor, options));
  if (!o.sarif.empty()) TRY(write_file(o.sarif, fuzz::triage_sarif(found, kVersion)));
  context.console().print(o.json ? fuzz::triage_sarif(found, kVersion) : fuzz::triage_text(found));
  return found.groups.empty() ? kOk : kFailed;
}

Result<int> minimize_one(Context& context, const TriageCommandOptions& o) {
  TRY_ASSIGN(const auto target, executor_options(o.target));
  TRY_ASSIGN(const auto executor, fuzz::start_target(target));
  TRY_ASSIGN(const auto content, read_file(o.file, std::uint64_t{1} << 30));
  const fuzz::Bytes input(content.begin(), content.end());
  std::vector<fuzz::Feature> wanted;
  fuzz::Ending ending{};
  int signal = 0;
  std::uint64_t path = 0;
  const auto run = [&](fuzz::ByteView bytes, const std::function<void(const fuzz::Outcome&)>& look) {
    return executor->run(std::span(&bytes, 1), {.all_features = true}, [&](std::size_t, const fuzz::Outcome& outcome) { look(outcome); });
  };
  TRY(run(input, [&](const fuzz::Outcome& outcome) {
    ending = outcome.ending, signal = outcome.signal, path = outcome.hash;
    for (const fuzz::Feature& feature : outcome.features)
      if (feature.what == ISOBAR_FUZZ_WHAT_SLOT) wanted.push_back(feature);
  }));
  // What ends the target has to end it the same way; what does not has to take the same path, and no value of a domain may go less far.
  const auto holds = [&](fuzz::ByteView bytes) -> Result<bool> {
    bool same = false;
    TRY(run(bytes, [&](const fuzz::Outcome& outcome) {
      same = outcome.ending == ending && outcome.signal == signal;
      if (!same || ending != fuzz::Ending::kOk) return;
      same = outcome.hash == path && std::ranges::all_of(wanted, [&](const fuzz::Feature& want) {
               const auto have =
                   std::ranges::find_if(outcome.features, [&](const fuzz::Feature& f) { return f.what == want.what && f.key == want.key; });
               const fuzz::DomainShape& domain = executor->shape().domains[*executor->shape().domain_of(want.key)];
               return have != outcome.features.end() &&
                      fuzz::reduce(domain.reducer, want.value, have->value) == fuzz::reduce(domain.reducer, have->value, have->value);
             });
    }));
    return same;
  };
  TRY_ASSIGN(const fuzz::Bytes smaller, fuzz::minimized(input, holds, o.tries));
  const std::string to = o.into.empty() ? o.file + ".min" : o.into;
  TRY(write_file(to, {reinterpret_cast<const char*>(smaller.data()), smaller.size()}));
  context.console().say(fmt::format("{} ({}): {} bytes, now {}: {}", o.file, fuzz::name_of(ending), input.size(), smaller.size(), to));
  return kOk;
}

void print_values(Context& context, const fuzz::Executor& executor, const fuzz::SiteTable& sites,
                  const std::vector<fuzz::Feature>& features) {
  const fuzz::TargetShape& shape = executor.shape();
  for (std::size_t place = 0; place < shape.domains.size(); ++place) {
    const fuzz::DomainShape& domain = shape.domains[place];
    std::vector<fuzz::Feature> of_domain;
    for (const fuzz::Feature& feature : features)
      if (feature.what == ISOBAR_FUZZ_WHAT_SLOT && feature.key - domain.first_slot < domain.keys && feature.value != domain.initial)
        of_domain.push_back(feature);
    if (of_domain.empty()) continue;
    std::ranges::stable_sort(of_domain, std::greater<>(), &fuzz::Feature::value);
    context.console().print(fmt::format("  {} ({} key{})\n", domain.name, of_domain.size(), of_domain.size() == 1 ? "" : "s"));
    for (std::size_t i = 0; i < of_domain.size() && i < 5; ++i)
      context.console().print(
          fmt::format("    {:>14}  {}\n", fuzz::grouped(of_domain[i].value),
                      sites.name(shape, fuzz::kFirstDomain + static_cast<fuzz::Goal>(place), of_domain[i].key - domain.first_slot)));
  }
}

Result<int> show_inputs(Context& context, const TriageCommandOptions& o) {
  TRY_ASSIGN(const auto files, files_of(o.inputs, o.out));
  TRY_ASSIGN(const auto target, started_with_sites(o.target));
  for (const fs::path& file : files) {
    TRY_ASSIGN(const auto content, read_file(file, std::uint64_t{1} << 30));
    const fuzz::ByteView input(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
    TRY(target.executor->run(std::span(&input, 1), {.all_features = true, .fresh = true}, [&](std::size_t, const fuzz::Outcome& outcome) {
      std::string ending(fuzz::name_of(outcome.ending));
      if (outcome.ending == fuzz::Ending::kCrash) ending += fmt::format(" (signal {})", outcome.signal);
      context.console().print(fmt::format("{}: {} bytes, {}, {:.3f} ms, {} blocks{}{}\n", file.string(), input.size(), ending,
                                          to_seconds(outcome.took) * 1e3, outcome.blocks, outcome.invalid ? ", not valid" : "",
                                          outcome.diff ? ", reaches a changed line" : ""));
      print_values(context, *target.executor, target.sites, {outcome.features.begin(), outcome.features.end()});
    }));
  }
  return kOk;
}

}  // namespace

void add_fuzz_triage_commands(Commands& commands, CLI::App* group) {
  {
    auto o = std::make_shared<TriageCommandOptions>();
    auto* command = commands.add(
        group, "triage", "Tell a campaign's crashes apart by where they died, and make one of each small. Exit code 1 if there are any.",
        [o](Context& context) { return context.console().end_with(triage_all(context, *o)); });
    add_fuzz_target(command, o->target);
    command->add_option("--inputs,-i", o->inputs, "Files and folders, in place of the campaign's crashes.");
    command->add_option("--out,-o", o->out, "The campaign's folder.")->capture_default_str();
    command->add_option("--sarif", o->sarif, "Write a SARIF 2.1.0 file, for code scanning.");
    command->add_option("--into", o->into, "Where minimised inputs are written; the campaign's folder.");
    command->add_option("--tries", o->tries, "Runs to minimise one input; 0: none is.")->capture_default_str();
    command->add_flag("--json", o->json, "Print SARIF.");
  }
  {
    auto o = std::make_shared<TriageCommandOptions>();
    o->tries = 20'000;
    auto* command = commands.add(group, "minimize",
                                 "Make an input small that still ends the target the same way, or takes the same path and loses no value.",
                                 [o](Context& context) { return context.console().end_with(minimize_one(context, *o)); });
    add_fuzz_target(command, o->target);
    command->add_option("--input,-i", o->file, "The input.")->required();
    command->add_option("--to", o->into, "Where the smaller one is written; INPUT.min.");
    command->add_option("--tries", o->tries, "Runs at most.")->capture_default_str();
  }
  {
    auto o = std::make_shared<TriageCommandOptions>();
    auto* command =
        commands.add(group, "show", "Run inputs, and say what each does: how it ends, and its values in every domain, with their places.",
                     [o](Context& context) { return context.console().end_with(show_inputs(context, *o)); });
    add_fuzz_target(command, o->target);
    command->add_option("--inputs,-i", o->inputs, "Files and folders.")->required();
  }
}

}  // namespace isobar::app
