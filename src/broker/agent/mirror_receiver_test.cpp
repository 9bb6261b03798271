#include "mirror_receiver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"

namespace isobar::broker {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A node's home, and a source that is only a manifest.
class Mirror : public ::testing::Test {
 protected:
  Mirror() : top_(fs::temp_directory_path() / ("isobar-mirror-" + secure_random_hex(6))), home_(top_ / "home"), to_(home_ / "to") {
    fs::create_directories(home_);
  }
  ~Mirror() override {
    std::error_code ignored;
    fs::permissions(to_ / "sealed", fs::perms::owner_all, ignored);
    fs::remove_all(top_, ignored);
  }

  struct Source {
    std::vector<MirrorEntry> entries;
    std::vector<std::string> contents;
    Source& file(const std::string& path, const std::string& content, std::uint32_t mode = 0644) {
      entries.push_back({.path = path,
                         .kind = EntryKind::kFile,
                         .mode = mode,
                         .size = content.size(),
                         .modified = Instant::from_unix_seconds(1'700'000'000)});
      contents.push_back(content);
      return *this;
    }
    Source& folder(const std::string& path, std::uint32_t mode = 0755) {
      entries.push_back({.path = path, .kind = EntryKind::kFolder, .mode = mode});
      contents.emplace_back();
      return *this;
    }
    Source& symlink(const std::string& path, const std::string& target) {
      entries.push_back({.path = path, .kind = EntryKind::kSymlink, .target = target});
      contents.emplace_back();
      return *this;
    }
  };

  Result<MirrorReceiver> open(const Source& source, const std::string& destination = "~/to") const {
    return MirrorReceiver::open({.destination = destination, .entries = source.entries}, home_, home_ / ".isobar" / "mirrors");
  }
  /// Mirrors all of it; how many files went over.
  Result<MirrorReport> mirror(const Source& source, const std::string& destination = "~/to") const {
    TRY_ASSIGN(auto receiver, open(source, destination));
    TRY_ASSIGN(const auto wanted, receiver.prepare());
    for (const auto index : wanted) TRY(receiver.receive({index, source.contents[index], true}));
    return receiver.finish();
  }
  static std::string text(const fs::path& path) { return read_file(path).value_or("(none)"); }
  static bool is_link(const fs::path& path) { return fs::is_symlink(fs::symlink_status(path)); }

  fs::path top_, home_, to_;
};

TEST_F(Mirror, SendsOnlyWhatDiffers) {
  Source source;
  source.file("a", "one").file("deep/er/b", "two", 0755).folder("empty");
  const auto first = mirror(source);
  ASSERT_TRUE(first.ok()) << first.error().message();
  EXPECT_EQ(first->files_received, 2U);
  EXPECT_EQ(text(to_ / "deep/er/b"), "two");
  EXPECT_TRUE(fs::is_directory(to_ / "empty"));
  struct stat info {};
  ASSERT_EQ(::stat((to_ / "deep/er/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0755U);
  EXPECT_EQ(info.st_mtim.tv_sec, 1'700'000'000);
  EXPECT_EQ(mirror(source)->files_received, 0U);
  EXPECT_EQ(mirror(source)->files_kept, 2U);
}

// Issue 8096: what is deleted at the source goes; what a job made stays.
TEST_F(Mirror, RemovesWhatTheSourceLostAndNothingElse) {
  ASSERT_TRUE(mirror(Source().file("kept", "k").file("old/gone", "g").file("mixed/gone", "g").symlink("link", "kept")).ok());
  ASSERT_TRUE(write_file(to_ / "made-by-job", "j").ok());
  ASSERT_TRUE(write_file(to_ / "mixed" / "made-by-job", "j").ok());
  const auto report = mirror(Source().file("kept", "k"));
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->removed, 4U);
  EXPECT_EQ(text(to_ / "kept"), "k");
  EXPECT_FALSE(fs::exists(to_ / "old"));
  EXPECT_FALSE(fs::exists(to_ / "mixed" / "gone"));
  EXPECT_FALSE(is_link(to_ / "link"));
  EXPECT_EQ(text(to_ / "made-by-job"), "j");
  EXPECT_EQ(text(to_ / "mixed" / "made-by-job"), "j");
}

// Issues 755, 814 and 1222: dangling links, links to their own folder, and files that turn into links.
TEST_F(Mirror, SymlinksStaySymlinks) {
  Source source;
  source.symlink("dangling", "/nonexistent/x").symlink("self", ".").symlink("was-file", "a").file("a", "one");
  ASSERT_TRUE(mirror(Source().file("was-file", "f").file("a", "one")).ok());
  ASSERT_TRUE(mirror(source).ok());
  EXPECT_EQ(fs::read_symlink(to_ / "dangling"), "/nonexistent/x");
  EXPECT_EQ(fs::read_symlink(to_ / "self"), ".");
  EXPECT_EQ(fs::read_symlink(to_ / "was-file"), "a");
  ASSERT_TRUE(mirror(Source().file("was-file", "f").file("a", "one")).ok());
  EXPECT_FALSE(is_link(to_ / "was-file"));
  EXPECT_EQ(text(to_ / "was-file"), "f");
  EXPECT_EQ(text(to_ / "a"), "one") << "the link was replaced, not written through";
}

TEST_F(Mirror, AFileBecomesAFolderAndBack) {
  ASSERT_TRUE(mirror(Source().file("x", "file")).ok());
  ASSERT_TRUE(mirror(Source().file("x/y/z", "deep")).ok());
  EXPECT_EQ(text(to_ / "x/y/z"), "deep");
  ASSERT_TRUE(mirror(Source().file("x", "file")).ok());
  EXPECT_EQ(text(to_ / "x"), "file");
}

TEST_F(Mirror, AFolderWithFilesOfJobsIsNotSacrificed) {
  ASSERT_TRUE(mirror(Source().file("x/y", "f")).ok());
  ASSERT_TRUE(write_file(to_ / "x" / "checkpoint", "precious").ok());
  const auto refused = mirror(Source().file("x", "file"));
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("holds files on the node that were not mirrored"));
  EXPECT_EQ(text(to_ / "x" / "checkpoint"), "precious");
}

TEST_F(Mirror, NothingIsWrittenThroughALink) {
  fs::create_directories(top_ / "outside");
  fs::create_directories(to_);
  fs::create_directory_symlink(top_ / "outside", to_ / "trap");
  ASSERT_TRUE(mirror(Source().file("trap/file", "caught")).ok());
  EXPECT_FALSE(fs::exists(top_ / "outside" / "file"));
  EXPECT_EQ(text(to_ / "trap" / "file"), "caught");
  // Neither is anything removed through one.
  ASSERT_TRUE(write_file(top_ / "outside" / "file", "theirs").ok());
  fs::remove_all(to_ / "trap");
  fs::create_directory_symlink(top_ / "outside", to_ / "trap");
  ASSERT_TRUE(mirror(Source().file("other", "o")).ok());
  EXPECT_EQ(text(top_ / "outside" / "file"), "theirs");
}

TEST_F(Mirror, RefusesPathsThatLeaveTheDestination) {
  for (const std::string path : {"../x", "a/../../x", "/etc/x", "a//b", "./a", "a/", "..", "."}) {
    const auto refused = open(Source().file(path, "x"));
    ASSERT_FALSE(refused.ok()) << path;
    EXPECT_EQ(refused.error().code(), Code::kInvalidArgument) << path;
  }
  EXPECT_FALSE(open(Source().file("a", "x").file("a", "y")).ok()) << "twice";
  EXPECT_FALSE(open(Source().file("a", "x").file("a/b", "y")).ok()) << "below a file";
  EXPECT_FALSE(open(Source().symlink("a", "/etc").file("a/b", "y")).ok()) << "below a link";
}

TEST_F(Mirror, ContentMustBeWhatWasAnnounced) {
  auto receiver = open(Source().file("a", "12345").folder("d")).value();
  ASSERT_TRUE(receiver.prepare().ok());
  EXPECT_FALSE(receiver.receive({9, "x", true}).ok()) << "no such entry";
  EXPECT_FALSE(receiver.receive({1, "x", true}).ok()) << "a folder has no content";
  EXPECT_FALSE(receiver.receive({0, "123456", true}).ok()) << "too long";
  EXPECT_FALSE(receiver.finish().ok()) << "within a file";
  EXPECT_FALSE(fs::exists(to_ / "a"));
}

TEST_F(Mirror, AnInterruptedMirrorIsRepairedByTheNext) {
  ASSERT_TRUE(mirror(Source().file("kept", "old").file("lost", "l")).ok());
  {
    Source source;
    source.file("fresh", "fresh").file("half", "half of it").file("kept", "newer!");
    auto receiver = open(source).value();
    const auto wanted = receiver.prepare().value();
    ASSERT_TRUE(receiver.receive({0, "fresh", true}).ok());
    ASSERT_TRUE(receiver.receive({1, "half", false}).ok());
  }
  EXPECT_EQ(text(to_ / "kept"), "old");
  ASSERT_TRUE(mirror(Source().file("kept", "newest")).ok());
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(to_)) left.push_back(entry.path().filename());
  EXPECT_THAT(left, ::testing::ElementsAre("kept"));
  EXPECT_EQ(text(to_ / "kept"), "newest");
}

TEST_F(Mirror, AReadOnlyFolderCanBeFilledAndChanged) {
  ASSERT_TRUE(mirror(Source().folder("sealed", 0555).file("sealed/a", "1")).ok());
  struct stat info {};
  ASSERT_EQ(::stat((to_ / "sealed").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0555U);
  ASSERT_TRUE(mirror(Source().folder("sealed", 0555).file("sealed/a", "22").file("sealed/b", "3")).ok());
  EXPECT_EQ(text(to_ / "sealed" / "a"), "22");
}

TEST_F(Mirror, OneFileCanBeTheDestination) {
  ASSERT_TRUE(mirror(Source().file("", "config"), "~/.ssh/config").ok());
  EXPECT_EQ(text(home_ / ".ssh" / "config"), "config");
  ASSERT_TRUE(mirror(Source().file("", "relative"), "conf.d/x").ok());
  EXPECT_EQ(text(home_ / "sky_workdir" / "conf.d" / "x"), "relative") << "issue 1314: relative destinations are in the workdir";
  ASSERT_TRUE(mirror(Source().file("in", "it"), (top_ / "abs").string()).ok());
  EXPECT_EQ(text(top_ / "abs" / "in"), "it");
}

TEST_F(Mirror, ADestinationMayBeReachedThroughTheUsersOwnLink) {
  fs::create_directories(top_ / "big-disk");
  fs::create_directory_symlink(top_ / "big-disk", home_ / "data");
  ASSERT_TRUE(mirror(Source().file("a", "1"), "~/data").ok());
  EXPECT_TRUE(is_link(home_ / "data"));
  EXPECT_EQ(text(top_ / "big-disk" / "a"), "1");
}

}  // namespace
}  // namespace isobar::broker
