#include "hostlist.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/text.h"

namespace isobar::cloud {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> hosts(std::string_view text) { return expand_hostlist(text).value(); }
std::string refusal(std::string_view text) { return expand_hostlist(text).error().message(); }

TEST(Hostlist, TheLastNumberThereIsEndsARange) {
  EXPECT_THAT(hosts("n[18446744073709551614-18446744073709551615]"), ElementsAre("n18446744073709551614", "n18446744073709551615"));
  EXPECT_THAT(refusal("n[18446744073709551616]"), HasSubstr("neither a number nor a range"));
}

TEST(Hostlist, NamesOfAnyLengthAreNotMultiplied) {
  EXPECT_THAT(refusal("n[" + std::string(40, '0') + "-99]"), HasSubstr("neither a number nor a range"));
  EXPECT_THAT(refusal(std::string(5000, 'n') + "[0-99]"), HasSubstr("longer than a name can be"));
}

TEST(Hostlist, RangesAndSingleNamesKeepTheirOrder) {
  EXPECT_THAT(hosts("w[1-3,7],gpu01"), ElementsAre("w1", "w2", "w3", "w7", "gpu01"));
  EXPECT_THAT(hosts("b2,a1"), ElementsAre("b2", "a1"));
  EXPECT_THAT(hosts("w[3,1]"), ElementsAre("w3", "w1"));
}

TEST(Hostlist, PaddingIsThatOfTheFirstNumber) {
  EXPECT_THAT(hosts("n[08-10]"), ElementsAre("n08", "n09", "n10"));
  EXPECT_THAT(hosts("n[8-10]"), ElementsAre("n8", "n9", "n10"));
  EXPECT_THAT(hosts("n[098-101].cluster"), ElementsAre("n098.cluster", "n099.cluster", "n100.cluster", "n101.cluster"));
}

TEST(Hostlist, BracketsMultiply) { EXPECT_THAT(hosts("rack[0-1]n[1-2]"), ElementsAre("rack0n1", "rack0n2", "rack1n1", "rack1n2")); }

TEST(Hostlist, WhatSlurmWritesForNoHostIsNone) {
  for (const char* none : {"", " ", "(null)", "None assigned", "n/a"}) EXPECT_THAT(hosts(none), IsEmpty()) << none;
}

TEST(Hostlist, WhatIsWrongIsNamed) {
  EXPECT_THAT(refusal("w[1-"), HasSubstr("a bracket is not closed"));
  EXPECT_THAT(refusal("w1]"), HasSubstr("was not opened"));
  EXPECT_THAT(refusal("w[1-[2]]"), HasSubstr("within a bracket"));
  EXPECT_THAT(refusal("w[3-1]"), HasSubstr("\"3-1\" is neither a number nor a range"));
  EXPECT_THAT(refusal("w[]"), HasSubstr("\"\" is neither"));
  EXPECT_THAT(refusal("w1,,w2"), HasSubstr("a name is missing"));
}

TEST(Hostlist, AShortTextCannotAskForTheWholeMemory) {
  EXPECT_THAT(refusal("w[0-99999999999]"), HasSubstr("more than 65536 hosts"));
  EXPECT_THAT(refusal("w[0-18446744073709551615]"), HasSubstr("more than 65536 hosts"));
  EXPECT_THAT(refusal("a[0-999]b[0-999]"), HasSubstr("more than 65536 hosts"));
  EXPECT_THAT(refusal("a[0-39999],b[0-39999]"), HasSubstr("more than 65536 hosts"));
  EXPECT_EQ(hosts("w[0-65535]").size(), 65536U);
}

// Whatever names are packed into ranges come out again.
TEST(Hostlist, ExpandsWhatAPackerPacks) {
  const bool held = rc::check("expand(pack(ranges)) lists them", [] {
    std::vector<std::string> packed, names;
    const int parts = *rc::gen::inRange(1, 6);
    for (int part = 0; part < parts; ++part) {
      const std::string stem(1, static_cast<char>('a' + part));
      const int width = *rc::gen::inRange(1, 5), low = *rc::gen::inRange(0, 2000), count = *rc::gen::inRange(1, 20);
      packed.push_back(fmt::format("{}[{:0{}}-{:0{}}]", stem, low, width, low + count - 1, width));
      for (int number = low; number < low + count; ++number) names.push_back(fmt::format("{}{:0{}}", stem, number, width));
    }
    RC_ASSERT(hosts(join(packed, ",")) == names);
  });
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace isobar::cloud
