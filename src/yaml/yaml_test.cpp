#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "yaml/yaml_tree.h"

namespace isobar {
namespace {

using testing::HasSubstr;

YamlNode only(std::string_view text) {
  auto documents = read_yaml(text, "f.yaml");
  CHECK(documents.ok(), documents.error().message());
  return (*documents)[0];
}

std::string error_of(std::string_view text) {
  const auto documents = read_yaml(text, "f.yaml");
  return documents.ok() ? "read without error" : documents.error().message();
}

// What Python's YAML 1.1 loader and str() make of each plain scalar; taken from PyYAML 6.0.
TEST(YamlScalar, ReadsAsPythonDoes) {
  const std::pair<const char*, const char*> corpus[] = {
      {"on", "True"},
      {"yes", "True"},
      {"No", "False"},
      {"OFF", "False"},
      {"true", "True"},
      {"y", "y"},
      {"n", "n"},
      {"1:30", "90"},
      {"2:15:00", "8100"},
      {"01:30", "01:30"},
      {"1:60", "1:60"},
      {"0o17", "0o17"},
      {"017", "15"},
      {"08", "08"},
      {"0x1F", "31"},
      {"0b11", "3"},
      {"1_000", "1000"},
      {"+5", "5"},
      {"-3", "-3"},
      {"1e3", "1e3"},
      {"1.5e+3", "1500.0"},
      {"1.50", "1.5"},
      {".5", "0.5"},
      {"5.", "5.0"},
      {"~", "None"},
      {"null", "None"},
      {"Null", "None"},
      {"nil", "nil"},
      {"", "None"},
      {"2024-01-01", "2024-01-01"},
      {"1.0", "1.0"},
      {"100.0", "100.0"},
      {"1e-7", "1e-7"},
      {"0.0001", "0.0001"},
      {".inf", "inf"},
      {"1.5E3", "1.5E3"},
      {"_1", "_1"},
      {"1__0", "10"},
      {"-0", "0"},
      {"00", "0"},
      {"9223372036854775807", "9223372036854775807"},
  };
  for (const auto& [text, expected] : corpus) {
    const auto map = only(std::string("a: ") + text);
    EXPECT_EQ(python_text(map.fields[0].value), expected) << text;
  }
}

TEST(YamlScalar, QuotesKeepTheText) {
  const auto map = only("a: 'on'\nb: \"1:30\"\nc: !!str 5\nd: |\n  yes\n");
  EXPECT_EQ(python_text(map.fields[0].value), "on");
  EXPECT_EQ(python_text(map.fields[1].value), "1:30");
  EXPECT_EQ(python_text(map.fields[2].value), "5");
  EXPECT_EQ(python_text(map.fields[3].value), "yes\n");
}

TEST(YamlTree, AFlowMapWithoutSpacesHasKeysWithColonsAndNoValues) {
  const auto map = only("a: {A100:1, L4:1}");
  const auto& set = map.fields[0].value;
  ASSERT_EQ(set.fields.size(), 2U);
  EXPECT_EQ(set.fields[0].key.text, "A100:1");
  EXPECT_TRUE(set.fields[0].value.is_null());
}

TEST(YamlTree, BlockScalarsKeepEveryByte) {
  const auto map = only("run: |\n  a\n\n    b  \n  \tc\nkeep: |+\n  x\n\n\nstrip: |-\n  y\n");
  EXPECT_EQ(map.fields[0].value.text, "a\n\n  b  \n\tc\n");
  EXPECT_EQ(map.fields[1].value.text, "x\n\n\n");
  EXPECT_EQ(map.fields[2].value.text, "y");
}

TEST(YamlTree, KeepsWhereEachValueStands) {
  const auto map = only("a: 1\nb:\n  - c: 2\n");
  EXPECT_EQ(map.fields[1].value.items[0].fields[0].value.mark.line, 3);
  EXPECT_EQ(map.fields[1].value.items[0].fields[0].value.mark.column, 8);
}

TEST(YamlTree, MergeKeysFillWhatTheMapDoesNotSet) {
  const auto map = only("base: &b {x: 1, y: 2}\nd:\n  <<: *b\n  y: 3\n");
  const auto* d = map.find("d");
  EXPECT_EQ(d->find("x")->text, "1");
  EXPECT_EQ(d->find("y")->text, "3");
}

TEST(YamlTree, ErrorsNameFileLineAndColumn) {
  EXPECT_THAT(error_of("a: b: c"), HasSubstr("f.yaml:1:5: "));
  EXPECT_THAT(error_of("a: 1\na: 2\n"), HasSubstr("f.yaml:2:1: the key 'a' stands twice"));
  EXPECT_THAT(error_of("a: 1\nb: @x\n"), HasSubstr("f.yaml:2:4: "));
  EXPECT_THAT(error_of("a: 1\nb: \xff\n"), HasSubstr("f.yaml:2:1: this line is not UTF-8"));
  EXPECT_THAT(error_of("a: [1, 2"), HasSubstr("f.yaml:1:"));
  EXPECT_THAT(error_of("? [a]\n: b\n"), HasSubstr("a key must be a single value"));
}

TEST(YamlTree, RefusesDepthAndAliasBombs) {
  EXPECT_THAT(error_of(std::string(200, '[') + std::string(200, ']')), HasSubstr("nested deeper than 64"));
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) bomb += (k ? ",*a" : "*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(error_of(bomb), HasSubstr("unfolds to more than"));
  EXPECT_THAT(error_of("a: &a [*a]"), HasSubstr("contains it"));
}

bool same_value(const YamlNode& a, const YamlNode& b) {
  if (a.kind != b.kind || a.items.size() != b.items.size() || a.fields.size() != b.fields.size()) return false;
  if (a.kind == YamlNode::Kind::kScalar) return a.text == b.text && resolve(a).type == resolve(b).type;
  for (std::size_t i = 0; i < a.items.size(); ++i)
    if (!same_value(a.items[i], b.items[i])) return false;
  for (std::size_t i = 0; i < a.fields.size(); ++i)
    if (a.fields[i].key.text != b.fields[i].key.text || !same_value(a.fields[i].value, b.fields[i].value)) return false;
  return true;
}

// A long or multi-line setup that was written out again must arrive byte for byte.
RC_GTEST_PROP(YamlWriter, AnyTextReadsBackToTheSameBytes, ()) {
  const auto piece =
      rc::gen::element<std::string>("a", "b c", "\n", "\n\n", " ", "\t", "'", "\"", "\\", "#", ": ", "- ", "$x", "é", "✔", "yes", "1", "\r",
                                    "\x01", "|", "%", "\xc2\x85", "\xe2\x80\xa8", "\xef\xbb\xbf", "---", "...");
  const auto pieces = *rc::gen::container<std::vector<std::string>>(piece);
  std::string text;
  for (const auto& p : pieces) text += p;
  YamlNode map;
  map.kind = YamlNode::Kind::kMap;
  map.fields.push_back({yaml_string("outer"), YamlNode{.kind = YamlNode::Kind::kMap, .fields = {{yaml_string("run"), yaml_string(text)}}}});
  map.fields.push_back({yaml_string("after"), yaml_string("x")});
  const auto written = write_yaml(map);
  auto read = read_yaml(written, "f.yaml");
  if (!read.ok()) RC_FAIL(read.error().message() + "\n" + written);
  RC_ASSERT(same_value((*read)[0], map));
}

}  // namespace
}  // namespace isobar
