// db planner: what a database survives, given who runs its replicas and where they stand; and where they should.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <boost/json.hpp>
#include <charconv>
#include <set>

#include "base/text.h"
#include "command.h"
#include "db/cluster_file.h"
#include "db/survival_text.h"

namespace isobar::app {

namespace {

namespace json = boost::json;

struct PlannerOptions {
  std::string cluster, plan, place, domains, kind = "domain", output;
  std::uint32_t f = 1;
  bool suggest = false;
};

db::Placement placement_of(const db::ClusterFile& cluster) {
  db::Placement placement{cluster.membership.budget, {}};
  for (std::uint64_t shard = 0; shard < cluster.membership.shards.size(); ++shard) {
    auto& replicas = placement.shards.emplace_back();
    for (const auto& replica : cluster.membership.replicas_of(db::ShardId(shard))) replicas.push_back(cluster.member(replica).domains);
  }
  return placement;
}

db::Placement placement_of(const db::ClusterPlan& plan) {
  db::Placement placement{db::FaultBudget(plan.f), {}};
  for (const auto& shard : plan.shards) {
    auto& replicas = placement.shards.emplace_back();
    for (const auto& replica : shard) replicas.push_back(replica.domains);
  }
  return placement;
}

/// "aws=2,gcp=2,onprem": domains, each with a count or without.
Result<std::vector<db::DomainRoom>> read_counts(const std::string& text) {
  std::vector<db::DomainRoom> list;
  std::set<std::string> names;
  for (const std::string_view part : split(text, ',')) {
    const auto equals = part.rfind('=');
    db::DomainRoom room{std::string(trim(part.substr(0, equals))), std::nullopt};
    if (room.domain.empty()) return invalid(fmt::format("'{}' names no domain; write aws=2,gcp=2", part));
    if (!names.insert(room.domain).second) return invalid(fmt::format("'{}' is named twice", room.domain));
    if (equals != std::string_view::npos) {
      const std::string_view count = trim(part.substr(equals + 1));
      std::uint32_t replicas = 0;
      const auto [end, failed] = std::from_chars(count.data(), count.data() + count.size(), replicas);
      if (failed != std::errc() || end != count.data() + count.size() || replicas < 1 || replicas > 1000)
        return invalid(fmt::format("'{}' is no count of replicas from 1 to 1000; write {}=2", count, room.domain));
      room.replicas_most = replicas;
    }
    list.push_back(std::move(room));
  }
  return list;
}

db::Placement one_shard(const PlannerOptions& o, const std::vector<db::DomainRoom>& domains, const std::vector<std::uint32_t>& counts) {
  db::Placement placement{db::FaultBudget(o.f), {{}}};
  for (std::size_t i = 0; i < counts.size(); ++i)
    placement.shards[0].insert(placement.shards[0].end(), counts[i], {{o.kind, domains[i].domain}});
  return placement;
}

Result<db::Placement> read_place(const PlannerOptions& o) {
  TRY_ASSIGN(const auto domains, read_counts(o.place));
  std::vector<std::uint32_t> counts;
  std::uint32_t all = 0;
  for (const auto& room : domains) {
    counts.push_back(room.replicas_most.value_or(1));
    all += counts.back();
  }
  const db::FaultBudget budget(o.f);
  if (all != budget.replicas())
    return invalid(fmt::format("{} {} replicas, and a shard that bears f={} has 5f+1={}", o.place,
                               all == 1 ? "is 1" : fmt::format("are {}", all), o.f, budget.replicas()));
  return one_shard(o, domains, counts);
}

Result<db::Placement> read_cluster_placement(const std::string& where) {
  std::error_code ignored;
  const fs::path file = fs::is_directory(where, ignored) ? fs::path(where) / "cluster.yaml" : fs::path(where);
  TRY_ASSIGN(const auto cluster, db::read_cluster(file));
  return placement_of(cluster);
}

Result<db::Placement> read_plan_placement(const std::string& file) {
  TRY_ASSIGN(const auto plan, db::read_plan(file));
  return placement_of(plan);
}

Result<db::Placement> read_placement(const PlannerOptions& o) {
  if (!o.place.empty()) return read_place(o).context("--place");
  return o.plan.empty() ? read_cluster_placement(o.cluster) : read_plan_placement(o.plan);
}

struct Suggested {
  db::Placement placement;
  std::string place;  // as --place takes it
  std::uint32_t domains = 0;
};

Result<Suggested> suggest(const PlannerOptions& o) {
  TRY_ASSIGN(const auto domains, read_counts(o.domains));
  TRY_ASSIGN(const auto counts, db::place_replicas(db::FaultBudget(o.f), domains));
  std::vector<std::string> place;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) place.push_back(fmt::format("{}={}", domains[i].domain, counts[i]));
  return Suggested{one_shard(o, domains, counts), join(place, ","), static_cast<std::uint32_t>(domains.size())};
}

json::object to_json(const std::string& kind, const db::ShardSurvival& shard) {
  json::array domains, together;
  for (const auto& alike : shard.domains)
    for (const auto& domain : alike.domains)
      domains.push_back(json::object{{"domain", domain},
                                     {"replicas", alike.replicas},
                                     {"outage", db::name_of(alike.outage)},
                                     {"corruption", db::name_of(alike.corruption)}});
  for (const auto& mixed : shard.together)
    together.push_back(json::object{{"domains_out", mixed.out},
                                    {"domains_lying", mixed.lying},
                                    {"replicas_out", mixed.replicas_out},
                                    {"replicas_lying", mixed.replicas_lying},
                                    {"database", db::name_of(mixed.service)}});
  return {{"domains", std::move(domains)},      {"together", std::move(together)},
          {"failing_most", shard.failing_most}, {"out_most_for_reads", shard.out_most_for_reads},
          {"unnamed", shard.unnamed},           {"verdict", db::verdict(kind, shard)}};
}

json::object to_json(const db::Placement& placement, const std::vector<db::KindSurvival>& kinds) {
  json::array list;
  for (const auto& kind : kinds) {
    json::array shards;
    for (const auto& shard : kind.shards) shards.push_back(to_json(kind.kind, shard));
    list.push_back(json::object{{"kind", kind.kind}, {"failing_most", kind.failing_most}, {"shards", std::move(shards)}});
  }
  return {{"f", placement.budget.f()}, {"replicas", placement.budget.replicas()}, {"kinds", std::move(list)}};
}

json::array needs_json(db::FaultBudget budget) {
  json::array list;
  for (std::uint32_t failing = 1; failing <= budget.f(); ++failing)
    list.push_back(json::object{{"failing", failing}, {"domains", *db::domains_needed(budget, failing)}});
  return list;
}

std::string in_words(const db::Placement& placement, const std::vector<db::KindSurvival>& kinds) {
  std::string text = db::explain_budget(placement.budget, placement.shards.size());
  for (const auto& kind : kinds) text += db::render_survival(placement.budget, kind);
  return text;
}

Result<std::string> answer_suggestion(const PlannerOptions& o) {
  TRY_ASSIGN(const Suggested suggested, suggest(o).context("--domains"));
  TRY_ASSIGN(const auto kinds, db::survival_of(suggested.placement));
  if (o.output != "json")
    return fmt::format("Place {}\n{}\n{}", suggested.place, in_words(suggested.placement, kinds),
                       db::explain_need(suggested.placement.budget, o.kind, suggested.domains));
  json::object object = to_json(suggested.placement, kinds);
  object["place"] = suggested.place;
  object["needed"] = needs_json(suggested.placement.budget);
  return json::serialize(object) + "\n";
}

Result<std::string> answer(const PlannerOptions& o) {
  if (!o.domains.empty()) return answer_suggestion(o);
  if (o.cluster.empty() && o.plan.empty() && o.place.empty())
    return invalid(
        "there is nothing to look at; name a cluster.yaml, --plan FILE, --place aws=2,gcp=2,azure=2, or --suggest --domains aws,gcp,azure");
  TRY_ASSIGN(const db::Placement placement, read_placement(o));
  TRY_ASSIGN(const auto kinds, db::survival_of(placement).context(
                                   (o.plan.empty() ? o.cluster : o.plan) +
                                   ": add domains to its replicas, such as {at: HOST:PORT, cloud: aws, operator: acme} in a plan or "
                                   "domains: {cloud: aws} in cluster.yaml"));
  if (o.output == "json") return json::serialize(to_json(placement, kinds)) + "\n";
  return in_words(placement, kinds);
}

int planner(Context& context, const PlannerOptions& o) {
  const auto text = answer(o);
  if (!text.ok()) return context.console().fail(text.error());
  context.console().print(*text);
  return kOk;
}

}  // namespace

void add_db_planner_commands(Commands& commands, CLI::App* group) {
  auto o = std::make_shared<PlannerOptions>();
  auto* command = commands.add(group, "planner",
                               "What survives the failure of a cloud or an operator, given whose the replicas are; and where to put them.",
                               [o](Context& context) { return planner(context, *o); });
  auto* cluster = command->add_option("CLUSTER", o->cluster, "A cluster.yaml whose replicas name their domains, or its folder.");
  auto* plan = command->add_option("--plan", o->plan, "A plan, as `db init` takes it, in its place.")->excludes(cluster);
  auto* place = command->add_option("--place", o->place, "One shard by counts, in its place: aws=2,gcp=2,azure=2.")
                    ->excludes(cluster)
                    ->excludes(plan);
  auto* suggest =
      command->add_flag("--suggest", o->suggest, "The placement of a shard over --domains that survives most, and how many it would take.");
  auto* domains = command
                      ->add_option("--domains", o->domains,
                                   "Domains to choose from: aws,gcp,onprem; with the most replicas of a shard in one: onprem=2.")
                      ->excludes(cluster)
                      ->excludes(plan)
                      ->excludes(place);
  suggest->needs(domains);
  domains->needs(suggest);
  command->add_option("--f", o->f, "Of --place and --domains: how many replicas of a shard may lie.")
      ->check(CLI::Range(1, 10))
      ->excludes(cluster)
      ->excludes(plan)
      ->capture_default_str();
  command->add_option("--kind", o->kind, "Of --place and --domains: what they are, such as cloud or operator.")
      ->excludes(cluster)
      ->excludes(plan)
      ->capture_default_str();
  command->add_option("-o,--output", o->output, "table or json.")->check(CLI::IsMember({"table", "json"}));
}

}  // namespace isobar::app
