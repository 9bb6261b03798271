// What users of other feature stores reported about training sets, each with the answer that is right. Both ways of the join give it.

#include <gmock/gmock.h>

#include <cmath>

#include "training_folder.h"

namespace isobar::features {
namespace {

using testing::HasSubstr;

constexpr std::string_view kDrivers = R"(project: taxi
entities: {driver: {keys: {driver: int32}}}
sources:
  stat_events: {kind: push, schema: {driver: int32, rate: float64, event_time: timestamp, made: timestamp}, timestamp: event_time, created: made}
  spot_events: {kind: push, schema: {driver: int32, rate: float64, seen: timestamp}, timestamp: seen}
views:
  stats: {source: stat_events, entity: driver, ttl: 1h, features: {rate:, better: {request: {by: float64}, sql: rate + by}}}
  ever: {source: stat_events, entity: driver, ttl: 0s, features: {rate:, trips: count(*) over unbounded}}
  spots: {source: spot_events, entity: driver, features: {rate:}}
  city: {source: stat_events, features: {mean: rate}}
)";

struct Stat {
  std::int32_t driver;
  double rate;
  Instant at;
  std::optional<Instant> made{};
};

const Instant kNoon = *parse_timestamp("2024-02-29T12:00:00Z");

/// Both ways, which have to agree.
class ReportedDefects : public testing::Test {
 protected:
  void stat(const Stat& stat) {
    const Instant made = stat.made.value_or(stat.at);
    events_.events.push_back(
        {1, {stat.at, made, ++sequence_}, made, false, {}, {Value(stat.driver), Value(stat.at), Value(made), Value(stat.rate)}});
  }
  void spot(std::int32_t driver, double rate, Instant at) {
    events_.events.push_back({0, {at, at, ++sequence_}, at, false, {}, {Value(driver), Value(rate), Value(at)}});
  }
  std::vector<std::string> asked(const RequestSpec& spec, std::vector<std::pair<Row, Instant>> rows, bool as_of_knowledge = false) {
    const auto plan = plan_of(kDrivers, spec);
    RowsInMemory in;
    in.rows = std::move(rows);
    std::vector<std::string> answers;
    for (const JoinPath path : {JoinPath::kFastest, JoinPath::kReplay}) {
      JoinOptions options = in_memory();
      options.as_of_knowledge = as_of_knowledge;
      options.path = path;
      std::vector<std::string> these;
      for (const auto& row : joined(*plan, in, events_, options).rows) these.push_back(described(row));
      if (path == JoinPath::kReplay) {
        EXPECT_EQ(these, answers);
      }
      answers = these;
    }
    return answers;
  }
  static Row driver(std::int32_t driver) { return {Value(driver)}; }

  EventsInMemory events_;
  std::uint64_t sequence_ = 0;
};

using Answers = std::vector<std::string>;

TEST_F(ReportedDefects, Feast1693DuplicatedRowsAreAsManyAsTheyWere) {
  for (int i = 0; i < 100; ++i) stat({1, 0.5, kNoon});
  const std::vector<std::pair<Row, Instant>> rows(1000, {driver(1), kNoon});
  EXPECT_EQ(asked({.features = {"ever:rate"}}, rows), Answers(1000, "0.5 PRESENT"));
}

TEST_F(ReportedDefects, FeastDaskARowWhoseOnlyEventIsTooOldOrInItsFutureIsKept) {
  stat({1, 0.5, kNoon});
  EXPECT_EQ(asked({.features = {"stats:rate"}}, {{driver(1), kNoon + 2h}, {driver(1), kNoon - 1ns}, {driver(2), kNoon}}),
            (Answers{"null OUTSIDE_MAX_AGE", "null NOT_FOUND", "null NOT_FOUND"}));
}

TEST_F(ReportedDefects, Feast6821TheTtlIncludesItsBounds) {
  stat({1, 0.5, kNoon});
  EXPECT_EQ(asked({.features = {"stats:rate"}}, {{driver(1), kNoon}, {driver(1), kNoon + 1h}, {driver(1), kNoon + 1h + 1ns}}),
            (Answers{"0.5 PRESENT", "0.5 PRESENT", "null OUTSIDE_MAX_AGE"}));
}

TEST_F(ReportedDefects, Feast2960WithoutTtlItIsTheNewestThatIsNotAfterTheRow) {
  for (int i = 0; i < 5; ++i) spot(1, i, kNoon + std::chrono::hours(24 * 365 * i));
  EXPECT_EQ(asked({.features = {"spots:rate"}}, {{driver(1), kNoon + 24h * 365 * 3 - 1ns}, {driver(1), kNoon + 24h * 365 * 90}}),
            (Answers{"2.0 PRESENT", "4.0 PRESENT"}));
}

TEST_F(ReportedDefects, Feast6617WhatWasFilledInLaterIsNotSeenAsOfKnowledge) {
  stat({1, 0.1, kNoon - 2min, kNoon - 2min});
  stat({1, 0.9, kNoon - 1min, kNoon + 24h});
  const std::vector<std::pair<Row, Instant>> rows{{driver(1), kNoon}};
  EXPECT_EQ(asked({.features = {"stats:rate", "ever:trips"}}, rows), (Answers{"0.9 PRESENT, 2 PRESENT"}));
  EXPECT_EQ(asked({.features = {"stats:rate", "ever:trips"}}, rows, true), (Answers{"0.1 PRESENT, 1 PRESENT"}));
}

TEST_F(ReportedDefects, Feast2980CreationBreaksTiesOfOneTime) {
  stat({1, 0.2, kNoon, kNoon + 2s});
  stat({1, 0.1, kNoon, kNoon + 1s});
  EXPECT_EQ(asked({.features = {"stats:rate"}}, {{driver(1), kNoon}}), (Answers{"0.2 PRESENT"}));
  EXPECT_EQ(asked({.features = {"stats:rate"}}, {{driver(1), kNoon + 1s}, {driver(1), kNoon + 2s}}, true),
            (Answers{"0.1 PRESENT", "0.2 PRESENT"}));
}

TEST_F(ReportedDefects, Feast2735NoEventIsLostForRowsThatAreNotInTheOrderOfTime) {
  stat({1, 0.1, kNoon - 1h});
  stat({1, 0.2, kNoon + 5h});
  EXPECT_EQ(asked({.features = {"stats:rate"}}, {{driver(1), kNoon + 6h}, {driver(1), kNoon}}), (Answers{"0.2 PRESENT", "0.1 PRESENT"}));
}

TEST_F(ReportedDefects, Feast2651ATtlOfZeroIsAllOfHistory) {
  stat({1, 0.5, Instant::from_unix_seconds(1)});
  EXPECT_EQ(asked({.features = {"ever:rate", "ever:trips"}}, {{driver(1), kNoon}}), (Answers{"0.5 PRESENT, 1 PRESENT"}));
}

TEST_F(ReportedDefects, Feast5163TheNewestByTimeWinsInWhateverOrderTheyCame) {
  for (const int minute : {3, 2, 1}) stat({1, minute / 10.0, kNoon + std::chrono::minutes(minute)});
  EXPECT_EQ(asked({.features = {"stats:rate"}}, {{driver(1), kNoon + 1h}}), (Answers{"0.3 PRESENT"}));
}

TEST_F(ReportedDefects, Feast1480NaNIsNotNull) {
  stat({1, std::nan(""), kNoon});
  EXPECT_EQ(asked({.features = {"stats:rate"}}, {{driver(1), kNoon}}), (Answers{"nan INVALID"}));
}

TEST_F(ReportedDefects, Feast5628AViewOfNoEntityHasOneRowForAll) {
  stat({1, 0.1, kNoon});
  stat({2, 0.2, kNoon + 1min});
  EXPECT_EQ(asked({.features = {"city:mean"}}, {{Row(), kNoon}, {Row(), kNoon + 1h}}), (Answers{"0.1 PRESENT", "0.2 PRESENT"}));
}

TEST_F(ReportedDefects, Feast3165OneNameOfTwoViewsIsAnErrorUnlessNamesAreFull) {
  const auto plan =
      RequestPlan::create(must(Project::create(must(parse_definition(kDrivers, "t.yaml")))), {.features = {"stats:rate", "spots:rate"}});
  ASSERT_FALSE(plan.ok());
  EXPECT_THAT(plan.error().message(), HasSubstr("full feature names"));
  stat({1, 0.1, kNoon});
  spot(1, 0.9, kNoon);
  EXPECT_EQ(asked({.features = {"stats:rate", "spots:rate"}, .full_names = true}, {{driver(1), kNoon}}),
            (Answers{"0.1 PRESENT, 0.9 PRESENT"}));
}

TEST_F(ReportedDefects, Chronon922AbsentKeysAndNullKeysGiveNullsToWhatIsComputedOnDemand) {
  stat({1, 0.5, kNoon});
  EXPECT_EQ(
      asked({.features = {"better"}},
            {{{Value(std::int32_t{1}), Value(1.0)}, kNoon}, {{Value(std::int32_t{7}), Value(1.0)}, kNoon}, {{Value(), Value(1.0)}, kNoon}}),
      (Answers{"1.5 PRESENT", "null NOT_FOUND", "null NOT_FOUND"}));
}

TEST_F(ReportedDefects, Chronon527AnUpdateTakesOneAndGivesOne) {
  events_.removals = true;
  stat({1, 0.1, kNoon});
  auto gone = events_.events.back();
  gone.removed = true;
  gone.withdrawn = gone.arrived = kNoon + 1min;
  events_.events.push_back(gone);
  stat({1, 0.2, kNoon + 1min});
  for (const bool as_of_knowledge : {false, true})
    EXPECT_EQ(asked({.features = {"ever:rate", "ever:trips"}}, {{driver(1), kNoon + 30s}, {driver(1), kNoon + 1min}}, as_of_knowledge),
              (Answers{"0.1 PRESENT, 1 PRESENT", "0.2 PRESENT, 1 PRESENT"}));
}

TEST_F(ReportedDefects, Chronon1032ReadingDoesNotCount) {
  stat({1, 0.5, kNoon});
  const std::vector<std::pair<Row, Instant>> rows(50, {driver(1), kNoon});
  EXPECT_EQ(asked({.features = {"ever:trips"}}, rows), Answers(50, "1 PRESENT"));
}

TEST_F(ReportedDefects, NoRowsAreNoRows) {
  stat({1, 0.5, kNoon});
  EXPECT_EQ(asked({.features = {"ever:rate", "ever:trips"}}, {}), Answers());
}

std::string with_file(const TrainingFolder& folder, std::string_view key_type) {
  return "project: p\nentities: {e: {keys: {id: " + std::string(key_type) + "}}}\nsources: {s: {kind: file, path: '" +
         folder.path("s.csv") + "', schema: {id: " + std::string(key_type) +
         ", v: int64, when: timestamp}, timestamp: when}}\nviews: {v: {source: s, entity: e, features: {v:}}}\n";
}

TEST(ReportedDefectsInFiles, Feast3171Int32KeysAreFoundHoweverTheyAreWritten) {
  const TrainingFolder folder;
  folder.put("s.csv", "id,v,when\n7.0,1,2024-01-01\n");
  folder.put("e.jsonl", "{\"id\": 7, \"t\": \"2024-01-01\"}\n{\"id\": 7.0, \"t\": \"2024-01-01\"}\n");
  EXPECT_EQ(folder.made({.definition = with_file(folder, "int32"), .spec = {.features = {"v"}}, .entities = "e.jsonl"}),
            "id,t,v\n7,2024-01-01T00:00:00Z,1\n7,2024-01-01T00:00:00Z,1\n");
  folder.put("e.csv", "id,t\n2147483648,2024-01-01\n");
  EXPECT_THAT(folder.made({.definition = with_file(folder, "int32"), .spec = {.features = {"v"}}, .entities = "e.csv"}),
              HasSubstr("e.csv:2"));
}

TEST(ReportedDefectsInFiles, TimesWithoutAnOffsetAreUtc) {
  const TrainingFolder folder;
  folder.put("s.csv", "id,v,when\na,1,2024-03-31 02:30:00\n");
  folder.put("e.csv", "id,t\na,2024-03-31T02:30:00Z\na,2024-03-31T04:29:59+02:00\n");
  EXPECT_EQ(folder.made({.definition = with_file(folder, "string"), .spec = {.features = {"v"}}, .entities = "e.csv"}),
            "id,t,v\na,2024-03-31T02:30:00Z,1\na,2024-03-31T04:29:59+02:00,\n");
}

TEST(ReportedDefectsInFiles, KeysMayBeEmptyOrLongAndAreNotNormalised) {
  const TrainingFolder folder;
  const std::string longest(65536, 'k');
  folder.put("s.csv", "id,v,when\n\"\",1,2024-01-01\n" + longest + ",2,2024-01-01\n\xc3\xa9,3,2024-01-01\n");
  folder.put("e.csv", "t,id\n2024-01-01,\"\"\n2024-01-01," + longest + "\n2024-01-01,\xc3\xa9\n2024-01-01,e\xcc\x81\n2024-01-01,\n");
  EXPECT_EQ(folder.made({.definition = with_file(folder, "string"), .spec = {.features = {"v"}}, .entities = "e.csv"}),
            "t,id,v\n2024-01-01,\"\",1\n2024-01-01," + longest + ",2\n2024-01-01,\xc3\xa9,3\n2024-01-01,e\xcc\x81,\n2024-01-01,,\n");
}

TEST(ReportedDefectsInFiles, Feast5549NoColumnsNameIsTakenForGranted) {
  const TrainingFolder folder;
  folder.put("s.csv", "when,v,id\n2024-01-01,1,a\n");
  folder.put("e.csv", "id,as of\na,2024-01-01\n");
  EXPECT_EQ(folder.made({.definition = with_file(folder, "string"), .spec = {.features = {"v"}}, .entities = "e.csv", .time = "as of"}),
            "id,as of,v\na,2024-01-01,1\n");
}

TEST(ReportedDefectsInFiles, Feast2071MemoryIsBoundedAndAnswersStay) {
  const TrainingFolder folder;
  std::string events = "id,v,when\n", rows = "t,id\n";
  for (int i = 0; i < 6000; ++i) {
    events += fmt::format("{},{},2024-01-{:02}\n", std::string(200, 'x') + std::to_string(i), i, i % 28 + 1);
    rows += fmt::format("2024-01-15,{}\n", std::string(200, 'x') + std::to_string(i * 7 % 6000));
  }
  folder.put("s.csv", events);
  folder.put("e.csv", rows);
  TrainingFolder::Asked asked{.definition = with_file(folder, "string"), .spec = {.features = {"v"}}, .entities = "e.csv"};
  const std::string whole = folder.made(asked);
  asked.join.memory_bytes = std::uint64_t{1} << 20;
  const auto report = must(folder.make(asked));
  EXPECT_GT(report.spilled_bytes, std::uint64_t{1} << 20);
  EXPECT_TRUE(folder.text("out.csv") == whole);
}

}  // namespace
}  // namespace isobar::features
