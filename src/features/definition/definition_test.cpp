#include "features/definition.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "base/text.h"
#include "definition_sample.h"

namespace isobar::features {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string problem(const std::string& text) {
  const auto definition = parse_definition(text, "f.yaml");
  return definition.ok() ? "read without error" : definition.error().message();
}
/// What is said of the sample with an edit in it.
std::string problem(std::string_view from, std::string_view to) { return problem(edited(from, to)); }

std::string type_of(const Definition& definition, std::string_view view, std::string_view feature) {
  for (const auto& known : definition.find_view(view)->features)
    if (known.name == feature) return name_of(known.type);
  return "no such feature";
}

TEST(Definition, TypesFollowFromSources) {
  const auto shop = parsed(kSample);
  EXPECT_EQ(type_of(shop, "spending", "spent_1h"), "float64");
  EXPECT_EQ(type_of(shop, "spending", "spent_24h"), "float64");
  EXPECT_EQ(type_of(shop, "spending", "bought"), "int64") << "one window: no suffix";
  EXPECT_EQ(type_of(shop, "spending", "last_amount"), "float64");
  EXPECT_EQ(type_of(shop, "spending", "burst"), "int64");
  EXPECT_EQ(type_of(shop, "spending", "offer"), "bool");
  EXPECT_EQ(type_of(shop, "spending", "outlook"), "float64[]");
  EXPECT_EQ(type_of(shop, "browsing", "page"), "string");
  EXPECT_EQ(type_of(shop, "browsing", "pages"), "int64");
}

TEST(Definition, EveryPartIsRead) {
  const auto shop = parsed(kSample);
  const View& spending = *shop.find_view("spending");
  EXPECT_EQ(spending.ttl, std::chrono::hours(24 * 90));
  EXPECT_TRUE(spending.online);
  EXPECT_EQ(shop.find_source("payments")->lateness, 5min);
  EXPECT_EQ(shop.find_source("visits")->place.at("format"), "csv") << "from the file's name";
  EXPECT_EQ(row_schema(shop, spending).columns().front().name, "user_id");
  EXPECT_EQ(row_schema(shop, spending).keys().size(), 1U);
  EXPECT_FALSE(row_schema(shop, spending).find("offer")) << "is never stored";
  std::vector<std::string> served;
  for (const auto& feature : shop.services.front().features) served.push_back(feature.view + ":" + feature.feature + "=" + feature.as);
  EXPECT_THAT(served, ElementsAre("spending:spent_1h=spent_1h", "total:spent=spent_in_all", "browsing:page=page"));
  for (const auto& feature : spending.features)
    if (const auto* expensive = std::get_if<ExpensiveFeature>(&feature.made_by)) {
      EXPECT_DOUBLE_EQ(expensive->schedule.budget.per_second, 1. / 6);
      EXPECT_EQ(expensive->schedule.loss, Loss::kScaled) << "what forecasts are judged by, if nothing is said";
    }
}

TEST(Definition, AViewWithoutEntityHasOneRow) {
  const auto shop = parsed(kSample);
  EXPECT_TRUE(shop.find_view("total")->entities.empty());
  EXPECT_TRUE(row_schema(shop, *shop.find_view("total")).keys().empty());
}

TEST(Definition, ATtlOfZeroOrNoneIsNoBound) {
  for (const char* ttl : {"ttl: 0", "ttl: none", "ttl: ", "ttl: 0s"})
    EXPECT_FALSE(parsed(edited("ttl: 90d", ttl)).find_view("spending")->ttl) << ttl;
}

TEST(Definition, KeysOfTheSourceMayBeOtherIntegers) {
  EXPECT_TRUE(parse_definition(kSample, "f.yaml").ok()) << "visits have an int32, the entity an int64";
  EXPECT_THAT(problem("{user_id: int32, page", "{user_id: string, page"),
              HasSubstr("views.browsing.entity: key 'user_id' of user is int64, and string in the source; make them the same"));
}

TEST(Definition, NamesAreOneThing) {
  EXPECT_THAT(problem("  total: {", "  payments: {"), HasSubstr("'payments' is already the name of the source of line"));
  EXPECT_THAT(problem("  total: {", "  user: {"), HasSubstr("'user' is already the name of the entity of line 3; rename one of them"));
  EXPECT_THAT(problem("  fraud: [", "  spending: ["), HasSubstr("services.spending: 'spending' is already the name of the view of line"));
  EXPECT_THAT(problem("      double:", "      spent_1h:"),
              HasSubstr("views.spending.features.spent_1h: 'spent_1h' is there already, from line 20"));
  EXPECT_THAT(problem("      double:", "      user_id:"), HasSubstr("'user_id' is there already"));
  EXPECT_THAT(problem("      double:", "      last_amount:"), HasSubstr("f.yaml:23:7"));
  EXPECT_THAT(problem("      double:", "      2nd:"), HasSubstr("a name has 1 to 128 letters, digits, _ and -"));
}

TEST(Definition, AFeatureOfTwoViewsIsAmbiguous) {
  const auto same = edited("last_amount: amount", "page: merchant_id");
  EXPECT_THAT(problem(same), HasSubstr("services.fraud[2]: 'page' is a feature of browsing and of spending; say which, as browsing:page"));
  EXPECT_THAT(
      problem("total:spent as spent_in_all", "total:spent as spent_1h"),
      HasSubstr(
          "services.fraud[1]: 'spent_1h' is spending:spent_1h already; give one of them another name, as total:spent as total_spent"));
  EXPECT_THAT(problem("ttl: 90d", "online: false"), HasSubstr("services.fraud[0]: view spending is not online"));
  EXPECT_THAT(problem("spending:spent_1h, total", "spending:spend_1h, total"),
              HasSubstr("there is no feature of spending called 'spend_1h'; did you mean 'spent_1h'?"));
  EXPECT_THAT(problem("spending:spent_1h, total", "spendings:spent_1h, total"),
              HasSubstr("there is no view 'spendings'; did you mean 'spending'?"));
}

TEST(Definition, WhatIsUnknownIsNamedWithTheNearest) {
  EXPECT_THAT(problem("source: visits", "source: visit"),
              HasSubstr("f.yaml:28:13: views.browsing.source: there is no source 'visit'; did you mean 'visits'?"));
  EXPECT_THAT(problem("    entity: user\n    where", "    entity: usr\n    where"),
              HasSubstr("there is no entity 'usr'; did you mean 'user'?"));
  EXPECT_THAT(problem("last_amount: amount", "last_amount: amont"), HasSubstr("there is no column 'amont'; did you mean 'amount'?"));
  EXPECT_THAT(problem("sql: amount * 2", "sql: amont * 2"), HasSubstr("views.spending.features.double.sql: "));
  EXPECT_THAT(problem("sum(amount) over 1h, 24h", "sun(amount) over 1h, 24h"), HasSubstr("there is no aggregate 'sun'; did you mean sum?"));
  EXPECT_THAT(problem("where: amount", "were: amount"), HasSubstr("views.spending.were: there is no such field; did you mean where?"));
  EXPECT_THAT(problem("kind: push", "kind: rabbit"), HasSubstr("expected one of push, file, redis_stream, kafka, nats, postgres"));
  EXPECT_THAT(problem("amount: float64", "amount: float"), HasSubstr("sources.payments.schema.amount"));
  EXPECT_THAT(problem("featurizer: ets", "featurizer: etc"), HasSubstr("did you mean ets?"));
  EXPECT_THAT(problem("policy: regret", "policy: regert"), HasSubstr("did you mean 'regret'"));
}

TEST(Definition, SourcesAreChecked) {
  EXPECT_THAT(problem("    timestamp: at\n", ""), HasSubstr("sources.payments: it needs timestamp"));
  EXPECT_THAT(problem("timestamp: at\n    created", "timestamp: amount\n    created"),
              HasSubstr("column 'amount' is float64; make it timestamp"));
  EXPECT_THAT(problem("created: made", "created: mode"),
              HasSubstr("sources.payments.created: there is no column 'mode'; did you mean 'made'?"));
  EXPECT_THAT(problem("path: visits.csv", "path: visits.txt"), HasSubstr("add format: csv, jsonl or parquet"));
  EXPECT_THAT(problem("path: visits.csv, ", ""), HasSubstr("a file source needs path; add it"));
  EXPECT_THAT(problem("kind: push", "kind: nats\n    url: nats://me:secret@host\n    subject: pay"), HasSubstr("leave it out of the file"));
  EXPECT_THAT(problem("path: visits.csv", "path: visits.csv, file_column: at"), HasSubstr("column 'at' is timestamp; make it string"));
  EXPECT_THAT(problem("lateness: 5m", "lateness: soon"), HasSubstr("expected a duration such as 90s"));
  EXPECT_THAT(problem("source: payments\n    entity", "sources: [payments, visits]\n    entity"),
              HasSubstr("column 'amount' is float64 in 'payments' and not there in 'visits'; make them the same"));
}

TEST(Definition, WindowsAndTtlsAreChecked) {
  EXPECT_THAT(problem("ttl: 90d", "ttl: ninety"),
              HasSubstr("f.yaml:18:10: views.spending.ttl: expected a duration such as 90s, 10m, 24h or 30d, got 'ninety'"));
  EXPECT_THAT(problem("ttl: 90d", "ttl: -1"), HasSubstr("views.spending.ttl"));
  EXPECT_THAT(problem("windows: 5m, exact: true", "windows: [1h, 50m], hop: 20m"),
              HasSubstr("windows: 50m is no multiple of its hop, 20m; make it one"));
  EXPECT_THAT(problem("windows: 5m, exact: true", "windows: 5m, exact: true, hop: 1m"), HasSubstr("an exact window has no hop"));
  EXPECT_THAT(problem("windows: 5m, exact: true", "windows: 5m, kind: hopping"), HasSubstr("hopping windows need hop"));
  EXPECT_THAT(problem("windows: 5m, exact: true", "windows: 14m, hop: 7m"), HasSubstr("share no tiles"));
  EXPECT_THAT(problem("sum(items) over 1h", "sum(items) over soon"), HasSubstr("got 'soon'"));
  EXPECT_THAT(problem("sum(items) over 1h", "sum(items) over 1s"), HasSubstr("window 1s: it slides over 1s only"));
  EXPECT_THAT(problem("sum(items) over 1h", "sum items over 1h"), HasSubstr("expected FUNCTION(COLUMN) over WINDOW"));
  EXPECT_THAT(problem("sum(items) over 1h", "sum(page) over 1h"), HasSubstr("there is no column 'page'"));
  EXPECT_THAT(problem("sum(items) over 1h", "sum(merchant_id) over 1h"), HasSubstr("sum of string; it takes numbers"));
}

TEST(Definition, ParametersAreWithinTheirBounds) {
  EXPECT_THAT(problem("period: 24", "period: 30"),
              HasSubstr("outlook.window: a window of 48 steps is less than two periods of 30; give at least 60"));
  EXPECT_THAT(problem("window: 48", "window: 3"), HasSubstr("expected a whole number from 4 to 2000, got the number 3"));
  EXPECT_THAT(problem("budget: 600/h", "budget: lots"), HasSubstr("'lots' is no budget; write refreshes as 10/s or 600/h"));
  EXPECT_THAT(problem("budget: 600/h", "budget: 0"), HasSubstr("schedule.budget"));
  EXPECT_THAT(problem("budget: 600/h", "loss: huge"), HasSubstr("schedule.loss"));
  EXPECT_THAT(problem("policy: regret", "policy: fifo, max_staleness: 1h"), HasSubstr("fifo looks at events, not at keys"));
  EXPECT_THAT(problem("of: amount, window", "of: merchant_id, window"), HasSubstr("it is string; a featurizer takes numbers"));
  EXPECT_THAT(problem("featurizer: ets, of: amount, window: 48, period: 24", "featurizer: ridge, of: amount, ridge: 0"),
              testing::AllOf(HasSubstr("it needs item"), HasSubstr("it needs item_factors"), HasSubstr("it is not above 0")));
}

TEST(Definition, FeaturesSayWhatTheyAreMadeOf) {
  EXPECT_THAT(problem("double: {sql: amount * 2}", "double: {owner: me}"), HasSubstr("it does not say what it is made of"));
  EXPECT_THAT(problem("double: {sql: amount * 2}", "double: {sql: amount * 2, type: int64}"),
              HasSubstr("double.type: it is float64, not int64"));
  EXPECT_THAT(problem("request: {offered: float64}", "request: {spent_1h: float64}"),
              HasSubstr("the request must not say what the view knows"));
  EXPECT_THAT(problem("offered > spent_1h", "offered > spent_2h"), HasSubstr("offer.sql: there is no column 'spent_2h'"));
  EXPECT_THAT(problem("where: amount > 0", "where: amount"), HasSubstr("views.spending.where"));
  EXPECT_THAT(problem("source: visits\n", "online: true\n"), HasSubstr("the view has no source to make it from"));
}

TEST(Definition, AllProblemsAreToldAtOnceInTheOrderOfTheFile) {
  std::string text = edited("ttl: 90d", "ttl: ninety");
  text = edited("sql: amount * 2", "sql: amont * 2", text);
  text = edited("source: visits", "source: visit", text);
  text = edited("project: shop\n", "", text);
  std::vector<std::string> places;
  const std::string all = problem(text);
  for (const auto line : split(all, '\n'))
    if (line.starts_with("f.yaml:")) places.emplace_back(line.substr(0, line.find(' ')));
  EXPECT_THAT(places, ElementsAre("f.yaml:1:1:", "f.yaml:17:10:", "f.yaml:22:21:", "f.yaml:27:13:")) << all;
}

TEST(Definition, AProblemIsNotToldAgainWhereItsSourceIsUsed) {
  const std::string all = problem("amount: float64", "amount: flot64");
  EXPECT_EQ(split(all, '\n').size(), 1U) << all;
}

TEST(Definition, WhatIsNoDefinitionIsRefused) {
  for (const char* text :
       {"", "[]", "3", "project: [", "project: a\n---\nproject: b\n", "version: 2\nproject: a\n", "project: a\nviews: 3\n"})
    EXPECT_THAT(problem(text), HasSubstr("f.yaml")) << text;
  EXPECT_TRUE(parse_definition("project: empty\n", "f.yaml").ok()) << "a project may begin with nothing";
}

TEST(Definition, TheExamplesAreSound) {
  for (const char* name : {"machines", "shop"}) {
    const std::string file = fmt::format("{}/examples/features/{}.yaml", ISOBAR_SOURCE_DIR, name);
    const auto definition = parse_definition(*read_file(file), file);
    EXPECT_TRUE(definition.ok()) << (definition.ok() ? "" : definition.error().message());
  }
}

constexpr std::string_view kOutside = R"(project: p
entities: {user: {keys: {user_id: int64}}}
sources: {texts: {kind: push, schema: {user_id: int64, words: string, at: timestamp}, timestamp: at}}
views:
  v:
    source: texts
    entity: user
    features:
      a: FEATURE
)";

std::string outside(std::string_view feature) {
  std::string text(kOutside);
  return text.replace(text.find("FEATURE"), 7, feature);
}

TEST(OutsideFeatures, AreReadWrittenAndReadAgain) {
  const auto read = parse_definition(outside("{featurizer: command, command: [embed.py, --small], of: [words, length(words)], window: 4, "
                                             "batch: 8, timeout: 3s, type: \"float64[]\"}"),
                                     "t.yaml");
  ASSERT_TRUE(read.ok()) << read.error().message();
  const auto& feature = std::get<ExpensiveFeature>(read->views[0].features[0].made_by);
  const auto& parameters = std::get<OutsideParameters>(feature.parameters);
  EXPECT_EQ(parameters.command, (std::vector<std::string>{"embed.py", "--small"}));
  EXPECT_EQ(parameters.of, (std::vector<std::string>{"words", "length(words)"}));
  EXPECT_EQ(parameters.window, 4);
  EXPECT_EQ(parameters.batch, 8);
  EXPECT_EQ(parameters.timeout, std::chrono::seconds(3));
  EXPECT_EQ(read->views[0].features[0].type, (Type{Kind::kFloat64, true}));
  const std::string text = canonical_text(*read);
  const auto again = parse_definition(text, "t.yaml");
  ASSERT_TRUE(again.ok()) << again.error().message() << text;
  EXPECT_EQ(canonical_text(*again), text);
  const auto library =
      parse_definition(outside("{featurizer: library, library: r.so, arguments: '60', of: words, type: string}"), "t.yaml");
  ASSERT_TRUE(library.ok()) << library.error().message();
  EXPECT_EQ(canonical_text(*parse_definition(canonical_text(*library), "t.yaml")), canonical_text(*library));
}

TEST(OutsideFeatures, WhatTheyLackIsToldWithItsPlace) {
  const auto problem = [](std::string_view feature) {
    const auto read = parse_definition(outside(feature), "t.yaml");
    return read.ok() ? "nothing is wrong" : read.error().message();
  };
  EXPECT_THAT(problem("{featurizer: command, command: [e.py], of: words}"), HasSubstr("t.yaml:9:10: views.v.features.a: it needs type"));
  EXPECT_THAT(problem("{featurizer: command, of: words, type: string}"), HasSubstr("it needs command: the program and its arguments"));
  EXPECT_THAT(problem("{featurizer: library, of: words, type: string}"), HasSubstr("it needs library"));
  EXPECT_THAT(problem("{featurizer: command, command: [e.py], type: string}"), HasSubstr("it needs of"));
  EXPECT_THAT(problem("{featurizer: command, command: [e.py], of: [words, wrds], type: string}"), HasSubstr("did you mean 'words'?"));
  EXPECT_THAT(problem("{featurizer: command, command: [e.py], of: words, type: string, library: r.so}"), HasSubstr("library"));
  EXPECT_THAT(problem("{featurizer: command, command: [e.py], of: words, type: string, window: 0}"), HasSubstr("window"));
}

}  // namespace
}  // namespace isobar::features
