#include "features/csv.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "features/json_value.h"
#include "features/timestamp.h"
#include "value_gen.h"

namespace isobar::features {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const Schema& readings() {
  static const Schema schema = *Schema::create({{"sensor", {Kind::kString}},
                                                {"at", {Kind::kTimestamp}},
                                                {"count", {Kind::kInt32}},
                                                {"value", {Kind::kFloat64}},
                                                {"tags", {Kind::kString, true}}},
                                               {"sensor"});
  return schema;
}
std::string error_of(std::string_view text) {
  const auto rows = rows_from_csv("r.csv", text, readings());
  return rows.ok() ? "no error" : rows.error().message();
}

TEST(Csv, CellsBecomeTheColumnsTypes) {
  const auto rows = rows_from_csv("r.csv",
                                  "\xef\xbb\xbfvalue,sensor,at,count,tags\r\n"
                                  "0.5,\"a,\"\"b\"\"\n\",2014-02-14 14:30:00,3.0,\"[\"\"x\"\"]\"\r\n"
                                  "\r\n"
                                  "NaN,\"\",,,\r\n",
                                  readings());
  ASSERT_TRUE(rows.ok()) << rows.error().message();
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0], (Row{Value("a,\"b\"\n"), Value(*parse_timestamp("2014-02-14T14:30:00Z")), Value(std::int32_t{3}), Value(0.5),
                             Value(List(std::vector<std::string>{"x"}))}));
  EXPECT_EQ((*rows)[1][0], Value(""));
  EXPECT_TRUE((*rows)[1][1].is_null());
  EXPECT_TRUE(std::isnan((*rows)[1][3].as<double>()));
}

TEST(Csv, ErrorsHaveFileLineAndColumn) {
  EXPECT_THAT(error_of("sensor,count\n\"a\nb\",1\nc,1.5\n"), AllOf(HasSubstr("r.csv:4"), HasSubstr("column 'count'"), HasSubstr("1.5")));
  EXPECT_THAT(error_of("sensor,cuont\n"), AllOf(HasSubstr("r.csv:1"), HasSubstr("did you mean 'count'?")));
  EXPECT_THAT(error_of("sensor\na,b\n"), HasSubstr("r.csv:2: 2 cells"));
  EXPECT_THAT(error_of("sensor\n\"a\n"), AllOf(HasSubstr("r.csv:2, cell 1"), HasSubstr("does not end")));
  EXPECT_THAT(error_of("sensor\n\"a\"b\n"), HasSubstr("after the closing quote"));
  EXPECT_THAT(error_of("sensor\n\xff\n"), HasSubstr("not UTF-8"));
  EXPECT_THAT(error_of("sensor,sensor\n"), HasSubstr("twice"));
  EXPECT_THAT(error_of("value\n1e999\n"), HasSubstr("beyond its range"));
  EXPECT_THAT(error_of(""), HasSubstr("is empty"));
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

RC_GTEST_PROP(Csv, AnyTextsComeBack, ()) {
  const auto texts = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(any_text()));
  std::string line;
  for (const auto& text : texts) line += (line.empty() ? "" : ",") + in_quotes(text);
  CsvReader reader("t", line);
  const auto cells = *reader.next();
  RC_ASSERT(cells->size() == texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) RC_ASSERT((*cells)[i].text == texts[i]);
  RC_ASSERT(!reader.next()->has_value());
}

bool json_lacks(const Value& value) {
  std::string json;
  return value.type().list && append_json(json, value) != JsonLoss::kNone;
}

RC_GTEST_PROP(Csv, AnyValueComesBack, ()) {
  const Type type = *any_type();
  const Value value = *any_value_or_null(type);
  if (!value.is_null() && json_lacks(value)) return;  // a list with a NaN
  std::string text = "x,";
  append_csv(text, value);
  const auto cells = *CsvReader("t", text).next();
  RC_ASSERT(cells->size() == 2u);
  const auto read = value_from_csv(cells->back(), {"v", type});
  RC_ASSERT(read.ok());
  RC_ASSERT((compare(*read, value) == std::strong_ordering::equal));
  RC_ASSERT(read->is_null() == value.is_null());
}

TEST(Csv, APieceOfAFileKnowsItsLines) {
  CsvReader reader("r.csv", "\"a\nb\",1\r\nc,\"2\"\n", 7);
  ASSERT_TRUE(reader.next()->has_value());
  EXPECT_EQ(reader.record(), "\"a\nb\",1");
  EXPECT_EQ(reader.line(), 9u);
  ASSERT_TRUE(reader.next()->has_value());
  EXPECT_EQ(reader.place(), "r.csv:9");
  EXPECT_EQ(reader.record(), "c,\"2\"");
}

}  // namespace
}  // namespace isobar::features
