#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <boost/json.hpp>

#include "definition_sample.h"
#include "features/definition_plan.h"

namespace isobar::features {
namespace {

using testing::HasSubstr;

DefinitionPlan plan_of(std::string_view before, std::string_view after) {
  const Definition old = parsed(before);
  auto plan = plan_definition(&old, parsed(after), "f.yaml");
  CHECK(plan.ok(), plan.error().message());
  return std::move(*plan);
}
DefinitionPlan plan_of_edit(std::string_view from, std::string_view to) { return plan_of(kSample, edited(from, to)); }

std::string refusal(std::string_view from, std::string_view to) {
  const Definition old = parsed(kSample);
  const auto plan = plan_definition(&old, parsed(edited(from, to)), "f.yaml");
  return plan.ok() ? "planned without error" : plan.error().message();
}

/// "view spending ttl dropped" for each field that changes, "+feature spending:x kept" for what comes, and "-…" for what goes.
std::vector<std::string> summary(const DefinitionPlan& plan) {
  std::vector<std::string> lines;
  for (const auto& change : plan.changes) {
    const std::string thing = change.kind + " " + change.name + " ";
    if (change.what != Change::What::kChanged)
      lines.push_back((change.what == Change::What::kAdded ? "+" : "-") + thing + std::string(name_of(change.consequence)));
    for (const auto& field : change.fields) lines.push_back(thing + field.field + " " + std::string(name_of(field.consequence)));
  }
  return lines;
}

TEST(DefinitionPlan, ReapplyingIsNoChange) {
  const auto plan = plan_of(kSample, kSample);
  EXPECT_TRUE(plan.changes.empty());
  EXPECT_EQ(plan.unchanged, 2U + 2 + 3 + 11 + 1);
  EXPECT_THAT(render_plan(plan), HasSubstr("no changes"));
  EXPECT_TRUE(plan_of(kSample, canonical_text(parsed(kSample))).changes.empty()) << "nor is its canonical form";
}

TEST(DefinitionPlan, AtFirstAllIsAdded) {
  const auto plan = plan_definition(nullptr, parsed(kSample), "f.yaml");
  EXPECT_EQ(plan->changes.size(), 19U);
  EXPECT_THAT(render_plan(*plan), HasSubstr("+ feature spending:spent_1h float64"));
  EXPECT_THAT(render_plan(*plan), HasSubstr("19 added, 0 changed, 0 dropped"));
}

TEST(DefinitionPlan, SaysWhatBecomesOfTheData) {
  struct Case {
    const char *from, *to;
    std::vector<std::string> lines;
  };
  const Case cases[] = {
      {"ttl: 90d", "ttl: 30d", {"view spending ttl dropped"}},
      {"ttl: 90d", "ttl: 180d", {"view spending ttl kept"}},
      {"ttl: 90d", "ttl: none", {"view spending ttl kept"}},
      {"where: amount > 0", "where: amount > 1", {"view spending where rebuilt"}},
      {"    entity: user\n    where", "    entity: merchant\n    where", {"view spending entities dropped"}},
      {"    ttl: 90d\n", "    ttl: 90d\n    owner: fraud\n", {"view spending owner kept"}},
      {"sum(items) over 1h", "sum(items) over 2h", {"feature spending:bought windows rebuilt"}},
      {"sql: amount * 2", "sql: amount + amount", {"feature spending:double sql rebuilt"}},
      {"over 1h, 24h", "over 1h, 12h", {"+feature spending:spent_12h kept", "-feature spending:spent_24h dropped"}},
      {"budget: 600/h", "budget: 60/h", {"feature spending:outlook schedule.budget kept"}},
      {"period: 24", "period: 12", {"feature spending:outlook period rebuilt"}},
      {"made: timestamp", "made: timestamp, note: string", {"source payments schema.note kept"}},
      {"    created: made\n", "", {"source payments created rebuilt"}},
      {"path: visits.csv", "path: more.csv", {"source visits path kept"}},
      {", page]", "]", {"service fraud features kept"}},
      {"offered > spent_1h", "offered >= spent_1h", {"feature spending:offer sql kept"}},
      {"{sql: amount * 2}",
       "{request: {}, sql: spent_1h * 2}",
       {"feature spending:double on_demand dropped", "feature spending:double sql kept"}},
  };
  for (const auto& [from, to, lines] : cases) EXPECT_EQ(summary(plan_of_edit(from, to)), lines) << from << " -> " << to;
}

TEST(DefinitionPlan, AViewThatGoesOfflineDropsItsOnlineRows) {
  const auto unserved = edited("  fraud: [spending:spent_1h, total:spent as spent_in_all, page]", "  fraud: [page]");
  const auto offline = edited("    ttl: 90d\n", "    ttl: 90d\n    online: false\n", unserved);
  EXPECT_THAT(summary(plan_of(unserved, offline)), testing::ElementsAre("view spending online dropped"));
  EXPECT_THAT(summary(plan_of(offline, unserved)), testing::ElementsAre("view spending online rebuilt"));
}

TEST(DefinitionPlan, AWiderTypeKeepsRowsAndRebuildsAggregates) {
  const auto narrow = edited("amount: float64, items", "amount: float32, items");
  const auto lines =
      summary(plan_of(edited("last_amount: amount", "last_amount: amount\n      first_amount: first(amount) over 1h", narrow),
                      edited("last_amount: amount", "last_amount: amount\n      first_amount: first(amount) over 1h")));
  EXPECT_THAT(lines, testing::Contains("source payments schema.amount kept"));
  EXPECT_THAT(lines, testing::Contains("feature spending:last_amount type kept"));
  EXPECT_THAT(lines, testing::Contains("feature spending:first_amount type rebuilt"));
}

TEST(DefinitionPlan, AnotherTypeUnderTheSameNameIsRefused) {
  EXPECT_THAT(
      refusal("sql: amount * 2", "sql: items"),
      HasSubstr("f.yaml:23:7: views.spending.features.double: it was float64 and would be int32, under the same name; give it a new name"));
  EXPECT_THAT(refusal("last_amount: amount", "last_amount: merchant_id"), HasSubstr("it was float64 and would be string"));
  EXPECT_THAT(refusal("{keys: {user_id: int64}}", "{keys: {user_id: int32}}"), HasSubstr("the key was int64 and would be int32"));
  EXPECT_THAT(refusal("project: shop", "project: other"), HasSubstr("project: it is 'other', and what is applied is 'shop'"));
}

TEST(DefinitionPlan, TheOrderOfAKeyMatters) {
  const auto two = edited("{keys: {merchant_id: string}}", "{keys: {merchant_id: string, amount_id: string}}");
  const auto turned = edited("{keys: {merchant_id: string}}", "{keys: {amount_id: string, merchant_id: string}}");
  EXPECT_THAT(summary(plan_of(two, turned)), testing::ElementsAre("entity merchant keys dropped"));
}

TEST(DefinitionPlan, JsonSaysTheSame) {
  const auto plan = boost::json::parse(plan_json(plan_of_edit("ttl: 90d", "ttl: none"))).as_object();
  const auto& change = plan.at("changes").at(0).as_object();
  EXPECT_EQ(change.at("name"), "spending");
  EXPECT_EQ(change.at("data"), "kept");
  EXPECT_EQ(change.at("fields").at(0).at("before"), "90d");
  EXPECT_TRUE(change.at("fields").at(0).at("after").is_null());
}

/// A definition in a random order of lines, with random parts left out.
struct Parts {
  std::vector<std::string> columns, features, views;
};
template <class T>
std::vector<T> some_of(std::vector<T> all) {
  std::vector<T> chosen;
  for (auto& one : all)
    if (*rc::gen::inRange(0, 3) > 0) chosen.push_back(std::move(one));
  return chosen;
}
std::vector<std::string> shuffled(std::vector<std::string> lines) {
  for (std::size_t i = lines.size(); i > 1; --i) std::swap(lines[i - 1], lines[*rc::gen::inRange<std::size_t>(0, i)]);
  return lines;
}

Parts random_parts() {
  Parts parts;
  parts.columns = some_of<std::string>({"a: float64", "b: int32", "\"c d\": string", "e: bytes", "f: bool[]"});
  parts.columns.emplace_back("id: int64");
  parts.columns.emplace_back("at: timestamp");
  const int n = *rc::gen::inRange(1, 100);
  parts.features = some_of<std::string>({
      "plus: {sql: 'id + " + std::to_string(n) + "', owner: \"o'x: #\", tags: {t: 'yes', u: '1.0'}}",
      "count: count(*) over " + std::to_string(n) + "h, unbounded",
      "tops: {function: top_k, of: id, k: " + std::to_string(n) + ", windows: [24h], hop: 1h}",
      "q: {function: quantiles, of: id, quantiles: [0.1, " + std::to_string(n / 100.0) + "], windows: 1h, kind: tumbling}",
      "h: {function: histogram, of: id, bounds: [-1.0e+300, 0.1, " + std::to_string(n) + "], windows: 1h, exact: true}",
      "decayed: {function: decayed_sum, of: id, half_life: " + std::to_string(n) + "ms, windows: unbounded}",
      "later: {on_demand: true, sql: 'last is null'}",
      "asked: {request: {y: string, x: int32}, sql: \"y || 'é\\n'\"}",
      "stl: {featurizer: seasonal, of: id, schedule: {budget: 0." + std::to_string(n) + " cpu, burst: 3, policy: regret-per-cost}}",
  });
  parts.features.emplace_back("last: at");
  return parts;
}

std::string text_of(const Parts& parts) {
  std::string text = "project: p\nentities: {k: {keys: {id: int32}}}\nsources:\n  s:\n    kind: push\n    timestamp: at\n    schema:\n";
  for (const auto& column : shuffled(parts.columns)) text += "      " + column + "\n";
  text += "views:\n  v:\n    source: s\n    entity: k\n    features:\n";
  for (const auto& feature : shuffled(parts.features)) text += "      " + feature + "\n";
  return text;
}

RC_GTEST_PROP(DefinitionPlanProperty, TheCanonicalFormIsOneTextForOneDefinition, ()) {
  const Parts parts = random_parts();
  const std::string canonical = canonical_text(parsed(text_of(parts)));
  RC_ASSERT(canonical == canonical_text(parsed(text_of(parts))));
  RC_ASSERT(canonical == canonical_text(parsed(canonical)));
}

RC_GTEST_PROP(DefinitionPlanProperty, WhatIsAddedOneWayIsDroppedTheOther, ()) {
  const std::string a = text_of(random_parts()), b = text_of(random_parts());
  const Definition before = parsed(a), after = parsed(b);
  const auto there = plan_definition(&before, after, "f"), back = plan_definition(&after, before, "f");
  RC_ASSERT(there.ok() && back.ok());
  RC_ASSERT(there->changes.empty() == (canonical_text(before) == canonical_text(after)));
  RC_ASSERT(there->changes.size() == back->changes.size());
  RC_ASSERT(there->unchanged == back->unchanged);
  for (const auto& change : there->changes) {
    const auto other = std::ranges::find_if(back->changes, [&](const Change& c) { return c.kind == change.kind && c.name == change.name; });
    RC_ASSERT(other != back->changes.end());
    RC_ASSERT(static_cast<int>(other->what) == 2 - static_cast<int>(change.what));
    RC_ASSERT(other->fields.size() == change.fields.size());
  }
}

}  // namespace
}  // namespace isobar::features
