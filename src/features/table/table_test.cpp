#include "features/table.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "base/random.h"
#include "features/timestamp.h"

namespace isobar::features {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// A folder that goes with the test.
class TableTest : public testing::Test {
 protected:
  TableTest() : folder_(fs::temp_directory_path() / ("isobar-table-" + secure_random_hex(8))) { fs::create_directories(folder_); }
  ~TableTest() override { fs::remove_all(folder_); }

  TableFile put(const std::string& name, std::string_view text) const {
    EXPECT_TRUE(write_file(folder_ / name, text, Durability::kCache).ok());
    return *table_file(folder_ / name);
  }
  std::string error_of(const TableFile& file, const ReadOptions& options = {}) const {
    auto table = read_table(file, drivers(), options);
    if (!table.ok()) return table.error().message();
    Row row;
    while (true) {
      const auto more = (*table)->next(row);
      if (!more.ok()) return more.error().message();
      if (!*more) return "no error";
    }
  }
  std::size_t files() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), {})); }

  static std::vector<TableColumn> drivers() { return {{"driver", {Kind::kInt64}, ""}, {"at", {Kind::kTimestamp}, ""}}; }
  fs::path folder_;
};

template <class T>
T must(Result<T> result) {
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message());
  return std::move(result).value();
}

std::vector<Row> rows_of(TableReader& table) {
  std::vector<Row> rows;
  Row row;
  while (*table.next(row)) rows.push_back(row);
  return rows;
}

TEST_F(TableTest, WantedColumnsAreTypedAndOthersGoUnseen) {
  const auto csv = put("d.csv", "note,at,driver\n\"a,b\",2024-01-01,7\r\n,2024-01-02T01:00:00+01:00,\n");
  auto table = must(read_table(csv, drivers()));
  Row row;
  ASSERT_TRUE(*table->next(row));
  EXPECT_EQ(row, (Row{Value(std::int64_t{7}), Value(*parse_timestamp("2024-01-01"))}));
  EXPECT_EQ(table->record(), "\"a,b\",2024-01-01,7");
  ASSERT_TRUE(*table->next(row));
  EXPECT_EQ(row, (Row{Value(), Value(*parse_timestamp("2024-01-02"))}));
  EXPECT_THAT(table->place(), HasSubstr("d.csv:3"));
  EXPECT_FALSE(*table->next(row));
  EXPECT_EQ(table->columns(),
            (std::vector<TableColumn>{{"note", {Kind::kString}, ""}, {"at", {Kind::kTimestamp}, ""}, {"driver", {Kind::kInt64}, ""}}));

  const auto jsonl = put("d.jsonl", "{\"driver\": 7, \"at\": \"2024-01-01\", \"note\": {\"x\": 1.10}}\n\n{\"driver\": null}");
  table = must(read_table(jsonl, drivers()));
  ASSERT_TRUE(*table->next(row));
  EXPECT_EQ(row, (Row{Value(std::int64_t{7}), Value(*parse_timestamp("2024-01-01"))}));
  EXPECT_THAT(std::string(table->record()), HasSubstr("{\"x\": 1.10}}"));
  ASSERT_TRUE(*table->next(row));
  EXPECT_EQ(row, (Row{Value(), Value()}));
  EXPECT_THAT(table->place(), HasSubstr("d.jsonl:3"));
  EXPECT_FALSE(*table->next(row));
}

TEST_F(TableTest, ErrorsSayFileLineColumnAndMend) {
  EXPECT_THAT(error_of(put("a.csv", "driver,at\n1,2024-01-01\n2,soon\n")),
              AllOf(HasSubstr("a.csv:3"), HasSubstr("'at'"), HasSubstr("soon")));
  EXPECT_THAT(error_of(put("b.csv", "drivr,at\n")), HasSubstr("there is no column 'driver'; did you mean 'drivr'?"));
  EXPECT_THAT(error_of(put("c.csv", "driver,at\n1\n")), AllOf(HasSubstr("c.csv:2"), HasSubstr("1 cells")));
  EXPECT_THAT(error_of(put("d.csv", "driver,at,driver\n")), HasSubstr("twice"));
  EXPECT_THAT(error_of(put("e.csv", "")), HasSubstr("is empty"));
  EXPECT_THAT(error_of(put("f.csv", "driver,at\n1,\"2024\n")), AllOf(HasSubstr("f.csv:2"), HasSubstr("does not end")));
  EXPECT_THAT(error_of(put("a.jsonl", "{\"driver\": 1}\n{\"driver\": \n")), HasSubstr("a.jsonl:2"));
  EXPECT_THAT(error_of(put("b.jsonl", "[1]\n")), AllOf(HasSubstr("b.jsonl:1"), HasSubstr("not a JSON object")));
  EXPECT_THAT(error_of(put("c.jsonl", "{\"driver\": 1.5}\n")), AllOf(HasSubstr("c.jsonl:1"), HasSubstr("'driver'"), HasSubstr("1.5")));
  EXPECT_THAT(error_of(put("d.jsonl", "{\"drivr\": 1, \"at\": null}\n"), {.missing_is_null = false}),
              AllOf(HasSubstr("d.jsonl:1"), HasSubstr("did you mean 'drivr'?")));
  EXPECT_THAT(error_of({folder_ / "none.csv", TableFormat::kCsv}), HasSubstr("none.csv"));
  EXPECT_THAT(error_of({folder_, TableFormat::kCsv}), HasSubstr("folder"));
  EXPECT_THAT(table_file("x.xls").error().message(), HasSubstr("name it by its format"));
  EXPECT_THAT(table_file("x.csv", "excel").error().message(), HasSubstr("no format of tables"));
}

TEST_F(TableTest, ARecordLongerThanAPieceOfTheFileIsRead) {
  const std::string text(3'000'000, 'x');
  const auto file = put("long.csv", "driver,at,text\n1,2024-01-01,\"" + text + "\n\"\"\"\n2,2024-01-02,y\n");
  auto table = must(read_table(file, {{"text", {Kind::kString}, ""}}));
  Row row;
  ASSERT_TRUE(must(table->next(row)));
  EXPECT_EQ(row[0].as<std::string>().size(), 3'000'002u);
  ASSERT_TRUE(must(table->next(row)));
  EXPECT_THAT(table->place(), HasSubstr("long.csv:4"));
}

TEST_F(TableTest, TypesAreThoseThatAllValuesHave) {
  const auto csv = put("i.csv", "a,b,c,d,e,f,g\n1,1,true,007,,9223372036854775808,\"1\"\n-2,0.5,false,1,,1,2\n");
  auto table = must(read_table(csv, {{"a", {Kind::kInt32}, ""}}, {.infer = true}));
  rows_of(*table);
  std::string types;
  for (const TableColumn& column : table->columns()) types += name_of(column.type) + " ";
  EXPECT_EQ(types, "int32 float64 bool string string string string ");

  const auto jsonl = put("i.jsonl", "{\"a\": 1, \"b\": 1, \"c\": [1], \"d\": \"x\"}\n{\"e\": 1e3, \"b\": 2.5, \"c\": null, \"d\": 1}\n");
  table = must(read_table(jsonl, {}, {.infer = true}));
  rows_of(*table);
  EXPECT_EQ(table->columns(), (std::vector<TableColumn>{{"a", {Kind::kInt64}, ""},
                                                        {"b", {Kind::kFloat64}, ""},
                                                        {"c", {Kind::kString}, "json"},
                                                        {"d", {Kind::kString}, "json"},
                                                        {"e", {Kind::kFloat64}, ""}}));
  const auto again = rows_of(*must(read_table(jsonl, table->columns())));
  EXPECT_EQ(again[0][2], Value("[1]"));
  EXPECT_EQ(again[1][3], Value("1"));
}

TEST_F(TableTest, ARecordIsExtendedAsItIs) {
  const std::vector<TableColumn> columns{{"note", {Kind::kString}, ""}, {"x", {Kind::kFloat64}, ""}, {"y", {Kind::kString}, ""}};
  for (const auto& [name, record, line] :
       std::vector<std::array<std::string, 3>>{{"o.csv", "\"a\"\"b\"", "note,x,y\n\"a\"\"b\",0.5,\"p,q\"\n"},
                                               {"o.jsonl", "{\"note\": 1.10 }", "{\"note\": 1.10, \"x\": 0.5, \"y\": \"p,q\"}\n"},
                                               {"p.jsonl", "{}", "{\"x\": 0.5, \"y\": \"p,q\"}\n"}}) {
    auto writer = must(write_table(*table_file(folder_ / name), columns));
    ASSERT_TRUE(writer->extend(record, Row{Value(0.5), Value("p,q")}).ok());
    ASSERT_TRUE(writer->finish().ok());
    EXPECT_EQ(*read_file(folder_ / name), line);
  }
}

TEST_F(TableTest, NothingIsLeftOfAFileThatWasNotFinished) {
  put("o.csv", "before");
  {
    auto writer = must(write_table(*table_file(folder_ / "o.csv"), drivers()));
    ASSERT_TRUE(writer->write({Value(), Value()}).ok());
    EXPECT_EQ(files(), 2u);
  }
  EXPECT_EQ(files(), 1u);
  EXPECT_EQ(*read_file(folder_ / "o.csv"), "before");
  EXPECT_THAT(write_table(*table_file(folder_ / "no" / "o.csv"), drivers()).error().message(), HasSubstr("o.csv"));
}

RC_GTEST_FIXTURE_PROP(TableTest, WhatIsWrittenIsReadAgain, ()) {
  const auto name = *rc::gen::element<std::string>("t.csv", "t.jsonl");
  const auto texts = *rc::gen::container<std::vector<std::pair<std::string, std::int64_t>>>(
      rc::gen::pair(rc::gen::container<std::string>(rc::gen::element('a', '"', ',', '\n', '\r', ' ')), rc::gen::arbitrary<std::int64_t>()));
  const std::vector<TableColumn> columns{{"s", {Kind::kString}, ""}, {"n", {Kind::kInt64}, ""}};
  std::vector<Row> rows;
  for (const auto& [text, number] : texts) rows.push_back({number % 7 == 0 ? Value() : Value(text), Value(number)});
  auto writer = must(write_table(*table_file(folder_ / name), columns));
  for (const Row& row : rows) RC_ASSERT(writer->write(row).ok());
  RC_ASSERT(writer->finish().ok());
  const auto table = must(read_table(*table_file(folder_ / name), columns));
  RC_ASSERT(rows_of(*table) == rows);
}

}  // namespace
}  // namespace isobar::features
