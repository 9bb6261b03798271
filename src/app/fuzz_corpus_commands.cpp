// fuzz cmin, import, export, coverage: a campaign's inputs as a whole.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <map>
#include <set>

#include "command.h"
#include "fuzz/corpus.h"
#include "fuzz/minimal_corpus.h"
#include "fuzz/screen.h"
#include "fuzz_target.h"

namespace isobar::app {

namespace {

struct CorpusOptions {
  FuzzTargetOptions target;
  std::vector<std::string> from;
  std::string out = "fuzz-out", to, form = "libfuzzer", lcov;
  std::size_t uncovered = 0;
};

Status write_inputs(const std::vector<fuzz::Bytes>& inputs, const fs::path& folder, std::string_view form) {
  TRY(make_folders(folder));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string name = form == "afl" ? fmt::format("id:{:06}", i) : fuzz::hash_of(inputs[i]).hex();
    TRY(write_file(folder / name, {reinterpret_cast<const char*>(inputs[i].data()), inputs[i].size()}, Durability::kCache));
  }
  return {};
}

Result<std::vector<fuzz::Bytes>> inputs_of(const CorpusOptions& o) {
  std::vector<fuzz::Bytes> all;
  const std::vector<std::string> places = o.from.empty() ? std::vector<std::string>{(fs::path(o.out) / "inputs").string()} : o.from;
  for (const std::string& place : places) {
    TRY_ASSIGN(auto some, fuzz::read_inputs(place, std::size_t{64} << 20));
    std::ranges::move(some, std::back_inserter(all));
  }
  return all;
}

Result<int> minimize_corpus(Context& context, const CorpusOptions& o) {
  TRY_ASSIGN(const auto inputs, inputs_of(o));
  TRY_ASSIGN(const auto target, executor_options(o.target));
  TRY_ASSIGN(const auto executor, fuzz::start_target(target));
  const std::vector<fuzz::ByteView> views(inputs.begin(), inputs.end());
  TRY_ASSIGN(const auto minimal, fuzz::minimal_corpus(*executor, views));
  std::vector<fuzz::Bytes> kept;
  for (const std::size_t place : minimal.kept) kept.push_back(inputs[place]);
  TRY(write_inputs(kept, o.to, o.form));
  context.console().say(fmt::format(
      "{} of {} inputs reach the same {} classes of blocks and best values: {}{}", kept.size(), inputs.size(), fuzz::grouped(minimal.keys),
      o.to, minimal.ended_badly == 0 ? "" : fmt::format("; {} crashed or took too long, and are left out", minimal.ended_badly)));
  return kOk;
}

Result<int> import_inputs(Context& context, const CorpusOptions& o) {
  TRY_ASSIGN(const auto inputs, inputs_of(o));
  const fs::path folder = fs::path(o.out) / "inputs";
  TRY(write_inputs(inputs, folder, "libfuzzer"));
  context.console().say(
      fmt::format("{} inputs are in {}; the campaign runs them, also if it goes on already with --jobs", inputs.size(), folder.string()));
  return kOk;
}

Result<int> export_inputs(Context& context, const CorpusOptions& o) {
  TRY_ASSIGN(const auto inputs, inputs_of(o));
  const fs::path folder = o.form == "afl" ? fs::path(o.to) / "queue" : fs::path(o.to);
  TRY(write_inputs(inputs, folder, o.form));
  context.console().say(fmt::format("{} inputs are in {}", inputs.size(), folder.string()));
  return kOk;
}

/// Lines of source that have blocks, and whether any of them ran.
using Lines = std::map<std::string, std::map<std::uint32_t, bool>>;

std::string lcov_of(const Lines& lines) {
  std::string text;
  for (const auto& [file, its] : lines) {
    text += fmt::format("SF:{}\n", file);
    for (const auto& [line, ran] : its) text += fmt::format("DA:{},{}\n", line, ran ? 1 : 0);
    text +=
        fmt::format("LF:{}\nLH:{}\nend_of_record\n", its.size(), std::ranges::count_if(its, [](const auto& each) { return each.second; }));
  }
  return text;
}

Result<int> show_coverage(Context& context, const CorpusOptions& o) {
  TRY_ASSIGN(const auto inputs, inputs_of(o));
  TRY_ASSIGN(const auto target, started_with_sites(o.target));
  fuzz::Aggregates reached(target.executor->shape());
  const std::vector<fuzz::ByteView> views(inputs.begin(), inputs.end());
  TRY(target.executor->run(views, {.all_features = true},
                           [&](std::size_t, const fuzz::Outcome& outcome) { reached.add(outcome.features); }));
  Lines lines;
  std::map<std::string, std::pair<std::size_t, std::size_t>> blocks;
  std::map<std::string, std::size_t> silent;  // functions that never ran
  for (std::uint32_t block = 0; block < target.executor->shape().blocks; ++block) {
    const fuzz::Site* site = target.sites.block(block);
    const bool ran = reached.value(fuzz::kCoverage, block) != 0;
    const std::string file = site->file.empty() ? "(unknown)" : site->file;
    blocks[file].first += ran;
    ++blocks[file].second;
    if (site->line != 0) lines[file][site->line] = lines[file][site->line] || ran;
    if ((site->form & ISOBAR_FUZZ_BLOCK_ENTRY) != 0 && !ran) ++silent[site->text()];
  }
  std::size_t ran = 0, all = 0;
  for (const auto& [file, counts] : blocks) {
    context.console().print(fmt::format("{:>7} of {:>7} blocks  {:5.1f} %  {}\n", fuzz::grouped(counts.first), fuzz::grouped(counts.second),
                                        100.0 * static_cast<double>(counts.first) / static_cast<double>(counts.second), file));
    ran += counts.first, all += counts.second;
  }
  context.console().print(fmt::format("{:>7} of {:>7} blocks  {:5.1f} %  by {} inputs\n", fuzz::grouped(ran), fuzz::grouped(all),
                                      100.0 * static_cast<double>(ran) / static_cast<double>(std::max<std::size_t>(1, all)),
                                      inputs.size()));
  for (auto next = silent.begin(); next != silent.end() && std::distance(silent.begin(), next) < static_cast<std::ptrdiff_t>(o.uncovered);
       ++next)
    context.console().print(fmt::format("never called: {}\n", next->first));
  if (!o.lcov.empty()) TRY(write_file(o.lcov, lcov_of(lines)));
  return kOk;
}

}  // namespace

void add_fuzz_corpus_commands(Commands& commands, CLI::App* group) {
  const auto forms = CLI::IsMember({"libfuzzer", "afl"});
  {
    auto o = std::make_shared<CorpusOptions>();
    auto* command = commands.add(group, "cmin", "The fewest inputs that reach what all reach, in coverage and in every domain.",
                                 [o](Context& context) { return context.console().end_with(minimize_corpus(context, *o)); });
    add_fuzz_target(command, o->target);
    command->add_option("--inputs,-i", o->from, "Files and folders, in place of the campaign's inputs.");
    command->add_option("--out,-o", o->out, "The campaign's folder.")->capture_default_str();
    command->add_option("--to", o->to, "The folder that they are written to.")->required();
    command->add_option("--form", o->form, "How files are named: libfuzzer (by their content) or afl.")
        ->check(forms)
        ->capture_default_str();
  }
  {
    auto o = std::make_shared<CorpusOptions>();
    auto* command =
        commands.add(group, "import", "Put inputs of other fuzzers into a campaign: AFL++'s queues, libFuzzer's corpora, any files.",
                     [o](Context& context) { return context.console().end_with(import_inputs(context, *o)); });
    command->add_option("FROM", o->from, "Files and folders.")->required();
    command->add_option("--out,-o", o->out, "The campaign's folder.")->capture_default_str();
  }
  {
    auto o = std::make_shared<CorpusOptions>();
    auto* command = commands.add(group, "export", "Write a campaign's inputs for other fuzzers.",
                                 [o](Context& context) { return context.console().end_with(export_inputs(context, *o)); });
    command->add_option("--to", o->to, "The folder that they are written to.")->required();
    command->add_option("--out,-o", o->out, "The campaign's folder.")->capture_default_str();
    command->add_option("--form", o->form, "libfuzzer, or afl: TO/queue/id:000000.")->check(forms)->capture_default_str();
  }
  {
    auto o = std::make_shared<CorpusOptions>();
    auto* command = commands.add(group, "coverage", "Which parts of the source a campaign's inputs reach.",
                                 [o](Context& context) { return context.console().end_with(show_coverage(context, *o)); });
    add_fuzz_target(command, o->target);
    command->add_option("--inputs,-i", o->from, "Files and folders, in place of the campaign's inputs.");
    command->add_option("--out,-o", o->out, "The campaign's folder.")->capture_default_str();
    command->add_option("--lcov", o->lcov, "Write lines in lcov's form, for genhtml and others.");
    command->add_option("--uncovered", o->uncovered, "Name so many functions that nothing calls.")->capture_default_str();
  }
}

}  // namespace isobar::app
