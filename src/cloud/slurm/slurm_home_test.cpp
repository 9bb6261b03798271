#include "slurm_home.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/text.h"
#include "shell_for_tests.h"
#include "slurm_commands.h"

namespace isobar::cloud {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const JobTag kTag{"0a1b", "train.a", "train-7"};

/// A home of its own, and a squeue that prints what the test wrote.
class SlurmHomeFolder : public testing::Test {
 protected:
  SlurmHomeFolder() : folder_(fs::temp_directory_path() / ("isobar-home-" + secure_random_hex(5))) {
    fs::create_directories(folder_ / "bin");
    put("bin/squeue", "#!/bin/sh\ncat \"$HOME/queue\"\n", 0755);
    put("bin/sinfo", "#!/bin/sh\n", 0755);
    put("queue", "");
    shell_ = std::make_unique<ShellForTests>(
        std::map<std::string, std::string>{{"HOME", folder_}, {"PATH", (folder_ / "bin").string() + ":/usr/bin:/bin"}});
    home_ = std::make_unique<SlurmHome>("lab", kTag.owner, *shell_);
  }
  ~SlurmHomeFolder() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  void put(const std::string& name, const std::string& text, unsigned mode = 0644) {
    fs::create_directories((folder_ / name).parent_path());
    ASSERT_TRUE(write_file(folder_ / name, text, Durability::kCache, mode).ok());
  }
  void queue(const std::string& id, const std::string& state, const JobTag& tag) {
    const std::vector<std::string> fields{
        id,    state, "1", "1", "w1", "debug", "(null)", "normal", "1:00:00", "N/A", "N/A", "N/A", "isobar-" + tag.cluster, format_tag(tag),
        "None"};
    put("queue", kRecordMark + join(fields, std::string(1, kFieldMark)) + "\n");
  }
  static SlurmOrder an_order() {
    SlurmOrder order{kTag.cluster, kTag.token, "lab", "debug", "ada"};
    order.agent_tokens = {"s1"};
    return order;
  }
  fs::path folder_;
  std::unique_ptr<ShellForTests> shell_;
  std::unique_ptr<SlurmHome> home_;
};

TEST_F(SlurmHomeFolder, TheOrderIsItsOwnersAloneAndItsSecretsAreInNoCommand) {
  ASSERT_TRUE(home_->put_order(kTag, an_order()).ok());
  const auto file = folder_ / order_path_of(kTag);
  EXPECT_EQ(parse_slurm_order(read_file(file).value()).value(), an_order());
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(fs::status(file.parent_path()).permissions(), fs::perms::owner_all);
  for (const auto& command : shell_->commands) EXPECT_THAT(command, testing::Not(HasSubstr("s1")));
}

TEST_F(SlurmHomeFolder, OneLookSeesJobsFoldersAndRanksOfTheOwnerAlone) {
  ASSERT_TRUE(home_->put_order(kTag, an_order()).ok());
  const auto folder = fs::path(order_path_of(kTag)).parent_path().string();
  put(folder + "/rank-1.json", encode(PublishedRank{kTag.token, 1, "10.0.0.2", 7}));
  put(folder + "/rank-0.json", encode(PublishedRank{kTag.token, 0, "10.0.0.1", 7}));
  put(folder + "/rank-2.json", "{\"token\":\"train-7\",\"ra");
  put(".isobar/slurm/other/theirs/abc/rank-0.json", encode(PublishedRank{"t", 0, "10.0.0.3", 7}));
  queue("12", "RUNNING", kTag);
  const auto before = shell_->commands.size();
  const auto sight = home_->look().value();
  EXPECT_EQ(shell_->commands.size(), before + 1);
  ASSERT_TRUE(sight.job_of(kTag.token));
  EXPECT_EQ(sight.job_of(kTag.token)->id, "12");
  EXPECT_THAT(sight.clusters, ElementsAre("train.a"));
  ASSERT_EQ(sight.published.size(), 1U);
  EXPECT_EQ(sight.published.at(kTag.token).at(1).address, "10.0.0.2");
  queue("13", "RUNNING", {"other", "train.a", "t"});
  EXPECT_THAT(home_->look().value().jobs, IsEmpty());
}

TEST_F(SlurmHomeFolder, NothingIsSubmittedAnyMoreOnceTheOrderIsRevoked) {
  ASSERT_TRUE(home_->put_order(kTag, an_order()).ok());
  put("bin/sbatch", "#!/bin/sh\necho 12\n", 0755);
  const SlurmJob job{.tag = kTag, .script = "#!/bin/sh\n", .needs = order_path_of(kTag)};
  EXPECT_THAT(shell_->run(submit_command(job, ""), job.script, 10s).value().out, HasSubstr("NEW 12"));
  queue("12", "RUNNING", kTag);
  const auto left = home_->revoke(kTag.cluster).value();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].id, "12");
  const auto late = shell_->run(submit_command(job, ""), job.script, 10s).value();
  EXPECT_NE(late.exit_code, 0);
  EXPECT_THAT(late.err, HasSubstr("taken down"));
  queue("12", "CANCELLED", kTag);
  EXPECT_THAT(home_->revoke(kTag.cluster).value(), IsEmpty());
}

TEST_F(SlurmHomeFolder, RemovingOneClustersFoldersLeavesThoseOfAnother) {
  const JobTag other{kTag.owner, "train", "t"};
  ASSERT_TRUE(home_->put_order(kTag, an_order()).ok());
  ASSERT_TRUE(home_->put_order(other, an_order()).ok());
  ASSERT_TRUE(home_->remove_folders("train").ok());
  EXPECT_THAT(home_->look().value().clusters, ElementsAre("train.a"));
  ASSERT_TRUE(home_->remove_folders("train.a").ok());
  EXPECT_FALSE(fs::exists(folder_ / ".isobar/slurm" / kTag.owner));
  EXPECT_TRUE(home_->remove_folders("train.a").ok()) << "what is gone is a success";
}

TEST_F(SlurmHomeFolder, TheScriptRunsOneCarrierOnEachNodeUnlessItsOrderIsGone) {
  put("bin/srun", "#!/bin/sh\nprintf '%s\\n' \"$@\" >\"$HOME/srun\"\n", 0755);
  const auto script = carry_script(kTag, "isobar-node-0123");
  ASSERT_TRUE(shell_->run("/bin/sh", script, 10s).ok());
  EXPECT_FALSE(fs::exists(folder_ / "srun"));
  ASSERT_TRUE(home_->put_order(kTag, an_order()).ok());
  EXPECT_EQ(shell_->run("SLURM_CPUS_PER_TASK=3 /bin/sh", script, 10s).value().exit_code, 0);
  EXPECT_THAT(read_file(folder_ / "srun").value(),
              AllOf(HasSubstr("--ntasks-per-node=1\n"), HasSubstr("--cpus-per-task=3\n"), HasSubstr("--kill-on-bad-exit=1\n"),
                    HasSubstr(fmt::format("{0}/.isobar/bin/isobar-node-0123\ncarry\n{0}/.isobar/slurm/{1}\n", folder_.string(),
                                          slurm_folder_of(kTag)))));
  EXPECT_EQ(home_->console(kTag).value(), "");
}

}  // namespace
}  // namespace isobar::cloud
