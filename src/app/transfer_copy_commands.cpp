// cp, mv and sync: what they have in common is a job.

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "command.h"
#include "copy_overlay.h"
#include "copy_sources.h"
#include "direct_price.h"
#include "interrupt_watch.h"
#include "transfer/arrival.h"
#include "transfer/content_check.h"
#include "transfer/items.h"

namespace isobar::app {

namespace {

namespace json = boost::json;

// part_bytes   of which requests are counted
CopyVolume print_dry(Context& context, const CopyOptions& options, Job& job, Outcome& outcome, std::uint64_t part_bytes) {
  json::array array;
  CopyVolume volume;
  for (;;) {
    auto item = job.items->next();
    if (!item.ok()) outcome.conclude(item.error().message());
    if (!item.ok() || !*item) break;
    ++outcome.totals.objects_listed;
    outcome.totals.bytes_listed += (*item)->source.bytes;
    volume.add((*item)->source.bytes, part_bytes);
    for (std::size_t i = 0; i < job.targets.size(); ++i) {
      const std::string source = job.source->location().text_of((*item)->source.key);
      const std::string target = job.targets[i]->location().text_of((*item)->target_keys[i]);
      if (options.output == "json") {
        array.push_back(json::object{{"action", "copy"}, {"source", source}, {"target", target}, {"bytes", (*item)->source.bytes}});
      } else {
        context.console().print(fmt::format("copy {} -> {} ({})\n", source, target, format_bytes({(*item)->source.bytes})));
      }
    }
  }
  if (options.output == "json") context.console().print(json::serialize(array) + "\n");
  return volume;
}

// What a job would do, and what it would cost, where a plan over gateways has not told that already.
void rehearse(Context& context, StoreOpener& opener, const CopyOptions& options, Job& job, bool over_gateways, Outcome& outcome) {
  const auto part = parse_bytes(options.part_size).context("--part-size");
  if (!part.ok() || part->value == 0) return outcome.conclude(part.ok() ? "--part-size must not be 0" : part.error().message());
  const CopyVolume volume = print_dry(context, options, job, outcome, part->value);
  if (over_gateways || options.quiet) return;
  for (const auto& line : direct_prices(opener, options.overlay, *job.source, job.targets, volume)) context.console().say(line);
}

// What listings of folders left out: told once, and a failure where it makes the listing incomplete.
void report_omissions(const StoreOpener& opener, const Console& console, Outcome& outcome) {
  std::size_t skipped = 0;
  for (const auto& folder : opener.folders()) {
    const auto omissions = folder->take_omissions();
    for (const auto& one : omissions.failed) outcome.problem(fmt::format("{}: {}", one.key, one.why));
    for (const auto& one : omissions.skipped)
      if (++skipped <= 10) console.say(fmt::format("skipped {}: {}", one.key, one.why));
  }
  if (skipped > 10) console.say(fmt::format("skipped {} more", skipped - 10));
}

json::array edges_json(const std::vector<transfer::OverlayEdge>& edges) {
  json::array array;
  for (const auto& edge : edges)
    array.push_back(json::object{{"from", edge.from}, {"to", edge.to}, {"bytes", edge.bytes}, {"up", edge.up}});
  return array;
}

json::object packed_json(const transfer::PackedTotals& packed) {
  return {{"raw_bytes", packed.raw_bytes},
          {"sent_bytes", packed.sent_bytes},
          {"zstd_bytes", packed.zstd_bytes},
          {"lz4_bytes", packed.lz4_bytes}};
}

// "sent 1.2 GiB as 402 MiB (zstd)"; nothing when all went as it was.
std::string packed_text(const transfer::PackedTotals& packed) {
  if (packed.zstd_bytes + packed.lz4_bytes == 0) return {};
  const char* codecs = packed.lz4_bytes == 0 ? "zstd" : packed.zstd_bytes == 0 ? "lz4" : "zstd and lz4";
  return fmt::format("; sent {} as {} ({})", format_bytes({packed.raw_bytes}), format_bytes({packed.sent_bytes}), codecs);
}

int finish(Context& context, const CopyOptions& options, const Outcome& outcome, double seconds, std::string_view verb) {
  const Console& console = context.console();
  const auto& totals = outcome.totals;
  outcome.say_problems(console);
  const std::uint64_t copied = totals.objects_done - totals.objects_done_before;
  if (options.output == "json") {
    json::object object{{"objects", copied},
                        {"bytes", totals.bytes_done},
                        {"objects_done_before", totals.objects_done_before},
                        {"objects_failed", totals.objects_failed},
                        {"objects_same", outcome.same},
                        {"removed", outcome.removed},
                        {"retries", totals.retries},
                        {"edges", edges_json(outcome.edges)},
                        {"packed", packed_json(outcome.packed)},
                        {"seconds", seconds},
                        {"complete", outcome.good()}};
    console.print(json::serialize(object) + "\n");
  } else if (!options.quiet && !outcome.user_error) {
    const double rate = seconds > 0 ? static_cast<double>(totals.bytes_done) / seconds : 0;
    std::string text =
        fmt::format("{} {} {}, {} in {} ({}/s)", verb, copied, copied == 1 ? "object" : "objects", format_bytes({totals.bytes_done}),
                    format_duration(from_seconds(seconds)), format_bytes({static_cast<std::uint64_t>(rate)}));
    text += packed_text(outcome.packed);
    if (totals.objects_done_before > 0) text += fmt::format("; {} were done before", totals.objects_done_before);
    if (outcome.same > 0) text += fmt::format("; {} are the same already", outcome.same);
    if (outcome.removed > 0) text += fmt::format("; removed {}", outcome.removed);
    if (totals.objects_failed > 0) text += fmt::format("; {} failed", totals.objects_failed);
    console.print(text + "\n");
  }
  if (outcome.interrupted) {
    console.say("Interrupted. The same command goes on where it was.");
    std::fflush(nullptr);
    // Calls that are under way would be waited for otherwise.
    std::_Exit(130);
  }
  return outcome.good() ? kOk : outcome.user_error ? kUserError : kFailed;
}

// Removes what a move has copied; in the end, so that whatever happens before, the source is whole.
void remove_moved(storage::Store& source, std::vector<std::string> keys, Outcome& outcome) {
  std::size_t at = 0;
  const auto next = [&]() -> std::optional<std::string> { return at < keys.size() ? std::optional(std::move(keys[at++])) : std::nullopt; };
  const auto summary = transfer::remove_all(source, next, nullptr);
  outcome.removed += summary.removed;
  for (const auto& failure : summary.failures)
    outcome.problem(fmt::format("{} was copied but not removed: {}", failure.key, failure.error.message()));
}

int copy(Context& context, CopyOptions& options, Verb verb) {
  const InterruptWatch watch;  // before any thread is made: each inherits which signals it does not take
  StoreOpener opener(context, options.stores);
  if (verb == Verb::kMove && !options.also.empty()) return context.console().fail(invalid("mv has one DST"));
  auto jobs = options.from_list.empty() ? plan_copies(opener, options) : plan_list(opener, options);
  if (!jobs.ok()) return context.console().fail(jobs.error());
  Outcome sum;
  auto means = means_for(context, opener, options);
  if (!means.ok()) return context.console().fail(means.error());
  if (options.dry_run && *means)
    if (const Status told = tell_price(context, **means); !told.ok()) return context.console().fail(told.error());
  ProgressLine progress(context.console(), options.quiet);
  for (auto& job : *jobs) {
    if (options.dry_run) {
      rehearse(context, opener, options, job, means->has_value(), sum);
      continue;
    }
    std::vector<std::string> moved;
    const auto source = job.source;
    auto outcome = run_job(context, options, std::move(job), watch.token(), progress,
                           verb == Verb::kMove ? [&](const transfer::CopyItem& item) { moved.push_back(item.source.key); }
                                               : std::function<void(const transfer::CopyItem&)>(),
                           *means ? &**means : nullptr);
    // Nothing is removed unless everything that was asked for has arrived and was seen there.
    if (verb == Verb::kMove && outcome.good()) remove_moved(*source, std::move(moved), outcome);
    add_up(sum, std::move(outcome));
    if (sum.interrupted) break;
  }
  report_omissions(opener, context.console(), sum);
  if (options.dry_run) {
    sum.say_problems(context.console());
    if (options.output != "json")
      context.console().print(fmt::format("{} {}, {}; nothing was done\n", sum.totals.objects_listed,
                                          sum.totals.objects_listed == 1 ? "object" : "objects", format_bytes({sum.totals.bytes_listed})));
    return sum.good() ? kOk : kFailed;
  }
  if (sum.good() && sum.totals.objects_listed == 0) sum.conclude("nothing matches: no object was copied");
  return finish(context, options, sum, progress.seconds(), verb == Verb::kMove ? "moved" : "copied");
}

// Whether deleting what only the target has is safe; says why not.
Status may_delete(const CopyOptions& options, const transfer::SyncItems& items, std::size_t extras, const Outcome& outcome) {
  if (!outcome.good()) return Error(Code::kConflict, "nothing was deleted, as not everything was copied");
  if (items.source_objects() == 0 && !options.force)
    return Error(
        Code::kConflict,
        fmt::format("nothing was deleted: the source is empty, which would delete all {} objects of the target; --force if that is meant",
                    extras));
  if (options.max_delete >= 0 && extras > static_cast<std::size_t>(options.max_delete))
    return Error(Code::kConflict,
                 fmt::format("nothing was deleted: {} objects would be, --max-delete allows {}", extras, options.max_delete));
  return {};
}

int sync(Context& context, CopyOptions& options) {
  const InterruptWatch watch;
  const Console& console = context.console();
  StoreOpener opener(context, options.stores);
  auto source = open_source(opener, options.places[0], true);
  if (!source.ok()) return console.fail(source.error());
  auto target = open_target(opener, options.places[1], source->rule.shape, true);
  if (!target.ok()) return console.fail(target.error());
  Job job;
  job.source = source->store;
  job.targets = {target->store};
  job.identity = fmt::format("sync\n{}\n{}\n{}\n{}\n{}", identity_of(*source->store, options.stores.endpoint), source->rule.prefix,
                             identity_of(*target->store, options.stores.target_endpoint), target->rule.prefix, filter_identity(options));
  transfer::SyncItems::Rules rules{source->rule, target->rule, options.filter};
  rules.by_time = !options.checksum;
  rules.size_only = options.size_only;
  rules.ignore_existing = options.ignore_existing;
  if (options.checksum) {
    const auto memory = parse_bytes(options.memory).context("--memory");
    if (!memory.ok()) return console.fail(memory.error());
    rules.bounds = {std::max(1, options.stores.parallel / 2), memory->value};
    rules.same_content = [&](const auto& a, const auto& b, const auto& stop) {
      return transfer::same_content(*source->store, a, *target->store, b, stop);
    };
  }
  auto owned = std::make_unique<transfer::SyncItems>(*source->store, *target->store, std::move(rules));
  auto* items = owned.get();
  job.items = std::move(owned);
  Outcome outcome;
  // What has to be copied is known only when both listings have been read: a plan is made for what the user expects.
  auto means = means_for(context, opener, options);
  if (!means.ok()) return console.fail(means.error());
  ProgressLine progress(console, options.quiet);
  // The items must outlive the job: what only the target has is asked of them afterwards.
  auto keep = std::move(job.items);
  class Borrowed final : public transfer::ItemSource {
   public:
    explicit Borrowed(transfer::ItemSource& of) : of_(of) {}
    Result<std::optional<transfer::CopyItem>> next() override { return of_.next(); }

   private:
    transfer::ItemSource& of_;
  };
  job.items = std::make_unique<Borrowed>(*keep);
  if (options.dry_run) rehearse(context, opener, options, job, means->has_value(), outcome);
  else outcome = run_job(context, options, std::move(job), watch.token(), progress, nullptr, *means ? &**means : nullptr);
  outcome.same = items->same_objects();
  report_omissions(opener, console, outcome);
  auto extras = items->take_extras();
  if (options.remove_extras && !outcome.interrupted && !extras.empty()) {
    const Status may = may_delete(options, *items, extras.size(), outcome);
    if (!may.ok()) {
      outcome.conclude(may.error().message());
    } else if (options.dry_run) {
      for (const auto& extra : extras) console.print(fmt::format("delete {} ({})\n", extra.key, format_bytes({extra.bytes})));
    } else {
      std::size_t at = 0;
      const auto summary = transfer::remove_all(
          *target->store,
          [&]() -> std::optional<std::string> { return at < extras.size() ? std::optional(extras[at++].key) : std::nullopt; }, nullptr);
      outcome.removed = summary.removed;
      for (const auto& failure : summary.failures) outcome.problem(fmt::format("delete {}: {}", failure.key, failure.error.message()));
    }
  }
  if (options.dry_run) {
    outcome.say_problems(console);
    return outcome.good() ? kOk : kFailed;
  }
  if (items->source_objects() == 0 && outcome.good() && !options.force) outcome.conclude("the source is empty: is its name right?");
  return finish(context, options, outcome, progress.seconds(), "copied");
}

}  // namespace

void add_copy_commands(Commands& commands) {
  const auto add = [&](const std::string& name, const std::string& text, Verb verb) {
    const auto options = std::make_shared<CopyOptions>();
    CLI::App& command = *commands.add(nullptr, name, text, [options, verb](Context& context) {
      return verb == Verb::kSync ? sync(context, *options) : copy(context, *options, verb);
    });
    if (verb == Verb::kSync) {
      command.add_option("SRC-DST", options->places, "SRC and DST: s3://BUCKET/PREFIX or a folder.")
          ->required()
          ->expected(2)
          ->type_name("");
      command.add_flag("--delete", options->remove_extras, "Delete what only DST has, when everything was copied.");
      command.add_option("--max-delete", options->max_delete, "Delete nothing if it would be more than this.")
          ->check(CLI::NonNegativeNumber);
      command.add_flag("--force", options->force, "Delete though the source is empty.");
      command.add_flag("--size-only", options->size_only, "Objects of one size are the same.");
      command.add_flag("--checksum", options->checksum,
                       "Compare contents, not times; where the stores tell no common checksum, both are read.");
      command.add_flag("--ignore-existing", options->ignore_existing, "Leave alone whatever is there.");
    } else {
      command.add_option("SRC-DST", options->places, "SRC… and DST: s3://BUCKET/KEY, a file or a folder; SRC may have wildcards.")
          ->type_name("");
      command.add_flag("-r,--recursive", options->recursive, "Take all that is below SRC.");
      command.add_option("--from-list", options->from_list, "A file with a line 'SRC<TAB>DST', or 'SRC', for each object.")
          ->check(CLI::ExistingFile);
    }
    if (verb == Verb::kCopy)
      command.add_option("--also", options->also, "A further DST: what is read once goes to all. May be given several times.")
          ->allow_extra_args(false);
    add_job_options(command, *options);
    add_store_options(command, options->stores, true);
    add_overlay_options(command, options->overlay);
    add_compression_option(command, options->overlay);
  };
  add("cp", "Copy objects and files, verified; goes on after any crash.", Verb::kCopy);
  add("mv", "Copy, then remove the source.", Verb::kMove);
  add("sync", "Copy what DST lacks or has otherwise.", Verb::kSync);
}

}  // namespace isobar::app
