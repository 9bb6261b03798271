#include "features/table.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "base/random.h"
#include "duckdb_library.h"
#include "features/timestamp.h"

namespace isobar::features {
namespace {

using testing::AllOf;
using testing::HasSubstr;

template <class T>
T must(Result<T> result) {
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message());
  return std::move(result).value();
}

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

/// Of all types, with nulls, over more than one chunk.
class ParquetTest : public TableTest {
 protected:
  void SetUp() override {
    if (const auto there = DuckDbLibrary::load(); !there.ok()) GTEST_SKIP() << there.error().message();
  }
  /// Runs SQL in a DuckDB of its own.
  void sql(const std::string& text) const {
    const auto database = must(DuckDb::open(""));
    const Status run = database->run(text);
    ASSERT_TRUE(run.ok()) << run.error().message();
  }
  TableFile made(const std::string& name, const std::string& select) const {
    sql("COPY (" + select + ") TO " + sql_text((folder_ / name).string()) + " (FORMAT parquet, ROW_GROUP_SIZE 2048)");
    return must(table_file(folder_ / name));
  }
};

std::vector<TableColumn> of_all_types() {
  std::vector<TableColumn> columns;
  for (int kind = 1; kind <= 8; ++kind)
    for (const bool list : {false, true}) {
      const Type type{static_cast<Kind>(kind), list};
      columns.push_back({"c " + name_of(type) + " \"'", type, ""});
    }
  return columns;
}

Value nth_value(Type type, std::int64_t n) {
  const std::string text = std::string(static_cast<std::size_t>(n % 30), 'x') + "\xc3\xa9" + std::to_string(n);
  switch (type.kind) {
    case Kind::kBool: return type.list ? Value(List(std::vector<std::uint8_t>{1, 0})) : Value(n % 2 == 0);
    case Kind::kInt32: return type.list ? Value(List(std::vector<std::int32_t>(n % 3, INT32_MIN))) : Value(static_cast<std::int32_t>(-n));
    case Kind::kInt64: return type.list ? Value(List(std::vector<std::int64_t>(n % 3, n))) : Value(INT64_MAX - n);
    case Kind::kFloat32: return type.list ? Value(List(std::vector<float>(n % 3, 0.1F))) : Value(0.1F * static_cast<float>(n));
    case Kind::kFloat64: return type.list ? Value(List(std::vector<double>(n % 3, 0.1))) : Value(0.1 * static_cast<double>(n));
    case Kind::kString: return type.list ? Value(List(std::vector<std::string>(n % 3, text))) : Value(text);
    case Kind::kBytes: return type.list ? Value(List(std::vector<Bytes>(n % 3, Bytes{text}))) : Value(Bytes{text + std::string(1, '\0')});
    case Kind::kTimestamp: break;
  }
  const Instant at = Instant::from_unix_nanos(1'700'000'000'000'000'001 + n);
  return type.list ? Value(List(std::vector<Instant>(n % 3, at))) : Value(at);
}

TEST_F(ParquetTest, RowsOfAllTypesComeBackInTheirOrder) {
  const auto columns = of_all_types();
  std::vector<Row> rows;
  for (std::int64_t n = 0; n < 5000; ++n) {
    Row& row = rows.emplace_back();
    for (std::size_t i = 0; i < columns.size(); ++i)
      row.push_back((n + static_cast<std::int64_t>(i)) % 7 == 0 ? Value() : nth_value(columns[i].type, n));
  }
  std::vector<std::string> files;
  for (const std::string name : {"a.parquet", "b.parquet"}) {
    const auto writer = must(write_table(must(table_file(folder_ / name)), columns));
    for (const Row& row : rows) ASSERT_TRUE(writer->write(row).ok());
    const Status finished = writer->finish();
    ASSERT_TRUE(finished.ok()) << finished.error().message();
    files.push_back(must(read_file(folder_ / name)));
  }
  EXPECT_TRUE(files[0] == files[1]);
  EXPECT_EQ(TableTest::files(), 2u);
  const auto table = must(read_table(must(table_file(folder_ / "a.parquet")), columns));
  EXPECT_EQ(table->columns(), columns);
  EXPECT_TRUE(rows_of(*table) == rows);
  EXPECT_THAT(table->place(), HasSubstr("a.parquet, row 5000"));
}

TEST_F(ParquetTest, WhatHasAnotherTypeThereGoesThroughUnchanged) {
  const std::string select =
      "SELECT (i % 100)::TINYINT AS tiny, i::UINTEGER AS wide, (i / 8)::DECIMAL(9, 3) AS decimal, DATE '2024-02-28' + i::INTEGER AS day, "
      "TIMESTAMP '2024-02-29 12:00:00.000001' AS micros, {'x': i, 'y': 'a''b'} AS pair, i::UBIGINT AS wider, [i::SMALLINT] AS list, "
      "TIMESTAMPTZ '2024-02-29 12:00:00+00' AS zoned FROM range(3000) t(i)";
  const TableFile from = made("from.parquet", select);
  const auto columns = must(read_table(from, {}))->columns();
  const auto table = must(read_table(from, columns));
  const auto writer = must(write_table(must(table_file(folder_ / "to.parquet")), columns));
  Row row;
  while (must(table->next(row))) ASSERT_TRUE(writer->write(row).ok());
  const Status finished = writer->finish();
  ASSERT_TRUE(finished.ok()) << finished.error().message();
  const std::string to = sql_text((folder_ / "to.parquet").string());
  sql("SELECT CASE WHEN (SELECT count(*) FROM ((" + select + ") EXCEPT ALL (SELECT * FROM read_parquet(" + to +
      ")))) > 0 THEN error('other rows') END");
  EXPECT_EQ(must(read_table(must(table_file(folder_ / "to.parquet")), {}))->columns(), columns);
  const auto typed =
      must(read_table(from, {{"tiny", {Kind::kInt64}, ""}, {"decimal", {Kind::kFloat64}, ""}, {"day", {Kind::kTimestamp}, ""}}));
  ASSERT_TRUE(must(typed->next(row)));
  ASSERT_TRUE(must(typed->next(row)));
  EXPECT_EQ(row, (Row{Value(std::int64_t{1}), Value(0.125), Value(*parse_timestamp("2024-02-29"))}));
}

TEST_F(ParquetTest, ErrorsSayFileRowAndColumn) {
  const auto error_of = [&](const std::string& select) { return TableTest::error_of(made("e.parquet", select)); };
  const std::string at = "TIMESTAMP '2024-01-01' AS at";
  EXPECT_EQ(error_of("SELECT 1 AS driver, " + at), "no error");
  EXPECT_THAT(error_of("SELECT 1 AS drivr, " + at), HasSubstr("did you mean 'drivr'?"));
  EXPECT_THAT(error_of("SELECT * FROM (VALUES (1.0::DOUBLE), (1.5)) v(driver), (SELECT " + at + ")"),
              AllOf(HasSubstr("e.parquet, row 2"), HasSubstr("'driver'"), HasSubstr("1.5")));
  EXPECT_THAT(error_of("SELECT 1 AS driver, TIMESTAMP '2999-01-01' AS at"),
              AllOf(HasSubstr("row 1"), HasSubstr("'at'"), HasSubstr("2262")));
  put("no.parquet", "PAR1 is how it begins");
  EXPECT_THAT(TableTest::error_of(must(table_file(folder_ / "no.parquet"))), AllOf(HasSubstr("no.parquet"), HasSubstr("DuckDB")));
  EXPECT_THAT(TableTest::error_of({folder_ / "none.parquet", TableFormat::kParquet}), HasSubstr("none.parquet"));
}

TEST_F(ParquetTest, NothingIsLeftOfAFileThatWasNotFinished) {
  {
    const auto writer = must(write_table(must(table_file(folder_ / "o.parquet")), of_all_types()));
    ASSERT_TRUE(writer->write(Row(of_all_types().size())).ok());
  }
  EXPECT_EQ(files(), 0u);
}

}  // namespace
}  // namespace isobar::features
