// db status and db bench: how a database is, and how much it bears.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <unistd.h>

#include <boost/json.hpp>
#include <thread>

#include "base/text_table.h"
#include "db/load.h"
#include "db_members.h"

namespace isobar::app {

namespace {

namespace json = boost::json;

struct StatusOptions : DbMember {
  std::string timeout = "2s", output;
  bool watch = false;
};

std::string percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "-" : fmt::format("{:.1f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

/// "hides_write 12, reader 3": what votes to abort were for, the most frequent first.
std::string reasons_of(const db::StatusReply& reply) {
  std::vector<std::pair<std::uint64_t, std::string>> counts;
  for (std::size_t i = 0; i < reply.reasons.size() && i <= static_cast<std::size_t>(db::AbortReason::kLast); ++i)
    if (reply.reasons[i] > 0) counts.emplace_back(reply.reasons[i], db::name_of(static_cast<db::AbortReason>(i)));
  std::sort(counts.rbegin(), counts.rend());
  std::string text;
  for (const auto& [count, name] : counts) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, count);
  return text.empty() ? "-" : text;
}

json::object to_json(const db::Session::ReplicaStatus& status) {
  json::object object{{"replica", fmt::format("{}.{}", status.replica.shard, status.replica.index)},
                      {"address", status.address},
                      {"up", status.reply.has_value()}};
  if (!status.reply) return object;
  const auto& reply = *status.reply;
  object["clock_ahead_ms"] = 1e3 * to_seconds(status.clock_ahead);
  object["voted_commit"] = reply.voted_commit;
  object["voted_abort"] = reply.voted_abort;
  json::object reasons;
  for (std::size_t i = 1; i < reply.reasons.size() && i <= static_cast<std::size_t>(db::AbortReason::kLast); ++i)
    reasons[db::name_of(static_cast<db::AbortReason>(i))] = reply.reasons[i];
  object["abort_reasons"] = std::move(reasons);
  object["decided"] = reply.decided;
  object["decided_by_votes"] = reply.decided_fast;
  object["overruled"] = reply.overruled;
  object["undecided"] = reply.undecided;
  object["stalled"] = reply.stalled;
  object["contradictions"] = reply.evidence;
  object["dropped"] = reply.dropped;
  object["signatures"] = reply.batches;
  object["caught_up"] = reply.caught_up;
  object["kept"] = reply.kept;
  object["at_rest_until"] = reply.settled;
  object["stable_until"] = reply.stable;
  return object;
}

/// "36 s ago": up to when all that is committed is at rest, and a commit quorum agrees.
std::string at_rest(const db::StatusReply& reply) {
  if (reply.stable == 0 || reply.clock < reply.stable) return "-";
  return format_duration(std::chrono::seconds((reply.clock - reply.stable) / 1'000'000'000)) + " ago";
}

std::string table_of(const std::vector<db::Session::ReplicaStatus>& replicas) {
  TextTable table({"REPLICA", "ADDRESS", "STATE", "CLOCK", "DECIDED", "BY VOTES", "OVERRULED", "UNDECIDED", "STALLED", "CONTRADICTIONS",
                   "DROPPED", "KEPT", "AT REST", "ABORT VOTES"});
  for (const auto& replica : replicas) {
    const std::string name = fmt::format("{}.{}", replica.replica.shard, replica.replica.index);
    if (!replica.reply) {
      table.add({name, replica.address, "DOWN", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"});
      continue;
    }
    const auto& reply = *replica.reply;
    table.add({name, replica.address, "UP", fmt::format("{:+.0f} ms", 1e3 * to_seconds(replica.clock_ahead)), fmt::to_string(reply.decided),
               percent(reply.decided_fast, reply.decided), percent(reply.overruled, reply.decided), fmt::to_string(reply.undecided),
               fmt::to_string(reply.stalled), fmt::to_string(reply.evidence), fmt::to_string(reply.dropped), fmt::to_string(reply.kept),
               at_rest(reply), reasons_of(reply)});
  }
  return table.render();
}

int status(Context& context, const StatusOptions& o) {
  const auto patience = parse_duration(o.timeout);
  if (!patience.ok()) return context.console().fail(patience.error().context("--timeout"));
  auto session = open_session(o);
  if (!session.ok()) return context.console().fail(session.error());
  for (;;) {
    const auto replicas = (*session)->status(*patience);
    if (o.output == "json") {
      json::array array;
      for (const auto& replica : replicas) array.push_back(to_json(replica));
      context.console().print(json::serialize(array) + "\n");
    } else {
      // On a terminal in place of the one before.
      const bool in_place = o.watch && ::isatty(STDOUT_FILENO) == 1;
      context.console().print((in_place ? "\x1b[H\x1b[2J" : "") + table_of(replicas));
    }
    if (!o.watch) return kOk;
    std::fflush(stdout);
    std::this_thread::sleep_for(std::chrono::seconds(2));
  }
}

struct BenchOptions : DbMember {
  db::LoadOptions load;
  std::string workload = "ycsb", run = "10s", output;
};

int bench(Context& context, BenchOptions o) {
  const auto run = parse_duration(o.run);
  if (!run.ok()) return context.console().fail(run.error().context("--for"));
  o.load.run = *run;
  o.load.kind = o.workload == "smallbank" ? db::LoadKind::kSmallbank : o.workload == "retwis" ? db::LoadKind::kRetwis : db::LoadKind::kYcsb;
  auto member = read_db_member(o);
  if (!member.ok()) return context.console().fail(member.error());
  const auto report = db::run_load(o.load, std::move(member->cluster), std::move(member->secret));
  if (!report.ok()) return context.console().fail(report.error());
  const double attempts = static_cast<double>(report->committed + report->aborted);
  if (o.output == "json") {
    context.console().print(json::serialize(json::object{{"committed", report->committed},
                                                         {"aborted", report->aborted},
                                                         {"fast", report->fast},
                                                         {"seconds", report->seconds},
                                                         {"per_second", report->per_second()},
                                                         {"p50_ms", report->p50_ms},
                                                         {"p99_ms", report->p99_ms},
                                                         {"cpu_seconds", report->cpu_seconds}}) +
                            "\n");
    return kOk;
  }
  context.console().print(fmt::format(
      "{:.0f} transactions a second ({} in {:.1f} s); {:.1f} ms half of them, {:.1f} ms 99 %; aborted {:.1f} % of all attempts; "
      "{} after one round; {:.3f} ms CPU of this client each\n",
      report->per_second(), report->committed, report->seconds, report->p50_ms, report->p99_ms,
      100.0 * static_cast<double>(report->aborted) / attempts, percent(report->fast, report->committed),
      1e3 * report->cpu_seconds / static_cast<double>(report->committed)));
  return kOk;
}

}  // namespace

void add_db_bench_commands(Commands& commands, CLI::App* group) {
  auto s = std::make_shared<StatusOptions>();
  auto* status_command = commands.add(group, "status", "How the replicas are: decisions, disagreements, clocks, what stalls.",
                                      [s](Context& context) { return status(context, *s); });
  add_db_member_options(*status_command, *s, "a client");
  status_command->add_option("--timeout", s->timeout, "How long to wait for those that do not answer.")->capture_default_str();
  status_command->add_flag("-w,--watch", s->watch, "Again every two seconds, until it is interrupted.");
  status_command->add_option("-o,--output", s->output, "table or json.")->check(CLI::IsMember({"table", "json"}));

  auto b = std::make_shared<BenchOptions>();
  auto* bench_command =
      commands.add(group, "bench", "Work for the database, and how fast it is done. It writes keys of its own, and leaves them.",
                   [b](Context& context) { return bench(context, *b); });
  add_db_member_options(*bench_command, *b, "a client");
  bench_command->add_option("--workload", b->workload, "ycsb: keys that are read and written; smallbank; retwis.")
      ->check(CLI::IsMember({"ycsb", "smallbank", "retwis"}))
      ->capture_default_str();
  bench_command->add_option("--pairs", b->load.pairs, "Of ycsb: keys in a transaction.")->check(CLI::Range(1, 100))->capture_default_str();
  bench_command->add_option("--keys", b->load.keys, "Keys, customers, or users.")->check(CLI::Range(1, 100'000'000))->capture_default_str();
  bench_command->add_option("--zipf", b->load.zipf, "Skew of the keys; 0: all alike.")
      ->check(CLI::Range(0.0, 0.999))
      ->capture_default_str();
  bench_command->add_option("--value-bytes", b->load.value_bytes, "Size of what is written.")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  bench_command->add_option("--at-once", b->load.at_once, "Transactions open at a time.")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  bench_command->add_option("--seed", b->load.seed, "Of the choice of keys.")->capture_default_str();
  bench_command->add_option("--for", b->run, "How long.")->capture_default_str();
  bench_command->add_option("-o,--output", b->output, "text or json.")->check(CLI::IsMember({"text", "json"}));
}

}  // namespace isobar::app
