#include "features/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace isobar::features {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string why(std::string_view text, TraceFormat format = TraceFormat::kCsv, const TraceColumns& columns = {}) {
  const auto trace = parse_trace(text, format, "t", columns);
  return trace.ok() ? "read without error" : trace.error().message();
}

TEST(Trace, IsReadFromCsvAndJsonLinesAlike) {
  const Trace csv = *parse_trace("time,key,value\n2026-01-01T00:01:00Z,b,2\n2026-01-01 00:00:00,\"a,1\",-1.5\n1767225720,b,3e2\n",
                                 TraceFormat::kCsv, "t");
  const Trace json = *parse_trace(R"({"key":"b","time":"2026-01-01T00:01:00Z","value":2}
{"value":-1.5,"time":"2026-01-01T01:00:00+01:00","key":"a,1"}

{"key":"b","time":1767225720,"value":"3e2","more":null})",
                                  TraceFormat::kJsonLines, "t");
  for (const Trace* trace : {&csv, &json}) {
    EXPECT_THAT(trace->keys, ElementsAre("b", "a,1"));
    ASSERT_EQ(trace->rows.size(), 3U);
    EXPECT_EQ(trace->rows[0].key, 1U) << "by time";
    EXPECT_EQ(trace->rows[0].value, -1.5);
    EXPECT_EQ(trace->rows[2].time - trace->rows[1].time, 60s);
    EXPECT_EQ(trace->rows[2].value, 300);
  }
}

TEST(Trace, ColumnsAreFoundByOtherNamesIfTold) {
  const TraceColumns columns{.key = "userId", .time = "when", .value = "rating", .item = "movieId"};
  const Trace trace = *parse_trace("userId,movieId,rating,when\n7,m,3.5,10\n8,n,4,11\n", TraceFormat::kCsv, "t", columns);
  EXPECT_THAT(trace.keys, ElementsAre("7", "8"));
  EXPECT_THAT(trace.items, ElementsAre("m", "n"));
}

TEST(Trace, WhatIsWrongIsToldWithFileLineAndMend) {
  EXPECT_THAT(why(""), HasSubstr("t: the file is empty; its first line names the columns"));
  EXPECT_THAT(why("id,time,value\n"), HasSubstr("t:1: there is no column 'key' among id, time, value; name yours by --key-column"));
  EXPECT_THAT(why("key,date,value\n"), HasSubstr("'time' or 'timestamp' among key, date, value; name yours by --time-column"));
  EXPECT_THAT(why("key,time,value\na,1,1\n", TraceFormat::kCsv, {.item = "film"}), HasSubstr("no column 'film'"));
  EXPECT_THAT(why("key,time,value\n"), HasSubstr("t has no rows"));
  EXPECT_THAT(why("key,time,value\na,1,1\na,yesterday,1\n"), HasSubstr("t:3: 'yesterday'"));
  EXPECT_THAT(why("key,time,value\na,1767225720000,1\n"),
              HasSubstr("t:2: 1767225720000 seconds since 1970 are beyond the year 2261; divide milliseconds"));
  EXPECT_THAT(why("key,time,value\na,2026-02-30,1\n"), HasSubstr("t:2: "));
  for (const char* value : {"", "x", "nan", "inf", "1e999", "1,5"})
    EXPECT_THAT(why(std::string("key,time,value\na,1,1\na,2,") + value + "\n"), HasSubstr("t:3: ")) << value;
  EXPECT_THAT(why("key,time,value\n,1,1\n"), HasSubstr("t:2: the key is empty"));
  EXPECT_THAT(why("key,time,value\na,1\n"), HasSubstr("t:2: 2 cells under 3 columns"));
  EXPECT_THAT(why("key,time,value\n\"a,1,1\n"), HasSubstr("t:2"));
  EXPECT_THAT(why("{\"key\":\"a\",\"time\":1,\"value\":2}\n[1]\n", TraceFormat::kJsonLines), HasSubstr("t:2: this is no object"));
  EXPECT_THAT(why("{\"key\":\"a\",\"time\":1,\"value\":null}\n", TraceFormat::kJsonLines), HasSubstr("t:1: 'null' is no finite number"));
  EXPECT_THAT(why("{\"key\":\"a\",\"time\":1,\n", TraceFormat::kJsonLines), HasSubstr("t:1: "));
  EXPECT_THAT(read_trace("trace.xlsx").error().message(), HasSubstr("give a .csv or .jsonl file, or a folder"));
  EXPECT_EQ(read_trace("/nowhere/t.csv").error().code(), Code::kNotFound);
}

TEST(Trace, AFolderIsAKeyForEachFile) {
  const fs::path folder = fs::path(testing::TempDir()) / "trace_folder";
  fs::remove_all(folder);
  ASSERT_TRUE(make_folders(folder / "cpu").ok());
  EXPECT_EQ(read_trace(folder).error().code(), Code::kNotFound);
  ASSERT_TRUE(write_file(folder / "cpu/one.csv", "timestamp,value\n2026-01-01 00:00:00,1\n", Durability::kCache).ok());
  ASSERT_TRUE(write_file(folder / "two.csv", "timestamp,value\n2020-01-01 00:00:00,2\n", Durability::kCache).ok());
  ASSERT_TRUE(write_file(folder / "LICENSE", "not a series", Durability::kCache).ok());
  const auto trace = read_trace(folder);
  ASSERT_TRUE(trace.ok()) << trace.error().message();
  EXPECT_THAT(trace->keys, ElementsAre("cpu/one", "two"));
  EXPECT_TRUE(trace->in_files_by_key);
  ASSERT_TRUE(write_file(folder / "bad.csv", "timestamp,value\nnever,1\n", Durability::kCache).ok());
  EXPECT_THAT(read_trace(folder).error().message(), HasSubstr("bad.csv:2: 'never'"));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace isobar::features
