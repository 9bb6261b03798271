#include "broker/git_checkout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/child.h"
#include "base/random.h"
#include "base/text.h"
#include "broker/local_tree.h"

namespace isobar::broker {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A repository of somebody else's, and a cache of ours.
class GitTest : public testing::Test {
 protected:
  fs::path root_ = fs::temp_directory_path() / ("isobar-git-" + secure_random_hex(6));
  fs::path repository_ = root_ / "theirs", cache_ = root_ / "cache";

  void SetUp() override {
    fs::create_directories(repository_);
    git(repository_, {"init", "-q", "-b", "main"});
    commit(repository_, "train.py", "one");
  }
  void TearDown() override { fs::remove_all(root_); }

  static std::string git(const fs::path& in, std::vector<std::string> arguments) {
    std::vector<std::string> words = {
        "git", "-C", in.string(), "-c", "user.name=ada", "-c", "user.email=ada@isobar.invalid", "-c", "protocol.file.allow=always"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    const auto output = run_child(words, {}, std::chrono::minutes(1));
    CHECK(output.ok() && output->exit_code == 0, output.ok() ? output->err : output.error().message());
    return std::string(trim(output->out));
  }
  static std::string commit(const fs::path& in, const std::string& path, const std::string& text) {
    CHECK(write_file(in / path, text, Durability::kCache).ok());
    git(in, {"add", "-f", "."});
    git(in, {"commit", "-q", "-m", "more"});
    return git(in, {"rev-parse", "HEAD"});
  }
  std::string url() const { return "file://" + repository_.string(); }
  Result<GitCheckout> out(const std::string& ref = "") const { return check_out(url(), ref, cache_); }
  std::string text(const GitCheckout& checkout, const std::string& path) const {
    return read_file(checkout.folder / path).value_or("none");
  }
};

TEST_F(GitTest, TheDefaultBranchAsItIsNow) {
  const auto first = out().value();
  EXPECT_EQ(text(first, "train.py"), "one");
  const auto newer = commit(repository_, "train.py", "two");
  const auto second = out().value();
  EXPECT_EQ(second.commit, newer);
  EXPECT_EQ(text(second, "train.py"), "two");
  EXPECT_EQ(text(first, "train.py"), "one") << "what a launch is sending does not change under it";
}

TEST_F(GitTest, BranchesTagsAndCommitsByName) {
  const auto first = git(repository_, {"rev-parse", "HEAD"});
  git(repository_, {"tag", "light"});
  git(repository_, {"tag", "-a", "v1", "-m", "release"});
  git(repository_, {"checkout", "-q", "-b", "team/wild"});
  const auto wild = commit(repository_, "wild.py", "w");
  git(repository_, {"checkout", "-q", "main"});
  commit(repository_, "train.py", "two");
  EXPECT_EQ(out("team/wild")->commit, wild);
  EXPECT_EQ(out("light")->commit, first);
  EXPECT_EQ(out("v1")->commit, first) << "an annotated tag is what it points to";
  EXPECT_EQ(text(out(first).value(), "train.py"), "one");
  EXPECT_EQ(out(to_lower(first))->commit, first);
}

TEST_F(GitTest, ACommitThatIsOnNoTipIsFoundAmongAll) {
  const auto first = git(repository_, {"rev-parse", "HEAD"});
  commit(repository_, "train.py", "two");
  git(repository_, {"config", "uploadpack.allowAnySHA1InWant", "false"});
  EXPECT_EQ(text(out(first).value(), "train.py"), "one");
}

TEST_F(GitTest, WhatIsNotThereIsSaid) {
  EXPECT_THAT(out("nowhere").error().message(), HasSubstr("no branch or tag 'nowhere'"));
  const std::string unknown(40, 'a');
  const auto missing = out(unknown);
  EXPECT_FALSE(missing.ok());
  EXPECT_THAT(check_out("file:///nonexistent/x", "", cache_).error().message(), HasSubstr("git cannot read file:///nonexistent/x"));
  EXPECT_TRUE(fs::is_empty(cache_) || !fs::exists(cache_ / unknown));
  for (const auto& folder : fs::recursive_directory_iterator(cache_)) EXPECT_THAT(folder.path().string(), Not(HasSubstr("unfinished")));
}

TEST_F(GitTest, NeitherUrlNorRefIsAnOptionOfGit) {
  EXPECT_EQ(check_out("--upload-pack=touch /tmp/x", "", cache_).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(out("--output=/tmp/x").error().code(), Code::kInvalidArgument);
  EXPECT_EQ(out("a b").error().code(), Code::kInvalidArgument);
}

TEST_F(GitTest, SecretsOfTheUrlAreNeitherSaidNorSent) {
  const auto refused = check_out("https://ada:s3cret@127.0.0.1:1/x.git", "", cache_);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("https://127.0.0.1:1/x.git"));
  EXPECT_THAT(refused.error().message(), Not(HasSubstr("s3cret")));
}

// A node gets the repository as it was committed, also what an ignore file names.
TEST_F(GitTest, IgnoredFilesThatWereCommittedGoToo) {
  commit(repository_, ".gitignore", "*.bin\n");
  commit(repository_, "model.bin", "weights");
  const auto tree = scan_tree(out()->folder, IgnoreFiles::kPass).value();
  const auto has = [&](const std::string& path) {
    return std::any_of(tree.entries.begin(), tree.entries.end(), [&](const MirrorEntry& entry) { return entry.path == path; });
  };
  EXPECT_TRUE(has("model.bin"));
  EXPECT_TRUE(has(".git/HEAD"));
}

TEST_F(GitTest, WhatNobodyAskedForInAWeekIsRemoved) {
  const auto first = out().value();
  commit(repository_, "train.py", "two");
  fs::last_write_time(first.folder, fs::file_time_type::clock::now() - std::chrono::hours(24 * 8));
  ASSERT_TRUE(out().ok());
  EXPECT_FALSE(fs::exists(first.folder));
}

}  // namespace
}  // namespace isobar::broker
