#include "fuzz/campaign.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>

namespace isobar::fuzz {
namespace {

using testing::HasSubstr;

class ACampaign : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "campaign-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  void TearDown() override {
    campaign_.reset();
    fs::remove_all(path_);
  }

  Result<Campaign*> open(const std::vector<std::string>& seeds, std::vector<std::string> goals = {}, std::string_view program = "harness",
                         bool tame = true) {
    campaign_.reset();
    executor_.reset();
    folder_.reset();
    ExecutorOptions target;
    target.command = {ISOBAR_BINARY_DIR "/fuzz/fuzz_scripted_" + std::string(program)};
    target.timeout = 200ms;
    if (tame) target.environment = {"SCRIPTED_TAME=1"};
    TRY_ASSIGN(executor_, start_zygote(target));
    TRY_ASSIGN(auto folder, CorpusFolder::open(path_));
    folder_.emplace(std::move(folder));
    CampaignOptions options{.size_max = 256, .goals = std::move(goals), .target = "scripted"};
    for (const std::string& seed : seeds) options.seeds.emplace_back(seed.begin(), seed.end());
    CampaignEvents events{.kept = [this](EntryId, const Entry& entry, ByteView, auto) { kept_by_.push_back(entry.found_by); },
                          .ended = [this](Ending ending, const fs::path&, const Outcome&) { endings_.push_back(ending); }};
    TRY_ASSIGN(campaign_, Campaign::open(*executor_, *folder_, options, events));
    return campaign_.get();
  }
  Campaign& opened(const std::vector<std::string>& seeds, std::vector<std::string> goals = {}, std::string_view program = "harness",
                   bool tame = true) {
    auto campaign = open(seeds, std::move(goals), program, tame);
    CHECK(campaign.ok(), campaign.error().message());
    return **campaign;
  }
  /// Turns until it is so; false: not within many.
  bool reaches(const std::function<bool()>& goal, int turns = 2000) {
    for (int i = 0; i < turns && !goal(); ++i) {
      const Status took = campaign_->turn();
      EXPECT_TRUE(took.ok()) << took.error().message();
      if (!took.ok()) return false;
    }
    return goal();
  }
  bool covers(std::uint32_t block) const { return campaign_->aggregates().value(kCoverage, block) != 0; }
  GoalProgress progress(std::string_view goal) const {
    for (const GoalProgress& each : campaign_->progress().goals)
      if (each.name == goal) return each;
    return {};
  }

  fs::path path_;
  std::unique_ptr<Executor> executor_;
  std::optional<CorpusFolder> folder_;
  std::unique_ptr<Campaign> campaign_;
  std::vector<std::string> kept_by_;
  std::vector<Ending> endings_;
};

// AFLplusplus#815: the operands are those of the one binary
TEST_F(ACampaign, PassesAMagicNumberAndATextByWhatTheyAreComparedWith) {
  opened({"mAAAA", "tAAAAAAAA"});
  EXPECT_TRUE(reaches([&] { return covers(4) && covers(5); }, 20));
  EXPECT_GE(std::ranges::count(kept_by_, "compares"), 1);
}

TEST_F(ACampaign, ClimbsADomain) {
  opened({"s\1"}, {"site"});
  EXPECT_TRUE(reaches([&] { return progress("site").extreme == 255; }));
}

TEST_F(ACampaign, DescendsADomainOfMinima) {
  opened({"k\1\xff"}, {"key"});
  EXPECT_TRUE(reaches([&] { return progress("key").extreme == 0; }));
}

TEST_F(ACampaign, WorksTowardsWhatItIsToldAlone) {
  opened({"s\1", "b"}, {"site"});
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(campaign_->turn().ok());
  EXPECT_EQ(progress("perf").name, "");
  EXPECT_EQ(progress("coverage").name, "coverage");
  for (const Entry& entry : campaign_->entries())
    for (const Goal goal : entry.goals) EXPECT_TRUE(goal == kCoverage || name_of(executor_->shape(), goal) == "site");
}

TEST_F(ACampaign, AGoalThatTheTargetDoesNotHaveIsRefusedWithTheMend) {
  EXPECT_THAT(open({}, {"memory"}).error().message(), HasSubstr("isobar-cc --domains memory"));
}

TEST_F(ACampaign, FindsWhatEndsTheTargetOnceEach) {
  opened({"b", "C", "A", "L", "E"}, {}, "harness", false);
  EXPECT_THAT(endings_, testing::UnorderedElementsAre(Ending::kCrash, Ending::kCrash, Ending::kTimeout, Ending::kExit));
  std::size_t files = 0;
  for (const auto& file : fs::directory_iterator(path_ / "crashes")) files += file.is_regular_file();
  EXPECT_EQ(files, 4U);
}

TEST_F(ACampaign, KeepsNoSecondCrashForAValueOfADomain) {
  opened({"A", "Axxxxxxxx", "Ay"}, {}, "harness", false);
  EXPECT_EQ(std::ranges::count(endings_, Ending::kCrash), 1);
}

TEST_F(ACampaign, DoesNotKeepForEverWhatNeverRepeats) {
  opened({"n"});
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(campaign_->turn().ok());
  const auto varying = std::ranges::count_if(campaign_->entries(), [](const Entry& entry) { return entry.varies; });
  EXPECT_LT(varying, 12);
}

TEST_F(ACampaign, WithoutSeedsBeginsWithNextToNothing) {
  opened({});
  EXPECT_TRUE(reaches([&] { return campaign_->progress().entries > 3; }));
}

TEST_F(ACampaign, OfAProgramWithoutAHarnessWorksTheSame) {
  opened({"mAAAA"}, {}, "program");
  EXPECT_TRUE(reaches([&] { return covers(4); }, 40));
}

TEST_F(ACampaign, GoesOnExactlyWhereItWas) {
  opened({"s\1", "b\1\2", "mAAAA", "k\1\2"});
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(campaign_->turn().ok());
  ASSERT_TRUE(campaign_->save().ok());
  const std::string aggregates = campaign_->aggregates().encode();
  const auto entries = campaign_->entries();
  const auto runs = campaign_->progress().runs;
  opened({});
  EXPECT_EQ(campaign_->aggregates().encode(), aggregates);
  ASSERT_EQ(campaign_->entries().size(), entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) EXPECT_EQ(campaign_->entries()[i].hash, entries[i].hash);
  EXPECT_EQ(campaign_->progress().runs, runs);  // nothing was run again
  EXPECT_EQ(progress("site").extreme_holder == kNobody, false);
}

TEST_F(ACampaign, AfterAKillRunsOnlyWhatItsStateDoesNotKnow) {
  opened({"s\1"});
  ASSERT_TRUE(campaign_->save().ok());
  const auto runs = campaign_->progress().runs;
  const Bytes late{'m', 'A', 'A', 'A', 'A'};
  ASSERT_TRUE(folder_->keep(hash_of(late), late).ok());
  opened({});
  EXPECT_TRUE(covers(3));
  EXPECT_LT(campaign_->progress().runs, runs + 100);
}

TEST_F(ACampaign, OfADamagedStateNothingIsLost) {
  opened({"s\1"});
  ASSERT_TRUE(write_file(path_ / "state", "rubbish").ok());
  EXPECT_EQ(open({}).error().code(), Code::kDataLoss);
  EXPECT_FALSE(fs::is_empty(path_ / "inputs"));
}

TEST_F(ACampaign, OnlyOneRunsInAFolder) {
  opened({"s\1"});
  EXPECT_EQ(CorpusFolder::open(path_).error().code(), Code::kConflict);
}

TEST_F(ACampaign, TakesInputsOfOthersThatMoveSomethingHere) {
  opened({"b"});
  const auto before = campaign_->progress().entries;
  const Bytes novel{'b', 9}, known{'b'};
  for (const Bytes& input : {novel, known}) ASSERT_TRUE(folder_->keep(hash_of(input), input).ok());
  ASSERT_TRUE(campaign_->exchange().ok());
  EXPECT_EQ(campaign_->progress().entries, before + 1);
  EXPECT_EQ(campaign_->entries().back().found_by, "others");
}

}  // namespace
}  // namespace isobar::fuzz
