#include "table_reader.h"

#include <gtest/gtest.h>

namespace isobar::transfer {
namespace {

TEST(TableReader, SaysWhereALineHasAnotherLength) {
  const auto table = Table::parse("a,b\n1,2\n3,4,5\n", "t.csv");
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(table.error().message(), "t.csv:3:5: this line has 3 fields and the heading 2; give every line one field a heading");
}

TEST(TableReader, TakesRemarksFactsAndBlankLines) {
  const auto table = Table::parse("\xef\xbb\xbf# date: 2022-11\n# free text\n\na, b\r\n 1 ,2\r\n", "t.csv");
  ASSERT_TRUE(table.ok()) << table.error().message();
  EXPECT_EQ(table->fact("date"), "2022-11");
  EXPECT_EQ(table->heading()[1].text, "b");
  EXPECT_EQ(table->rows()[0][0].text, "1");
  EXPECT_EQ(table->rows()[0][0].line, 5U);
  EXPECT_EQ(table->rows()[0][0].column, 2U);
}

TEST(TableReader, NamesACellThatIsNoNumber) {
  const auto table = Table::parse("a\nx4\n", "t.csv");
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->number(table->rows()[0][0], "price", 0, 1).error().message(),
            "t.csv:2:1: 'x4' is not a number; write the price like 4.75");
}

}  // namespace
}  // namespace isobar::transfer
