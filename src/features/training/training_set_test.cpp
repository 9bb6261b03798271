// Training sets from files to files.

#include "features/training_set.h"

#include <gmock/gmock.h>

#include "training_folder.h"

namespace isobar::features {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class TrainingSetTest : public testing::Test {
 protected:
  TrainingSetTest() {
    folder_.put("trips.csv",
                "driver,at,fare,city\n"
                "1,2024-01-01T10:00:00Z,5.5,Bern\n"
                "2,2024-01-01T10:00:00Z,7,\"Sankt, Gallen\"\n"
                "1,2024-01-01T11:00:00Z,,\n");
  }
  TrainingFolder::Asked asked(const std::string& entities) const {
    return {.definition =
                "project: taxi\n"
                "entities: {driver: {keys: {driver: int64}}}\n"
                "sources: {trips: {kind: file, path: '" +
                folder_.path("trips.csv") +
                "', schema: {driver: int64, at: timestamp, fare: float64, city: string}, timestamp: at}}\n"
                "views: {last: {source: trips, entity: driver, ttl: 2h, features: {fare:, city:, dear: {request: {limit: float64}, sql: "
                "fare > limit}}}}\n"
                "services: {all: [fare, city]}\n",
            .spec = {.service = "all"},
            .entities = entities};
  }
  TrainingFolder folder_;
};

TEST_F(TrainingSetTest, RowsKeepTheirOrderAndTheirTextToTheByte) {
  folder_.put("e.csv",
              "label,t,driver\r\n007,2024-01-01 10:30:00,1\r\n\"a "
              "\"\"b\"\"\",2024-01-01T12:00:00+01:00,2\r\n,2024-01-01T11:00:00Z,1\r\n007,2024-01-01 10:30:00,1");
  EXPECT_EQ(folder_.made(asked("e.csv")),
            "label,t,driver,fare,city\n"
            "007,2024-01-01 10:30:00,1,5.5,Bern\n"
            "\"a \"\"b\"\"\",2024-01-01T12:00:00+01:00,2,7.0,\"Sankt, Gallen\"\n"
            ",2024-01-01T11:00:00Z,1,,\n"
            "007,2024-01-01 10:30:00,1,5.5,Bern\n");
  folder_.put(
      "e.jsonl",
      "{\"x\": {\"y\": 1.10}, \"driver\": 1, \"t\": \"2024-01-01 10:30:00\"}\n\n{\"t\": \"2024-01-01 13:00:01\", \"driver\": 1 }\n");
  auto lines = asked("e.jsonl");
  lines.out = "out.jsonl";
  lines.statuses = true;
  EXPECT_EQ(folder_.made(lines),
            "{\"x\": {\"y\": 1.10}, \"driver\": 1, \"t\": \"2024-01-01 10:30:00\", \"fare\": 5.5, \"fare__status\": \"PRESENT\", \"city\": "
            "\"Bern\", \"city__status\": \"PRESENT\"}\n"
            "{\"t\": \"2024-01-01 13:00:01\", \"driver\": 1, \"fare\": null, \"fare__status\": \"OUTSIDE_MAX_AGE\", \"city\": null, "
            "\"city__status\": \"OUTSIDE_MAX_AGE\"}\n");
}

TEST_F(TrainingSetTest, AnotherFormatHasTypes) {
  folder_.put("e.csv", "label,zip,t,driver,word\n1,007,2024-01-01 10:30:00,1,\n0.5,12,2024-01-01 10:30:00,2,\"\"\n");
  auto crossed = asked("e.csv");
  crossed.out = "out.jsonl";
  EXPECT_EQ(folder_.made(crossed),
            "{\"label\": 1.0, \"zip\": \"007\", \"t\": \"2024-01-01T10:30:00Z\", \"driver\": 1, \"word\": null, \"fare\": 5.5, \"city\": "
            "\"Bern\"}\n"
            "{\"label\": 0.5, \"zip\": \"12\", \"t\": \"2024-01-01T10:30:00Z\", \"driver\": 2, \"word\": \"\", \"fare\": 7.0, \"city\": "
            "\"Sankt, Gallen\"}\n");
  folder_.put(
      "e.jsonl",
      "{\"driver\": 1, \"t\": \"2024-01-01 10:30:00\", \"n\": 1}\n{\"extra\": [1, 2], \"driver\": 2, \"t\": \"2024-01-01 10:30:00\"}\n");
  EXPECT_EQ(folder_.made(asked("e.jsonl")),
            "driver,t,n,extra,fare,city\n"
            "1,2024-01-01T10:30:00Z,1,,5.5,Bern\n"
            "2,2024-01-01T10:30:00Z,,\"[1,2]\",7.0,\"Sankt, Gallen\"\n");
}

TEST_F(TrainingSetTest, RequestColumnsAreOfTheRow) {
  folder_.put("e.csv", "t,driver,limit\n2024-01-01 10:30:00,1,5\n2024-01-01 10:30:00,1,6\n2024-01-01 10:30:00,9,6\n");
  auto demanded = asked("e.csv");
  demanded.spec = {.features = {"dear"}, .full_names = true};
  EXPECT_EQ(folder_.made(demanded),
            "t,driver,limit,last__dear\n2024-01-01 10:30:00,1,5,true\n2024-01-01 10:30:00,1,6,false\n2024-01-01 10:30:00,9,6,\n");
}

TEST_F(TrainingSetTest, WhatIsWrongIsToldWithItsPlaceAndNothingIsLeft) {
  const auto error_of = [&](std::string_view text, const std::string& name = "e.csv") {
    folder_.put(name, text);
    return folder_.made(asked(name));
  };
  EXPECT_THAT(error_of("t,driver\n2024-01-01,1\n2024-01-01,one\n"), AllOf(HasSubstr("e.csv:3"), HasSubstr("'driver'"), HasSubstr("one")));
  EXPECT_THAT(error_of("t,driver\n,1\n"), AllOf(HasSubstr("e.csv:2"), HasSubstr("'t' is empty")));
  EXPECT_THAT(error_of("t,drver\n2024-01-01,1\n"), HasSubstr("did you mean 'drver'?"));
  EXPECT_THAT(error_of("t,driver,fare\n2024-01-01,1,2\n"), AllOf(HasSubstr("'fare' is a column"), HasSubstr("--full-names")));
  EXPECT_THAT(error_of("{\"t\": \"2024-01-01\", \"driver\": 1}\n{\"t\": \"2024-01-01\", \"driver\": 1, \"fare\": 1}\n", "e.jsonl"),
              HasSubstr("'fare' is a column"));
  EXPECT_THAT(error_of("{\"t\": \"2024-01-01\"}\n", "e.jsonl"), AllOf(HasSubstr("e.jsonl:1"), HasSubstr("no column 'driver'")));
  folder_.put("trips.csv", "driver,at,fare,city\n1,2024-01-01T10:00:00Z,5.5,Bern\n1,,5.5,Bern\n");
  EXPECT_THAT(error_of("t,driver\n2024-01-01,1\n"), AllOf(HasSubstr("trips.csv:3"), HasSubstr("'at'"), HasSubstr("null")));
  fs::remove(folder_.path("trips.csv"));
  EXPECT_THAT(error_of("t,driver\n2024-01-01,1\n"), AllOf(HasSubstr("source 'trips'"), HasSubstr("--events trips=FILE")));
  EXPECT_THAT(folder_.names(), ElementsAre("e.csv", "e.jsonl"));
}

TEST_F(TrainingSetTest, AFileThatWasThereStaysIfTheNewOneFails) {
  folder_.put("out.csv", "before");
  folder_.put("e.csv", "t,driver\n2024-01-01,one\n");
  folder_.made(asked("e.csv"));
  EXPECT_EQ(folder_.text("out.csv"), "before");
  folder_.put("e.csv", "t,driver\n");
  EXPECT_EQ(folder_.made(asked("e.csv")), "t,driver,fare,city\n");
}

TEST_F(TrainingSetTest, ItStopsWhenItIsTold) {
  std::string rows = "t,driver\n";
  for (int i = 0; i < 5000; ++i) rows += "2024-01-01,1\n";
  folder_.put("e.csv", rows);
  std::stop_source stop;
  stop.request_stop();
  auto stopped = asked("e.csv");
  stopped.join.stop = stop.get_token();
  EXPECT_THAT(folder_.made(stopped), HasSubstr("stopped"));
  EXPECT_THAT(folder_.names(), ElementsAre("e.csv", "trips.csv"));
}

/// Rows of which there are others the second time.
class OtherRows final : public EntityRows {
 public:
  explicit OtherRows(int more) : more_(more) {}
  Status restart() override {
    left_ = 2 + more_ * times_++;
    return {};
  }
  Result<bool> next(Row& inputs, Instant& at) override {
    inputs = {Value(std::int64_t{1})};
    at = at_second(more_ == 0 ? times_ : 0);
    return left_-- > 0;
  }

 private:
  int more_, times_ = 0, left_ = 0;
};

TEST_F(TrainingSetTest, RowsThatChangeMeanwhileAreNotJoined) {
  const auto plan = plan_of(asked("e.csv").definition, {.service = "all"});
  for (const int more : {1, -1, 0}) {
    OtherRows rows(more);
    const auto joined =
        join_as_of(*plan, rows, EventsInMemory(), in_memory(), [](const Row&, std::span<const Answered>) { return Status(); });
    ASSERT_FALSE(joined.ok());
    EXPECT_EQ(joined.error().code(), Code::kConflict);
  }
}

TEST_F(TrainingSetTest, EventsComeFromFoldersAndOtherFiles) {
  folder_.put("lines/b.csv", "at,load\n2024-01-01 10:00:00,2\n");
  folder_.put("lines/a.csv", "at,load\n2024-01-01 10:00:00,1\n2024-01-01 11:00:00,3\n");
  folder_.put("lines/notes.txt", "no table");
  folder_.put("live.jsonl", "{\"line\": \"b\", \"at\": \"2024-01-01T10:30:00Z\", \"load\": 9}\n");
  folder_.put("e.csv", "t,line\n2024-01-01 12:00:00,a\n2024-01-01 12:00:00,b\n2024-01-01 12:00:00,c\n");
  TrainingFolder::Asked asked{.definition =
                                  "project: p\nentities: {line: {keys: {line: string}}}\nsources:\n"
                                  "  lines: {kind: file, path: '" +
                                  folder_.path("lines") +
                                  "', format: csv, file_column: line, schema: {line: string, at: timestamp, load: int64}, timestamp: at}\n"
                                  "  live: {kind: push, schema: {line: string, at: timestamp, load: int64}, timestamp: at}\n"
                                  "views: {v: {sources: [lines, live], entity: line, features: {load:, all: sum(load) over unbounded}}}\n",
                              .spec = {.features = {"load", "all"}},
                              .entities = "e.csv"};
  EXPECT_THAT(folder_.made(asked),
              AllOf(HasSubstr("'live' come by push"), HasSubstr("--events live=FILE"), HasSubstr("--without live"), HasSubstr("--data")));
  asked.files.without = {"live"};
  EXPECT_EQ(folder_.made(asked), "t,line,load,all\n2024-01-01 12:00:00,a,3,4\n2024-01-01 12:00:00,b,2,2\n2024-01-01 12:00:00,c,,\n");
  asked.files.without = {};
  asked.files.files = {{"live", folder_.path("live.jsonl")}};
  EXPECT_EQ(folder_.made(asked), "t,line,load,all\n2024-01-01 12:00:00,a,3,4\n2024-01-01 12:00:00,b,9,11\n2024-01-01 12:00:00,c,,\n");
  asked.files.files = {{"liev", folder_.path("live.jsonl")}};
  EXPECT_THAT(folder_.made(asked), HasSubstr("did you mean 'live'?"));
}

TEST_F(TrainingSetTest, ALaterRowOfARecordFollowsIt) {
  folder_.put("users.csv",
              "user,country,changed,noted\n"
              "1,de,2024-01-01,2024-01-01\n"
              "2,fr,2024-01-01,2024-01-01\n"
              "1,ch,2024-01-05,2024-01-07\n"
              "1,at,2024-01-03,2024-01-09\n");
  folder_.put("e.csv", "t,user\n2024-01-02,1\n2024-01-04,1\n2024-01-06,1\n2024-01-08,1\n2024-01-10,1\n2024-01-06,2\n");
  TrainingFolder::Asked asked{.definition =
                                  "project: p\nentities: {user: {keys: {user: int64}}}\nsources:\n"
                                  "  users: {kind: file, path: '" +
                                  folder_.path("users.csv") +
                                  "', schema: {user: int64, country: string, changed: timestamp, noted: timestamp}, timestamp: changed, "
                                  "created: noted, key: user}\n"
                                  "views: {home: {source: users, entity: user, features: {country:}}, all: {source: users, features: "
                                  "{people: count(*) over unbounded}}}\n",
                              .spec = {.features = {"country", "people"}},
                              .entities = "e.csv"};
  // Two people at all times: no version counts beside the one that follows it.
  EXPECT_EQ(folder_.made(asked),
            "t,user,country,people\n2024-01-02,1,de,2\n2024-01-04,1,at,2\n2024-01-06,1,ch,2\n2024-01-08,1,ch,2\n2024-01-10,1,ch,2\n2024-01-"
            "06,2,fr,2\n");
  asked.join.as_of_knowledge = true;
  EXPECT_EQ(folder_.made(asked),
            "t,user,country,people\n2024-01-02,1,de,2\n2024-01-04,1,de,2\n2024-01-06,1,de,2\n2024-01-08,1,ch,2\n2024-01-10,1,ch,2\n2024-01-"
            "06,2,fr,2\n");
}

}  // namespace
}  // namespace isobar::features
