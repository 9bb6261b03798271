#include "db/checker.h"

#include <gtest/gtest.h>

#include "db/seeded_bugs.h"

namespace isobar::db {

void PrintTo(const CheckConfiguration& configuration, std::ostream* out) { *out << configuration.name; }

namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr bool kWhole = false;  // states take many times the time and memory: the first thousands of each
#else
constexpr bool kWhole = true;
#endif

std::string told(const CheckReport& report) {
  std::string all = report.violation;
  for (const auto& step : report.trace) all += "\n  " + step;
  return all;
}

class DbCheck : public testing::TestWithParam<CheckConfiguration> {};

TEST_P(DbCheck, NoOrderOfDeliveriesBreaksAPromise) {
  auto configuration = GetParam();
  if (!kWhole) configuration.states_most = 3'000;
  const auto report = check(configuration);
  EXPECT_EQ(told(report), "");
  EXPECT_TRUE(report.exhausted || !kWhole) << "stopped at " << report.states << " states";
  EXPECT_GT(report.states, 100U);
  EXPECT_FALSE(report.certified.empty());
}

std::string name_in_tests(const testing::TestParamInfo<CheckConfiguration>& info) {
  std::string name;
  for (const char c : info.param.name)
    if (std::isalnum(static_cast<unsigned char>(c))) name += c;
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, DbCheck, testing::ValuesIn(check_configurations()), name_in_tests);

CheckConfiguration named(const std::string& name) {
  for (const auto& configuration : check_configurations())
    if (configuration.name == name) return configuration;
  ADD_FAILURE() << name;
  return {};
}

TEST(DbCheckOfASplit, DecidesEitherWayInEveryView) {
  if (!kWhole) GTEST_SKIP() << "the whole of it takes too long under a sanitizer";
  const auto report = check(named("split 4-1, liar leads 2"));
  for (const Outcome decision : {Outcome::kCommit, Outcome::kAbort})
    for (View view = 0; view <= 2; ++view) EXPECT_TRUE(report.certified.contains({0, decision, view})) << name_of(decision) << view;
}

// Every order one by one comes to the same as those that the reductions leave, in all that is small enough for it.
TEST(DbCheckReductions, LeaveOutNothingThatCanBeDecided) {
  if (!kWhole) GTEST_SKIP() << "the whole of it takes too long under a sanitizer";
  for (const char* name : {"split 5-0, liar leads 1", "split 4-1, liar leads 1", "split 3-2, liar leads 1", "split 2-3, liar leads 1"}) {
    auto configuration = named(name);
    configuration.views = configuration.refuse.front() == 0 || configuration.refuse.front() == 3 ? 1 : 0;
    const auto reduced = check(configuration);
    configuration.reduced = false;
    const auto whole = check(configuration);
    EXPECT_TRUE(whole.exhausted) << name << ": stopped at " << whole.states;
    EXPECT_TRUE(reduced.exhausted) << name;
    EXPECT_LT(reduced.states, whole.states) << name;
    EXPECT_EQ(reduced.certified == whole.certified, true) << name;
    EXPECT_EQ(told(whole), "") << name;
  }
}

class DbCheckOfFault : public testing::TestWithParam<Bug> {};

TEST_P(DbCheckOfFault, IsFoundWithTheDeliveriesThatLeadToIt) {
  if (!kWhole) GTEST_SKIP() << "the whole of it takes too long under a sanitizer";
  const SeededBug bug(GetParam());
  for (auto configuration : check_configurations()) {
    configuration.states_most = 2'000;
    const auto report = check(configuration);
    if (report.violation.empty()) continue;
    EXPECT_FALSE(report.exhausted);
    ASSERT_GE(report.trace.size(), 2U) << told(report);
    EXPECT_NE(report.trace.front().find("is the adversary's"), std::string::npos) << told(report);
    EXPECT_NE(report.trace.back().find("; it now "), std::string::npos) << told(report);
    return;
  }
  FAIL() << name_of(GetParam()) << " breaks no promise in any configuration";
}

INSTANTIATE_TEST_SUITE_P(Thresholds, DbCheckOfFault,
                         testing::Values(Bug::kFastCommitOneLess, Bug::kFastCommitIsCommitQuorum, Bug::kFastAbortOneLess,
                                         Bug::kFastAbortIsAbortQuorum, Bug::kCommitQuorumOneLess, Bug::kCommitQuorumIsAbortQuorum,
                                         Bug::kAbortQuorumOneLess, Bug::kLogQuorumOneLess, Bug::kLogQuorumIsCommitQuorum,
                                         Bug::kElectionQuorumOneLess, Bug::kElectionIgnoresMajority, Bug::kProposalUnchecked,
                                         Bug::kOlderViewAdopted, Bug::kManyDecisionsInAView, Bug::kLogsAgain, Bug::kLoggedOfAnyView,
                                         Bug::kSignersMayRepeat, Bug::kJustificationUnchecked, Bug::kPreparedForgotten),
                         [](const auto& fault) {
                           std::string name(name_of(fault.param));
                           for (char& c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

}  // namespace
}  // namespace isobar::db
