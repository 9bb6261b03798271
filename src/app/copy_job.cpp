#include "copy_job.h"

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/text.h"
#include "copy_overlay.h"
#include "transfer/arrival.h"

namespace isobar::app {

namespace {

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
  plan.recheck_source = is_local(job.source);
  plan.read_lagging_again = !is_local(job.source);
  const int disk = 16;
  plan.source_calls_most = is_local(job.source) ? disk : options.stores.parallel;
  plan.target_calls_most = plan.target_keeps_mtime ? disk : options.stores.parallel;
  return plan;
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

}  // namespace

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
  if (network) {
    outcome.edges = network->edges();
    outcome.packed = network->packed();
  }
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
  sum.packed += one.packed;
  sum.removed += one.removed;
  sum.same += one.same;
}

}  // namespace isobar::app
