#include "db/simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "db/scenarios.h"
#include "db/seeded_bugs.h"

namespace isobar::db {
namespace {

std::string first_of(const SimVerdict& verdict) { return verdict.ok() ? "" : verdict.violations.front(); }

TEST(DbSimulation, CommitsWithoutFaults) {
  SimOptions options;
  options.faults_for = std::chrono::milliseconds(1);
  const auto verdict = simulate(options);
  EXPECT_TRUE(verdict.ok()) << first_of(verdict);
  EXPECT_GE(verdict.committed + verdict.unvoted, 24U);
  EXPECT_GT(verdict.unvoted, 0U);
}

TEST(DbSimulation, ARunIsAFunctionOfItsSeed) {
  const auto options = SimOptions::draw(7);
  const auto a = simulate(options), b = simulate(options);
  EXPECT_EQ(a.messages, b.messages);
  EXPECT_EQ(a.committed, b.committed);
}

// Everything at once: see SimOptions::draw. ISOBAR_DB_SEEDS says how many in each of the four parts; `./dev sim db` runs as long as it is
// told.
#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t kSeeds = 30;  // each takes twenty times as long
#else
constexpr std::uint64_t kSeeds = 500;
#endif

class DbSimulationOfSeeds : public testing::TestWithParam<std::uint64_t> {};

TEST_P(DbSimulationOfSeeds, WhateverIsDoneToItEveryPromiseHolds) {
  const char* many = std::getenv("ISOBAR_DB_SEEDS");
  const std::uint64_t seeds = many ? std::strtoull(many, nullptr, 10) : kSeeds, first = 1 + GetParam() * 1'000'000;
  SimVerdict sum;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    const auto options = SimOptions::draw(seed);
    const auto verdict = simulate(options);
    ASSERT_TRUE(verdict.ok()) << options.text() << "\n" << first_of(verdict);
    sum += verdict;
  }
  // What the runs are for has happened in them.
  EXPECT_GT(sum.committed, seeds);
  EXPECT_GT(sum.aborted, seeds / 10);
  EXPECT_GT(sum.recovered, seeds / 10);
  EXPECT_GT(sum.fallbacks, 0U);
  EXPECT_GT(sum.crashes, seeds / 10);
  EXPECT_GT(sum.evidence, 0U);
}

INSTANTIATE_TEST_SUITE_P(Parts, DbSimulationOfSeeds, testing::Range<std::uint64_t>(0, 4));

// Each fault makes a scenario come out wrong, or a run break a promise. `./dev sim db bugs` prints which.
TEST(DbSeededBugs, EachIsFound) {
  int found = 0;
  for (int number = 1; number <= static_cast<int>(Bug::kLast); ++number) {
    const SeededBug bug(static_cast<Bug>(number));
    EXPECT_FALSE(found_by(60).empty()) << name_of(static_cast<Bug>(number));
    ++found;
  }
  EXPECT_GE(found, 40);
}

}  // namespace
}  // namespace isobar::db
