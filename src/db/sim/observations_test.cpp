#include "observations.h"

#include <gtest/gtest.h>

namespace isobar::db {
namespace {

using Values = std::map<std::string, std::optional<std::string>>;

TEST(Observations, WhatOneAfterAnotherSawIsExplained) {
  Observations seen;
  const auto first = seen.committed({"a", {}, {{"x", "1"}}, {}});
  seen.committed({"b", {{"x", "1"}}, {{"x", "2"}}, {}});
  seen.committed({"c", {{"x", "2"}}, {}, first});
  EXPECT_TRUE(seen.unexplained().empty());
}

TEST(Observations, ALostUpdateIsACycle) {
  Observations seen;
  seen.committed({"a", {}, {{"x", "1"}}, {}});
  seen.committed({"b", {{"x", "1"}}, {{"x", "2"}}, {}});
  seen.committed({"c", {{"x", "1"}}, {{"x", "3"}}, {}});
  ASSERT_EQ(seen.unexplained().size(), 1U);
  EXPECT_EQ(seen.unexplained().front(), "no order explains what clients saw: b → c → b");
}

TEST(Observations, WriteSkewIsACycle) {
  Observations seen;
  seen.committed({"base", {}, {{"x", "0"}, {"y", "0"}}, {}});
  seen.committed({"a", {{"x", "0"}, {"y", "0"}}, {{"x", "1"}}, {}});
  seen.committed({"b", {{"x", "0"}, {"y", "0"}}, {{"y", "1"}}, {}});
  EXPECT_EQ(seen.unexplained().size(), 1U);
}

TEST(Observations, WhatWasAbortedMustNotBeRead) {
  Observations seen;
  seen.aborted({"a", {}, {{"x", "1"}}, {}});
  seen.committed({"b", {{"x", "1"}}, {}, {}});
  ASSERT_EQ(seen.unexplained().size(), 1U);
  EXPECT_NE(seen.unexplained().front().find("which was aborted"), std::string::npos);
}

// Its own client committed the later value before, and now sees the earlier one.
TEST(Observations, ASessionThatGoesBackIsACycle) {
  Observations seen;
  seen.committed({"a", {}, {{"x", "1"}}, {}});
  const auto second = seen.committed({"b", {{"x", "1"}}, {{"x", "2"}}, {}});
  seen.committed({"c", {{"x", "1"}}, {}, second});
  EXPECT_EQ(seen.unexplained().size(), 1U);
}

}  // namespace
}  // namespace isobar::db
