#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "fuzz/havoc.h"
#include "fuzz/input_to_state.h"

namespace isobar::fuzz {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

Bytes bytes(std::string_view text) { return {text.begin(), text.end()}; }
std::string text(const Bytes& data) { return {data.begin(), data.end()}; }

RC_GTEST_PROP(Havoc, KeepsToItsBoundsWhateverItIsGiven, (Bytes data, Bytes other, std::uint64_t seed)) {
  Havoc havoc(64);
  Dictionary dictionary;
  if (*rc::gen::arbitrary<bool>()) dictionary.add(bytes("token"));
  Random random(seed);
  for (int i = 0; i < 200; ++i) {
    const Recipe recipe = havoc.mutate(data, other, dictionary, random);
    RC_ASSERT(data.size() <= 64U);
    if (i % 3 == 0) havoc.credit(recipe);
  }
}

TEST(Havoc, ChangesTheInputNearlyAlways) {
  Havoc havoc(1000);
  const Dictionary dictionary;
  Random random(1);
  int same = 0;
  for (int i = 0; i < 1000; ++i) {
    Bytes data = bytes("some input of thirty-two bytes..");
    havoc.mutate(data, {}, dictionary, random);
    same += data == bytes("some input of thirty-two bytes..");
  }
  EXPECT_LT(same, 60);
}

TEST(Havoc, DrawsMoreOftenWhatFinds) {
  Havoc havoc(1000);
  const Dictionary dictionary;
  Random random(1);
  const auto share = [&](std::string_view name) {
    for (const auto& each : havoc.shares())
      if (each.name == name) return each.share;
    return 0.0;
  };
  const double before = share("swap bytes");
  for (int i = 0; i < 100'000; ++i) {
    Bytes data = bytes("abcdefghijklmnopqrstuvwxyz");
    const Bytes sorted = data;
    const Recipe recipe = havoc.mutate(data, {}, dictionary, random);
    // What finds is an input of the same bytes in another order.
    Bytes again = data;
    std::ranges::sort(again);
    if (again == sorted && data != sorted) havoc.credit(recipe);
  }
  EXPECT_GT(share("swap bytes"), 2 * before);
  EXPECT_LT(share("insert run"), before);
  EXPECT_GT(share("insert run"), 0.001);
}

TEST(Dictionary, ReadsFilesOfAflAndLibFuzzer) {
  const auto tokens = Dictionary::parse("# comment\n\nmagic=\"\\x89PNG\"\n  name@2=\"a \\\"b\\\" \\\\\" \n\"IHDR\"\r\n");
  ASSERT_TRUE(tokens.ok()) << tokens.error().message();
  EXPECT_THAT(*tokens, ElementsAre(bytes("\x89PNG"), bytes("a \"b\" \\"), bytes("IHDR")));
  const auto refusal = [](std::string_view file) { return Dictionary::parse(file).error().message(); };
  EXPECT_THAT(refusal("\"a\"\nb=c\n"), HasSubstr("line 2"));
  EXPECT_THAT(refusal("\"\\x8g\""), HasSubstr("two hexadecimal digits"));
  EXPECT_THAT(refusal("\"\""), HasSubstr("not empty"));
  EXPECT_THAT(refusal("\"a\" b"), HasSubstr("closing quote"));
}

TEST(Dictionary, HoldsEachTokenOnce) {
  Dictionary dictionary;
  dictionary.add(bytes("a")), dictionary.add(bytes("a")), dictionary.add({}), dictionary.add(Bytes(129));
  EXPECT_EQ(dictionary.size(), 1U);
}

TEST(Colorizer, ChangesAllBytesThatDoNotMatter) {
  const std::string original = "magic and then whatever";
  Random random(3);
  Colorizer colorizer(bytes(original), 1000, random);
  int runs = 0;
  while (const auto attempt = colorizer.next()) {
    ++runs;
    colorizer.answer(std::string(attempt->begin(), attempt->end()).starts_with("magic"));
  }
  EXPECT_LT(runs, 30);
  EXPECT_EQ(text(colorizer.colored()).substr(0, 5), "magic");
  for (std::size_t i = 5; i < original.size(); ++i) EXPECT_NE(colorizer.colored()[i], static_cast<std::uint8_t>(original[i])) << i;
}

isobar_fuzz_operands compare(std::uint32_t form, std::uint64_t a, std::uint64_t b) { return {7, form | ISOBAR_FUZZ_CMP_EQUAL, a, b}; }
std::vector<std::string> tried(std::string_view input, const Operands& log, std::string_view colored = {}, const Operands& other = {}) {
  const Bytes in = bytes(input);
  std::vector<std::string> all;
  for (const Replacement& each : input_to_state(in, log, bytes(colored), other, 1000)) all.push_back(text(replaced(in, each)));
  return all;
}

TEST(InputToState, PutsTheOtherSideWhereOneSideStands) {
  EXPECT_THAT(tried("xxABCDyy", {{compare(32, 0x44434241, 0x64636261)}, {}}), ElementsAre("xxabcdyy"));
  // The other byte order, and a value that was widened.
  EXPECT_THAT(tried("xxABCDyy", {{compare(32, 0x41424344, 0x61626364)}, {}}), ElementsAre("xxabcdyy"));
  EXPECT_THAT(tried("xxAByy", {{compare(64, 0x4241, 0x6261)}, {}}), Contains("xxabyy"));
  // Of a constant only the one side.
  EXPECT_THAT(tried("abcd", {{compare(32 | ISOBAR_FUZZ_CMP_CONSTANT, 0x11223344, 0x64636261)}, {}}), IsEmpty());
}

TEST(InputToState, GoesJustBeyondWhatOrdersCompare) {
  EXPECT_THAT(tried("..\x10\x27..", {{{7, 16 | ISOBAR_FUZZ_CMP_LESS | ISOBAR_FUZZ_CMP_CONSTANT, 10000, 0x4142}}, {}}),
              testing::UnorderedElementsAre("..BA..", "..AA..", "..CA.."));
}

TEST(InputToState, TakesOnlyPlacesThatFollowTheirCompareInBothRuns) {
  const Operands log{{compare(16, 0x4141, 0x5a5a)}, {}}, other{{compare(16, 0x4242, 0x5a5a)}, {}};
  EXPECT_THAT(tried("AA..AA", log), SizeIs(2));
  EXPECT_THAT(tried("AA..AA", log, "CC..BB", other), ElementsAre("AA..ZZ"));
}

// REDQUEEN section IV: encodings
TEST(InputToState, UndoesOffsetsAndKeys) {
  EXPECT_THAT(tried("..\x10\x20..", {{compare(16 | ISOBAR_FUZZ_CMP_CONSTANT, 0x2010 + 0x0101, 0x4343)}, {}}, "..\x30\x50..",
                    {{compare(16, 0x5030 + 0x0101, 0x4343)}, {}}),
              Contains("..BB.."));
  EXPECT_THAT(tried("..\x10\x20..", {{compare(16 | ISOBAR_FUZZ_CMP_CONSTANT, 0x2010 ^ 0x5555, 0x1717)}, {}}, "..\x31\x5a..",
                    {{compare(16, 0x5a31 ^ 0x5555, 0x1717)}, {}}),
              Contains("..BB.."));
}

TEST(InputToState, WritesNumbersInDigits) {
  EXPECT_THAT(tried("width=17;", {{compare(32 | ISOBAR_FUZZ_CMP_CONSTANT, 17, 65536)}, {}}), Contains("width=65536;"));
}

isobar_fuzz_buffers compared(std::string_view a, std::string_view b) {
  isobar_fuzz_buffers out{.slot = 9,
                          .form = ISOBAR_FUZZ_CMP_EQUAL,
                          .a_size = static_cast<std::uint8_t>(a.size()),
                          .b_size = static_cast<std::uint8_t>(b.size())};
  std::ranges::copy(a, out.a);
  std::ranges::copy(b, out.b);
  return out;
}

TEST(InputToState, PutsTextsInThePlaceOfTexts) {
  EXPECT_THAT(tried("user=joe;", {{}, {compared("joe", "administrator")}}), Contains("user=administrator;"));
  EXPECT_THAT(tried("GIF8....", {{}, {compared("GIF8", "\x89PNG")}}), Contains("\x89PNG...."));
}

TEST(InputToState, PutsManyInAtOnceAndNoneOverAnother) {
  Random random(1);
  const std::vector<Replacement> all{{0, 1, bytes("A")}, {2, 2, bytes("BC")}, {3, 1, bytes("x")}, {4, 1, bytes("longer")}};
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(text(replaced_together(bytes("abcde"), all, 1, random)));
  EXPECT_THAT(seen, ElementsAre("AbBCe", "Abcxe"));
  EXPECT_EQ(text(replaced_together(bytes("abcde"), all, 0, random)), "abcde");
}

TEST(InputToState, LearnsTheConstants) {
  Dictionary dictionary;
  learn_tokens(
      {{compare(32 | ISOBAR_FUZZ_CMP_CONSTANT, 0, 0x64636261), compare(32, 0, 0x71727374), compare(32 | ISOBAR_FUZZ_CMP_CONSTANT, 0, 3)},
       {compared("x", "IHDR")}},
      dictionary);
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < dictionary.size(); ++i) tokens.emplace_back(dictionary[i].begin(), dictionary[i].end());
  EXPECT_THAT(tokens, testing::UnorderedElementsAre("abcd", "dcba", "IHDR"));
}

// Found by fuzzing: a width of 31 bytes was believed, and shifted by.
TEST(InputToState, BelievesNoWidthThatANumberCannotHave) {
  const Operands log{{compare(255 | ISOBAR_FUZZ_CMP_CONSTANT, 0x4141414141414141, 0x4242424242424242)}, {}};
  EXPECT_THAT(tried("xxAAAAAAAAyy", log), Contains("xxBBBBBBBByy"));
  Dictionary dictionary;
  learn_tokens(log, dictionary);
  EXPECT_EQ(dictionary.size(), 1U);
}

RC_GTEST_PROP(InputToState, StaysWithinTheInputWhateverTheTargetSays, (Bytes input)) {
  Operands log, other;
  Bytes colored = input;
  for (auto& byte : colored) byte = *rc::gen::arbitrary<std::uint8_t>();
  for (int i = 0; i < 5; ++i)
    for (Operands* each : {&log, &other})
      each->integers.push_back({*rc::gen::inRange(0U, 2U), *rc::gen::element(0U, 1U, 8U, 16U, 32U, 64U, 255U, 0x220U),
                                *rc::gen::arbitrary<std::uint64_t>(), *rc::gen::inRange<std::uint64_t>(0, 300)});
  for (const auto& replacement : input_to_state(input, log, colored, other, 100)) {
    RC_ASSERT(replacement.at + replacement.old_size <= input.size());
    replaced(input, replacement);
  }
}

}  // namespace
}  // namespace isobar::fuzz
