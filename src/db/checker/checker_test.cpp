#include "db/checker.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "db/seeded_bugs.h"

namespace isobar::db {

void PrintTo(const CheckConfiguration& configuration, std::ostream* out) { *out << configuration.name; }

namespace {

std::string told(const CheckReport& report) {
  std::string all = report.violation;
  for (const auto& step : report.trace) all += "\n  " + step;
  return all;
}

class DbCheck : public testing::TestWithParam<CheckConfiguration> {};

TEST_P(DbCheck, NoOrderOfDeliveriesBreaksAPromise) {
  const auto report = check(GetParam());
  EXPECT_EQ(told(report), "");
  EXPECT_TRUE(report.exhausted) << "stopped at " << report.states << " states";
  EXPECT_GT(report.states, 100U);
  EXPECT_GT(report.steps, report.states);
}

std::string name_in_tests(const testing::TestParamInfo<CheckConfiguration>& info) {
  std::string name;
  for (const char c : info.param.name)
    if (std::isalnum(static_cast<unsigned char>(c))) name += c;
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, DbCheck, testing::ValuesIn(check_configurations()), name_in_tests);

class DbCheckOfFault : public testing::TestWithParam<Bug> {};

TEST_P(DbCheckOfFault, IsFoundWithTheDeliveriesThatLeadToIt) {
  const SeededBug bug(GetParam());
  for (const auto& configuration : check_configurations()) {
    const auto report = check(configuration);
    if (report.violation.empty()) continue;
    EXPECT_FALSE(report.exhausted);
    ASSERT_GE(report.trace.size(), 2U) << told(report);
    EXPECT_NE(report.trace.front().find("is the adversary's"), std::string::npos) << told(report);
    EXPECT_NE(told(report).find("is handed transaction 1 to prepare; it now votes"), std::string::npos) << told(report);
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
