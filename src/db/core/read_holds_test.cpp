#include "db/read_holds.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

namespace isobar::db {
namespace {

Timestamp stamp(std::uint64_t time) { return {time, ClientId(1)}; }

TEST(ReadHolds, StandAgainstWhoIsOlderInWhatWasRead) {
  ReadHolds holds;
  ASSERT_TRUE(holds.grant("b", "d", stamp(100)));
  ASSERT_TRUE(holds.grant("x", std::string("x\0", 2), stamp(50)));
  EXPECT_TRUE(holds.stands_against("b", stamp(99)));
  EXPECT_TRUE(holds.stands_against("c9", stamp(1)));
  EXPECT_FALSE(holds.stands_against("c9", stamp(100))) << "the reader itself";
  EXPECT_FALSE(holds.stands_against("c9", stamp(101)));
  EXPECT_FALSE(holds.stands_against("d", stamp(1)));
  EXPECT_TRUE(holds.stands_against("x", stamp(49)));
  EXPECT_FALSE(holds.stands_against(std::string("x\0", 2), stamp(49)));
}

TEST(ReadHolds, GoWhenNobodyCanComeInAnyMore) {
  ReadHolds holds(3);
  ASSERT_TRUE(holds.grant("a", "b", stamp(10)));
  ASSERT_TRUE(holds.grant("b", "c", stamp(20)));
  ASSERT_TRUE(holds.grant("a", "b", stamp(30))) << "the same again takes no more room";
  ASSERT_TRUE(holds.grant("k", std::string("k\0", 2), stamp(10)));
  EXPECT_FALSE(holds.grant("z", "zz", stamp(40)));
  holds.close(20);
  EXPECT_EQ(holds.size(), 1U);
  EXPECT_TRUE(holds.stands_against("a", stamp(29)));
  EXPECT_TRUE(holds.grant("z", "zz", stamp(40)));
}

struct Hold {
  std::string from, until;
  std::uint64_t time;
};

RC_GTEST_PROP(ReadHolds, AreWhatALoopOverAllOfThemSays, ()) {
  const auto key = rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab\0", 3)));
  ReadHolds holds;
  std::vector<Hold> all;
  for (int i = *rc::gen::inRange(0, 20); i > 0; --i) {
    std::string from = *key, until = *rc::gen::element(*key, from + '\0');
    if (until < from) std::swap(from, until);
    if (from == until) continue;
    all.push_back({from, until, *rc::gen::inRange<std::uint64_t>(1, 10)});
    RC_ASSERT(holds.grant(from, until, stamp(all.back().time)));
  }
  const auto closed = *rc::gen::inRange<std::uint64_t>(0, 5);
  holds.close(closed);
  const std::string written = *key;
  const auto time = *rc::gen::inRange<std::uint64_t>(closed + 1, 12);
  bool stands = false;
  for (const auto& hold : all) stands = stands || (hold.from <= written && written < hold.until && time < hold.time);
  RC_ASSERT(holds.stands_against(written, stamp(time)) == stands);
}

}  // namespace
}  // namespace isobar::db
