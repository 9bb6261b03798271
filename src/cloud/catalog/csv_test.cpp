#include "csv.h"

#include <gtest/gtest.h>

namespace isobar::cloud {
namespace {

using Record = std::vector<std::string>;

Result<std::vector<Record>> read_all(std::string_view text) {
  CsvReader reader(text, "list.csv");
  std::vector<Record> records;
  std::vector<CsvField> fields;
  for (;;) {
    TRY_ASSIGN(const bool more, reader.next(fields));
    if (!more) return records;
    Record& record = records.emplace_back();
    for (const CsvField& field : fields) record.emplace_back(field.text);
  }
}

TEST(Csv, ReadsPlainQuotedAndEmptyFields) {
  EXPECT_EQ(*read_all("a,b\n1,\"x, y\"\n,\n"), (std::vector<Record>{{"a", "b"}, {"1", "x, y"}, {"", ""}}));
}

TEST(Csv, UnescapesDoubledQuotesAndKeepsLineBreaksInsideQuotes) {
  EXPECT_EQ(*read_all("\"say \"\"hi\"\"\nthere\""), (std::vector<Record>{{"say \"hi\"\nthere"}}));
}

TEST(Csv, TakesEitherLineEndPassesOverEmptyLinesAndAByteOrderMark) {
  EXPECT_EQ(*read_all("\xef\xbb\xbf"
                      "a,b\r\n\r\n1,2\n\n"),
            (std::vector<Record>{{"a", "b"}, {"1", "2"}}));
}

TEST(Csv, SaysWhereAnUnclosedQuoteWasOpened) {
  EXPECT_EQ(read_all("a,b\n1,\"x\n3,4\n").error().message(),
            "list.csv:2:3: this quote is never closed; add the closing quote, or double it if it belongs to the text");
}

TEST(Csv, RefusesWhatWouldShiftTheColumns) {
  EXPECT_EQ(read_all("a\n\"x\"y\n").error().message(),
            "list.csv:2:4: text after a closing quote; put a comma here, or double the quote before it");
  EXPECT_EQ(read_all("a\nx\"y\n").error().message(),
            "list.csv:2:2: a quote inside an unquoted field; put the whole field in quotes and double this one");
  EXPECT_FALSE(read_all(std::string_view("a\0b", 3)).ok());
}

}  // namespace
}  // namespace isobar::cloud
