// cp, mv and sync: what they have in common is a job.

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "base/text.h"
#include "command.h"
#include "direct_price.h"
#include "interrupt_watch.h"
#include "transfer/arrival.h"
#include "transfer/content_check.h"
#include "transfer/items.h"
#include "transfer/plan_report.h"
#include "transfer_ends.h"
#include "transfer_overlay_options.h"
#include "transfer_progress.h"

namespace isobar::app {

namespace {

namespace json = boost::json;
using transfer::Shape;

struct CopyOptions {
  StoreOptions stores;
  OverlayOptions overlay;
  std::vector<std::string> places;  // SRC… DST
  std::vector<std::string> also;
  std::string from_list, manifest, bandwidth, part_size = "8MiB", memory = "256MiB", output;
  bool recursive = false, dry_run = false, resume = false, restart = false, no_verify = false, no_server_side = false, quiet = false;
  transfer::Filter filter;
  transfer::PropertyOverrides overrides;
  std::vector<std::string> metadata;
  // sync alone
  bool remove_extras = false, force = false, size_only = false, checksum = false, ignore_existing = false;
  std::int64_t max_delete = -1;
  int max_failures = transfer::CopyPlan().failures_in_a_row_most;
};

enum class Verb { kCopy, kMove, kSync };

// One run over one source: everything the driver needs, and what is said at the end.
struct Job {
  std::shared_ptr<storage::Store> source;
  std::vector<std::shared_ptr<storage::Store>> targets;
  std::unique_ptr<transfer::ItemSource> items;
  std::string identity;  // equal for the same request, so that it finds its journal again
};

struct Outcome {
  transfer::CopyCore::Totals totals;
  std::uint64_t removed = 0, same = 0;
  std::vector<transfer::OverlayEdge> edges;  // of the overlay, and what went over them
  std::vector<std::string> problems;         // of single objects, the first few
  std::uint64_t problems_more = 0;
  std::vector<std::string> conclusions;  // of the job as a whole: never crowded out by the others
  bool interrupted = false;
  bool user_error = false;  // nothing was begun: the request itself is wrong
  void problem(std::string text) {
    if (problems.size() < 20) problems.push_back(std::move(text));
    else ++problems_more;
  }
  void conclude(std::string text) { conclusions.push_back(std::move(text)); }
  void say_problems(const Console& console) const {
    const auto say = [&](const std::string& text) { console.say(fmt::format("{} {}", console.red("isobar:"), text)); };
    for (const auto& problem : problems) say(problem);
    if (problems_more > 0) console.say(fmt::format("and {} more", problems_more));
    for (const auto& conclusion : conclusions) say(conclusion);
  }
  bool good() const { return problems.empty() && conclusions.empty() && !interrupted; }
};

Result<std::uint64_t> parse_rate(const std::string& text) {
  std::string_view plain = text;
  if (plain.ends_with("/s")) plain.remove_suffix(2);
  TRY_ASSIGN(const ByteCount bytes, parse_bytes(plain).context("--bwlimit"));
  return bytes.value;
}

Result<transfer::CopyPlan> make_plan(const CopyOptions& options, const Job& job) {
  transfer::CopyPlan plan;
  TRY_ASSIGN(const ByteCount part, parse_bytes(options.part_size).context("--part-size"));
  TRY_ASSIGN(const ByteCount memory, parse_bytes(options.memory).context("--memory"));
  if (part.value < 64 * kKiB || part.value > 5 * kGiB) return invalid("--part-size must be between 64KiB and 5GiB");
  if (memory.value < 2 * part.value)
    return invalid(fmt::format("--memory must hold two parts at least: {}", format_bytes({2 * part.value})));
  plan.part_bytes = part.value;
  plan.failures_in_a_row_most = options.max_failures;
  plan.memory_bytes = memory.value;
  if (!options.bandwidth.empty()) {
    TRY_ASSIGN(plan.bytes_per_second, parse_rate(options.bandwidth));
  }
  // Files are read and written, so that their checksum is known, they can be taken up in the midst, and a limit holds.
  plan.server_side = !options.no_server_side && job.source->location().kind != storage::Kind::kLocal;
  plan.overrides = options.overrides;
  for (const auto& pair : options.metadata) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) return invalid(fmt::format("--metadata {}: NAME=VALUE was expected", pair));
    plan.overrides.metadata[to_lower(pair.substr(0, equals))] = pair.substr(equals + 1);
  }
  // A store that copies by itself keeps the source's properties: what is laid over them has to pass here.
  const auto& over = plan.overrides;
  if (over.content_type || over.content_encoding || over.content_language || over.content_disposition || over.cache_control ||
      over.storage_class || !over.metadata.empty() || over.drop_metadata)
    plan.server_side = false;
  const auto is_local = [](const auto& store) { return store->location().kind == storage::Kind::kLocal; };
  plan.target_keeps_mtime = std::all_of(job.targets.begin(), job.targets.end(), is_local);
  const int disk = 16;
  plan.source_calls_most = is_local(job.source) ? disk : options.stores.parallel;
  plan.target_calls_most = plan.target_keeps_mtime ? disk : options.stores.parallel;
  return plan;
}

// A store's name without what may differ between two runs of the same request.
std::string identity_of(const storage::Store& store, const std::string& endpoint) {
  const auto location = store.location();
  return location.kind == storage::Kind::kLocal ? fs::absolute(location.key).lexically_normal().string() : location.text() + "@" + endpoint;
}

fs::path job_folder(Context& context, const std::string& identity) {
  return context.home() / "transfers" / fmt::format("{:016x}", XXH3_64bits(identity.data(), identity.size()));
}

Status prepare_journal(const CopyOptions& options, const fs::path& journal, const Console& console) {
  const bool there = fs::exists(journal);
  if (options.resume && !there) return not_found("there is no unfinished transfer of these to take up; run it without --resume");
  if (there && options.restart) {
    // What the earlier run left in the stores is removed by taking it up with nothing to copy.
    console.say("An unfinished transfer of the same is begun again.");
  } else if (there) {
    console.say("Taking up the unfinished transfer of the same (--restart begins again).");
  }
  return {};
}

class NoItems final : public transfer::ItemSource {
 public:
  Result<std::optional<transfer::CopyItem>> next() override { return std::optional<transfer::CopyItem>(); }
};

// Removes what an unfinished run left at the targets.
Status discard(const Job& job, const transfer::CopyPlan& plan, const fs::path& journal) {
  NoItems none;
  transfer::CopyJob copy{job.source, job.targets, plan, journal, {}};
  TRY_ASSIGN(const auto summary, transfer::run_copy(std::move(copy), none, {}));
  if (summary.totals.uploads_left > 0) return unavailable("unfinished uploads could not be removed; try again later");
  return {};
}

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
  if (over_gateways) return;
  for (const auto& line : direct_prices(opener, options.overlay, *job.source, job.targets, volume)) context.console().say(line);
}

// The overlay that a job's bytes go over; none when they pass here. The plan and its price are told before anything is started.
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
  plan.calls_first = 256;
  TRY_ASSIGN(auto network, transfer::OverlayNetwork::start(*means.host, means.request));
  plan.memory_bytes = fleet.memory_bytes * std::max<std::size_t>(1, network->fleet().sources().size());
  return network;
}

void tell_plan(const Context& context, const transfer::OverlayNetwork& network, const CopyOptions& options) {
  if (const auto report = network.report(); report && !options.quiet) context.console().say(transfer::plan_line(*report));
}

Outcome run_job(Context& context, const CopyOptions& options, Job job, std::stop_token stop, ProgressLine& progress,
                const std::function<void(const transfer::CopyItem&)>& on_done, OverlayMeans* means) {
  Outcome outcome;
  const Console& console = context.console();
  const auto give_up = [&](const Error& error) {
    outcome.conclude(error.message());
    outcome.user_error = exit_code_of(error) == kUserError;
    return std::move(outcome);
  };
  auto plan = make_plan(options, job);
  if (!plan.ok()) return give_up(plan.error());
  const fs::path folder = job_folder(context, job.identity), journal = folder / "journal";
  if (const Status prepared = prepare_journal(options, journal, console); !prepared.ok()) return give_up(prepared.error());
  if (options.restart && fs::exists(journal))
    if (const Status discarded = discard(job, *plan, journal); !discarded.ok()) return give_up(discarded.error());
  std::unique_ptr<transfer::OverlayNetwork> network;
  if (means) {
    auto started = start_overlay(options, job, *means, *plan);
    if (!started.ok()) return give_up(started.error());
    network = std::move(started).value();
    tell_plan(context, *network, options);
  }
  transfer::ArrivalCheck arrival(job.targets.size());
  transfer::CopyHooks hooks;
  hooks.stop = std::move(stop);
  hooks.progress = [&](const auto& totals, bool listing_ended) {
    if (network)
      for (const auto& event : network->take_events()) {
        progress.clear();
        console.say(event);
      }
    progress.update(totals, listing_ended, network ? network->edges() : std::vector<transfer::OverlayEdge>());
  };
  hooks.ended = [&](const transfer::ObjectEnded& ended) {
    if (!ended.outcome.ok()) {
      progress.clear();
      outcome.problem(fmt::format("{}: {}", ended.item.source.key, ended.outcome.error().message()));
      return;
    }
    if (!options.no_verify) arrival.add(ended.item);
    if (on_done) on_done(ended.item);
  };
  std::optional<Status> verified;
  if (!options.no_verify) hooks.all_copied = [&] { verified = arrival.verify(job.targets); };
  transfer::CopyJob copy{job.source, job.targets, *plan, journal, options.manifest, network ? network->mover() : nullptr};
  auto summary = transfer::run_copy(std::move(copy), *job.items, hooks);
  progress.clear();
  if (!summary.ok()) return give_up(summary.error());
  if (network) outcome.edges = network->edges();
  outcome.totals = summary->totals;
  outcome.interrupted = summary->interrupted;
  if (!summary->listing.ok()) outcome.conclude(summary->listing.error().message());
  if (!summary->stopped.ok())
    outcome.conclude(summary->stopped.error().message() + "; the same command goes on where it was, --max-failures 0 tries all");
  if (summary->totals.uploads_left > 0)
    outcome.conclude(fmt::format("{} unfinished uploads could not be removed; the next run of the same command tries again",
                                 summary->totals.uploads_left));
  if (!options.no_verify && !outcome.interrupted && !verified) verified = arrival.verify(job.targets);
  if (verified && !verified->ok()) outcome.conclude(verified->error().message());
  std::error_code ignored;
  if (!fs::exists(journal)) fs::remove(folder, ignored);
  return outcome;
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
                        {"seconds", seconds},
                        {"complete", outcome.good()}};
    console.print(json::serialize(object) + "\n");
  } else if (!options.quiet && !outcome.user_error) {
    const double rate = seconds > 0 ? static_cast<double>(totals.bytes_done) / seconds : 0;
    std::string text =
        fmt::format("{} {} {}, {} in {} ({}/s)", verb, copied, copied == 1 ? "object" : "objects", format_bytes({totals.bytes_done}),
                    format_duration(from_seconds(seconds)), format_bytes({static_cast<std::uint64_t>(rate)}));
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

void add_up(Outcome& sum, Outcome one) {
  auto &a = sum.totals, &b = one.totals;
  a.objects_listed += b.objects_listed;
  a.bytes_listed += b.bytes_listed;
  a.objects_done += b.objects_done;
  a.bytes_done += b.bytes_done;
  a.objects_failed += b.objects_failed;
  a.objects_done_before += b.objects_done_before;
  a.retries += b.retries;
  for (auto& problem : one.problems) sum.problem(std::move(problem));
  for (auto& conclusion : one.conclusions) sum.conclude(std::move(conclusion));
  sum.problems_more += one.problems_more;
  sum.interrupted |= one.interrupted;
  sum.user_error |= one.user_error;
  sum.edges.insert(sum.edges.end(), one.edges.begin(), one.edges.end());
  sum.removed += one.removed;
  sum.same += one.same;
}

std::string filter_identity(const CopyOptions& options) {
  std::string text;
  for (const auto& rule : options.filter.rules) text += fmt::format("{}{}\n", rule.include ? '+' : '-', rule.pattern);
  return text;
}

// SRC… DST, or what a file lists, to jobs.
Result<std::vector<Job>> plan_copies(StoreOpener& opener, CopyOptions& options) {
  if (options.places.size() < 2) return invalid("SRC and DST were expected");
  std::vector<std::string> targets = {options.places.back()};
  targets.insert(targets.end(), options.also.begin(), options.also.end());
  const bool several = options.places.size() > 2;
  std::vector<Job> jobs;
  for (std::size_t i = 0; i + 1 < options.places.size(); ++i) {
    TRY_ASSIGN(auto source, open_source(opener, options.places[i], options.recursive));
    Job job;
    job.source = source.store;
    job.identity = fmt::format("cp\n{}\n{}{}\n{}", identity_of(*source.store, options.stores.endpoint), source.rule.prefix,
                               source.rule.pattern, filter_identity(options));
    std::vector<transfer::TargetRule> rules;
    for (const auto& text : targets) {
      TRY_ASSIGN(auto target, open_target(opener, text, source.rule.shape, several));
      job.targets.push_back(target.store);
      rules.push_back(target.rule);
      job.identity += fmt::format("\n{}\n{}", identity_of(*target.store, options.stores.target_endpoint), target.rule.prefix);
    }
    job.items = std::make_unique<transfer::TreeItems>(*source.store, source.rule, std::move(rules), options.filter);
    jobs.push_back(std::move(job));
  }
  return jobs;
}

// Each line "SRC<TAB>DST", or "SRC" with a DST on the command line.
Result<std::vector<Job>> plan_list(StoreOpener& opener, CopyOptions& options) {
  TRY_ASSIGN(const std::string text, read_file(options.from_list, 1 << 30).context("--from-list"));
  if (options.places.size() > 1) return invalid("--from-list: the file names the sources; give DST at most");
  struct Group {
    Job job;
    std::vector<transfer::NamedItems::Pair> pairs;
  };
  std::map<std::string, Group> groups;
  std::size_t number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (line.empty() || line.starts_with('#')) continue;
    const auto failure = [&](std::string_view what) { return invalid(fmt::format("{}:{}: {}", options.from_list, number, what)); };
    const auto tab = line.find('\t');
    const std::string source_text(line.substr(0, tab)), target_text(tab == std::string_view::npos ? "" : line.substr(tab + 1));
    if (target_text.empty() && options.places.empty()) return failure("SRC, a tab and DST were expected, as no DST was given");
    const auto source_at = storage::parse_location(source_text);
    if (!source_at.ok()) return failure(source_at.error().message());
    const bool own_target = !target_text.empty();
    const auto target_at = storage::parse_location(own_target ? target_text : options.places[0]);
    if (!target_at.ok()) return failure(target_at.error().message());
    // Names are taken as they are: a list has no patterns. Files are kept below the root of all.
    const auto store_of = [&](const storage::Location& at, bool as_target) -> Result<std::shared_ptr<storage::Store>> {
      if (at.kind != storage::Kind::kLocal) return opener.open(at, as_target);
      static std::shared_ptr<storage::Store> root;
      if (!root) root = opener.open_folder("/");
      return root;
    };
    const auto key_of = [](const storage::Location& at) {
      return at.kind == storage::Kind::kLocal ? fs::absolute(at.key).lexically_normal().string().substr(1) : at.key;
    };
    TRY_ASSIGN(auto source, store_of(*source_at, false));
    TRY_ASSIGN(auto target, store_of(*target_at, true));
    const auto rule = transfer::source_rule(key_of(*source_at), Shape::kObject);
    if (rule.prefix.empty()) return failure("an object's name was expected");
    const std::string key = transfer::target_key(rule, transfer::target_rule(key_of(*target_at), Shape::kObject, !own_target), rule.prefix);
    auto& group = groups[fmt::format("{} {}", static_cast<const void*>(source.get()), static_cast<const void*>(target.get()))];
    group.job.source = source;
    group.job.targets = {target};
    group.job.identity += fmt::format("{}\n", line);
    group.pairs.push_back({rule.prefix, {key}});
  }
  std::vector<Job> jobs;
  for (auto& [name, group] : groups) {
    group.job.identity +=
        identity_of(*group.job.source, options.stores.endpoint) + identity_of(*group.job.targets[0], options.stores.target_endpoint);
    group.job.items = std::make_unique<transfer::NamedItems>(*group.job.source, std::move(group.pairs));
    jobs.push_back(std::move(group.job));
  }
  return jobs;
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

Result<std::optional<OverlayMeans>> means_for(const Context& context, StoreOpener& opener, CopyOptions& options) {
  // Regions are named without machines to learn what the direct copy costs.
  if (options.dry_run && options.overlay.names_regions_alone() && !context.environment().contains("ISOBAR_NETEM"))
    return std::optional<OverlayMeans>();
  if (!options.overlay.wanted() && options.overlay.mentioned())
    return invalid("plans are followed by gateways only: say between which regions with --from and --to, and where they run with --sites");
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

// What it would cost, and how long it would take.
Status tell_price(const Context& context, const OverlayMeans& means) {
  if (means.request.programs) return {};
  TRY_ASSIGN(const auto report, transfer::OverlayNetwork::plan(*means.host, means.request));
  context.console().say(transfer::render_plan(report));
  return {};
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
      context.console().print(
          fmt::format("{} objects, {}; nothing was done\n", sum.totals.objects_listed, format_bytes({sum.totals.bytes_listed})));
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

void add_filter_options(CLI::App& command, CopyOptions& options) {
  const auto add = [&](const std::string& name, bool include, const std::string& text) {
    command
        .add_option_function<std::string>(
            name,
            [&options, include](const std::string& pattern) {
              options.filter.rules.push_back({include, pattern});
            },
            text)
        ->trigger_on_parse()
        ->type_name("PATTERN")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  };
  add("--include", true, "Take what matches; the last --include or --exclude that matches decides. May be given several times.");
  add("--exclude", false, "Leave out what matches.");
}

void add_job_options(CLI::App& command, CopyOptions& options) {
  add_filter_options(command, options);
  command.add_flag("-n,--dry-run", options.dry_run, "Say what would be done, and do nothing.");
  command.add_flag("--resume", options.resume,
                   "Go on with an unfinished transfer of the same, which must be there. (Without this it is taken up if it is there.)");
  command.add_flag("--restart", options.restart, "Remove what an unfinished transfer of the same has left, and begin again.")
      ->excludes("--resume");
  command.add_option("--manifest", options.manifest, "Append a JSON line for each object to this file: names, bytes, CRC-32C, versions.");
  command.add_option("--bwlimit", options.bandwidth, "Bytes a second at most: 100MB.");
  command.add_option("--part-size", options.part_size, "Objects larger than this move in parts of it.")->capture_default_str();
  command.add_option("--memory", options.memory, "Memory for data under way, at most.")->capture_default_str();
  command
      .add_option("--max-failures", options.max_failures,
                  "Give up when so many objects in a row were refused by a store, or it did not answer. 0: try them all.")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_flag("--no-verify", options.no_verify, "Do not look at the target's own listing in the end.");
  command.add_flag("--no-server-side", options.no_server_side, "Let the bytes pass here though the store could copy them by itself.");
  command.add_flag("--preserve", options.stores.keep_mode, "Keep files' permissions, in metadata where the store is none.");
  command.add_option("--content-type", options.overrides.content_type, "Set this instead of what the source says. So with the next ones.");
  command.add_option("--content-encoding", options.overrides.content_encoding);
  command.add_option("--content-language", options.overrides.content_language);
  command.add_option("--content-disposition", options.overrides.content_disposition);
  command.add_option("--cache-control", options.overrides.cache_control);
  command.add_option("--storage-class", options.overrides.storage_class, "The target's storage class.");
  command.add_option("--metadata", options.metadata, "NAME=VALUE, laid over the source's. May be given several times.")
      ->allow_extra_args(false);
  command.add_flag("--drop-metadata", options.overrides.drop_metadata, "Leave the source's metadata behind.");
  command.add_flag("-q,--quiet", options.quiet, "Say only what went wrong.");
  command.add_option("-o,--output", options.output, "table or json.")->check(CLI::IsMember({"table", "json"}));
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
  };
  add("cp", "Copy objects and files, verified; goes on after any crash.", Verb::kCopy);
  add("mv", "Copy, then remove the source.", Verb::kMove);
  add("sync", "Copy what DST lacks or has otherwise.", Verb::kSync);
}

}  // namespace isobar::app
