#include "db/survival_text.h"

#include <fmt/format.h>

#include "base/text.h"
#include "base/text_table.h"

namespace isobar::db {

namespace {

std::string plural(const std::string& kind) {
  const bool ies = kind.size() > 1 && kind.back() == 'y' && std::string_view("aeiou").find(kind[kind.size() - 2]) == std::string_view::npos;
  return ies ? kind.substr(0, kind.size() - 1) + "ies" : kind + "s";
}

std::string counted(std::uint32_t count, const std::string& kind) { return fmt::format("{} {}", count, count == 1 ? kind : plural(kind)); }

/// "a", "a or b", "a, b or c".
std::string any_of(const std::vector<std::string>& names) {
  if (names.size() == 1) return names.front();
  return fmt::format("{} or {}", join(std::span(names).first(names.size() - 1), ", "), names.back());
}

/// What so many replicas out and so many lying leave, and why.
std::string meaning(FaultBudget budget, std::uint32_t out, std::uint32_t lying) {
  const std::uint32_t left = budget.replicas() - out - lying;
  const std::string who =
      lying == 0 ? fmt::format("{} are left", left) : fmt::format("nothing false is believed; {} correct ones are left", left);
  switch (service_with(budget, out, lying)) {
    case Service::kFast: return "all answer: transactions commit after one round";
    case Service::kSecondRound:
      return fmt::format("{}, and {} log a decision: transactions commit, after a second round{}", who, budget.log_quorum(),
                         out == 0 ? " where liars keep silent" : "");
    case Service::kReads:
      return fmt::format(
          "{}, and {} are needed to log a decision: values can be read, but no transaction commits, one that only reads neither", who,
          budget.log_quorum());
    case Service::kNothing:
      return fmt::format("{}, and {} are needed to read: nothing goes on until more are back", who, budget.one_correct());
    case Service::kNoPromise: break;
  }
  return fmt::format("{} lie, and f is {}: anything may happen in this shard", lying, budget.f());
}

std::string replicas_failing(std::uint32_t out, std::uint32_t lying) {
  if (lying == 0) return fmt::format("{} out", out);
  if (out == 0) return fmt::format("{} lie{}", lying, lying == 1 ? "s" : "");
  return fmt::format("{} out, {} lie{}", out, lying, lying == 1 ? "s" : "");
}

std::string render_shard(FaultBudget budget, const std::string& kind, const ShardSurvival& shard) {
  TextTable table({"IF", "THEN OF " + fmt::to_string(budget.replicas()), "AND THE DATABASE", "FOR"});
  const auto row = [&](const std::string& what, std::uint32_t out, std::uint32_t lying) {
    table.add({what, replicas_failing(out, lying), std::string(name_of(service_with(budget, out, lying))), meaning(budget, out, lying)});
  };
  for (const auto& alike : shard.domains) {
    const bool all = shard.domains.size() == 1 && alike.domains.size() > 1;
    const std::string who = all ? "any one " + kind : any_of(alike.domains);
    row(who + " is out", alike.replicas, 0);
    row(who + " is corrupt", 0, alike.replicas);
  }
  for (const auto& mixed : shard.together) {
    if (mixed.out + mixed.lying < 2) continue;  // told above
    const std::string what = mixed.lying == 0 ? fmt::format("any {} are out", counted(mixed.out, kind))
                             : mixed.out == 0 ? fmt::format("any {} are corrupt", counted(mixed.lying, kind))
                                              : fmt::format("any {} out, {} corrupt", mixed.out, mixed.lying);
    row(what, mixed.replicas_out, mixed.replicas_lying);
  }
  return table.render(2);
}

}  // namespace

std::string_view name_of(Service service) {
  switch (service) {
    case Service::kFast: return "commits in one round";
    case Service::kSecondRound: return "commits, second round";
    case Service::kReads: return "reads only";
    case Service::kNothing: return "nothing goes on";
    case Service::kNoPromise: return "nothing is promised";
  }
  return "unknown";
}

std::string explain_budget(FaultBudget budget, std::size_t shards) {
  return fmt::format(
      "f={}: {} shard{} of {} replicas{}. Transactions commit after one round while all {} answer, after a second one while {} do; values "
      "are read while {} do; and {} may lie.\n",
      budget.f(), shards, shards == 1 ? "" : "s", budget.replicas(), shards == 1 ? "" : " each", budget.fast_commit_quorum(),
      budget.log_quorum(), budget.one_correct(), budget.f());
}

std::string verdict(const std::string& kind, const ShardSurvival& shard) {
  const std::uint32_t failing = shard.failing_most;
  std::string text;
  std::vector<std::string> survived, fatal;
  for (const auto& alike : shard.domains)
    for (const auto& domain : alike.domains) (alike.outage <= Service::kSecondRound ? survived : fatal).push_back(domain);
  if (failing > 0)
    text = fmt::format("Survives any {} of {} failing at once, by outage or corruption: transactions still commit, and rightly.", failing,
                       counted(shard.domain_count, kind));
  else if (survived.empty()) text = fmt::format("Survives neither the outage nor the corruption of any one {}.", kind);
  else
    text = fmt::format("Survives the failure of {}, one of them at a time; neither the outage nor the corruption of {}.", any_of(survived),
                       any_of(fatal));
  if (shard.out_most_for_reads > failing)
    text += fmt::format(" Values are still read while any {} {} out.", counted(shard.out_most_for_reads, kind),
                        shard.out_most_for_reads == 1 ? "is" : "are");
  if (shard.unnamed > 0)
    text += fmt::format(" {} of its replicas name{} no {}; as they may all be in one, they are counted so.", shard.unnamed,
                        shard.unnamed == 1 ? "s" : "", kind);
  return text;
}

std::string render_survival(FaultBudget budget, const KindSurvival& kind) {
  std::string text;
  for (std::size_t i = 0; i < kind.shards.size(); ++i) {
    const ShardSurvival& shard = kind.shards[i];
    std::vector<std::string> domains;
    for (const auto& alike : shard.domains)
      for (const auto& domain : alike.domains) domains.push_back(fmt::format("{} {}", domain, alike.replicas));
    text += fmt::format("\n{}{}: {}\n", kind.kind, kind.shards.size() == 1 ? "" : fmt::format(", shard {}", i), join(domains, ", "));
    text += render_shard(budget, kind.kind, shard) + "  " + verdict(kind.kind, shard) + "\n";
  }
  if (kind.shards.size() > 1)
    text += fmt::format("{}, all shards: any {} may fail at once; a transaction may need every shard.\n", kind.kind,
                        counted(kind.failing_most, kind.kind));
  return text;
}

std::string explain_need(FaultBudget budget, const std::string& kind, std::uint32_t domains) {
  TextTable table({"SO THAT ANY MAY FAIL", "IT TAKES"});
  for (std::uint32_t failing = 1; failing <= budget.f(); ++failing)
    table.add({counted(failing, kind), counted(*domains_needed(budget, failing), kind)});
  std::string text = table.render();
  if (const std::uint32_t needed = *domains_needed(budget, 1); domains < needed)
    text += fmt::format("Fewer than {} bear the failure of any one with no f: one of them has more than f of 5f+1 replicas.\n",
                        counted(needed, kind));
  return text;
}

}  // namespace isobar::db
