#include "db/simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace isobar::db {
namespace {

std::string first_of(const SimVerdict& verdict) { return verdict.ok() ? "" : verdict.violations.front(); }

TEST(DbSimulation, CommitsWithoutFaults) {
  SimOptions options;
  options.faults_for = std::chrono::milliseconds(1);
  const auto verdict = simulate(options);
  EXPECT_TRUE(verdict.ok()) << first_of(verdict);
  EXPECT_GE(verdict.committed, 24U);
}

TEST(DbSimulation, ARunIsAFunctionOfItsSeed) {
  const auto options = SimOptions::draw(7);
  const auto a = simulate(options), b = simulate(options);
  EXPECT_EQ(a.messages, b.messages);
  EXPECT_EQ(a.committed, b.committed);
}

// Everything at once: see SimOptions::draw. ISOBAR_DB_SEEDS says how many, ISOBAR_DB_FIRST_SEED from which on.
TEST(DbSimulation, WhateverIsDoneToItEveryPromiseHolds) {
  const char* many = std::getenv("ISOBAR_DB_SEEDS");
  const char* from = std::getenv("ISOBAR_DB_FIRST_SEED");
  const std::uint64_t seeds = many ? std::strtoull(many, nullptr, 10) : 300, first = from ? std::strtoull(from, nullptr, 10) : 1;
  SimVerdict sum;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    const auto options = SimOptions::draw(seed);
    const auto verdict = simulate(options);
    ASSERT_TRUE(verdict.ok()) << options.text() << "\n" << first_of(verdict);
    sum.committed += verdict.committed;
    sum.aborted += verdict.aborted;
    sum.recovered += verdict.recovered;
    sum.fallbacks += verdict.fallbacks;
    sum.crashes += verdict.crashes;
    sum.evidence += verdict.evidence;
  }
  // What the runs are for has happened in them.
  EXPECT_GT(sum.committed, seeds);
  EXPECT_GT(sum.aborted, 0U);
  EXPECT_GT(sum.recovered, 0U);
  EXPECT_GT(sum.fallbacks, 0U);
  EXPECT_GT(sum.crashes, 0U);
  EXPECT_GT(sum.evidence, 0U);
  printf("committed %zu, aborted %zu, recovered %zu, fallback proposals %zu, crashes %zu, evidence %zu\n", sum.committed, sum.aborted,
         sum.recovered, sum.fallbacks, sum.crashes, sum.evidence);
}

}  // namespace
}  // namespace isobar::db
