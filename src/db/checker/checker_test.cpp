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

struct Fault {
  Bug bug;
  std::string configuration;  // in which it shows
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << name_of(fault.bug); }

class DbCheckOfFault : public testing::TestWithParam<Fault> {};

TEST_P(DbCheckOfFault, IsFoundWithTheDeliveriesThatLeadToIt) {
  if (!kWhole) GTEST_SKIP() << "the whole of it takes too long under a sanitizer";
  const SeededBug bug(GetParam().bug);
  auto configuration = named(GetParam().configuration);
  configuration.states_most = 40'000;
  const auto report = check(configuration);
  ASSERT_FALSE(report.violation.empty()) << "it breaks no promise";
  EXPECT_FALSE(report.exhausted);
  ASSERT_GE(report.trace.size(), 2U) << told(report);
  EXPECT_NE(report.trace.front().find("is the adversary's"), std::string::npos) << told(report);
  EXPECT_NE(report.trace.back().find("; it now "), std::string::npos) << told(report);
}

const char *const kConflict = "conflict, view 0", *const kSplit41 = "split 4-1, liar leads 1", *const kSplit50 = "split 5-0, liar leads 1",
                  *const kClosing = "closing, split 5-0, views 0-1";

INSTANTIATE_TEST_SUITE_P(Thresholds, DbCheckOfFault,
                         testing::Values(Fault{Bug::kFastCommitOneLess, kSplit41}, Fault{Bug::kFastCommitIsCommitQuorum, kSplit41},
                                         Fault{Bug::kFastAbortOneLess, "split 3-2, liar leads 1"},
                                         Fault{Bug::kFastAbortIsAbortQuorum, kSplit41}, Fault{Bug::kCommitQuorumOneLess, kConflict},
                                         Fault{Bug::kCommitQuorumIsAbortQuorum, kConflict}, Fault{Bug::kAbortQuorumOneLess, kConflict},
                                         Fault{Bug::kLogQuorumOneLess, kSplit41}, Fault{Bug::kLogQuorumIsCommitQuorum, kSplit41},
                                         Fault{Bug::kElectionQuorumOneLess, kSplit41}, Fault{Bug::kElectionIgnoresMajority, kSplit50},
                                         Fault{Bug::kProposalUnchecked, kSplit50}, Fault{Bug::kOlderViewAdopted, kSplit41},
                                         Fault{Bug::kManyDecisionsInAView, kSplit41}, Fault{Bug::kLogsAgain, kConflict},
                                         Fault{Bug::kLoggedOfAnyView, kSplit41}, Fault{Bug::kSignersMayRepeat, kConflict},
                                         Fault{Bug::kJustificationUnchecked, kConflict}, Fault{Bug::kPreparedForgotten, kConflict},
                                         Fault{Bug::kMissedWritesAllowed, kConflict},
                                         Fault{Bug::kOneParticipantIsEnough, "two shards, slow and fast"},
                                         Fault{Bug::kClosedUnchecked, kClosing}, Fault{Bug::kSignsUnclean, kClosing},
                                         Fault{Bug::kStableQuorumOneLess, kClosing}),
                         [](const auto& fault) {
                           std::string name(name_of(fault.param.bug));
                           for (char& c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

}  // namespace
}  // namespace isobar::db
