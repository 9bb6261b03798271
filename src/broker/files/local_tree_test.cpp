#include "broker/local_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <set>

#include "base/random.h"
#include "base/text.h"
#include "ignore_rules.h"

namespace isobar::broker {
namespace {

class TreeTest : public testing::Test {
 protected:
  fs::path root_ = fs::temp_directory_path() / ("isobar-tree-" + secure_random_hex(6));
  void SetUp() override { fs::create_directories(root_); }
  void TearDown() override { fs::remove_all(root_); }
  void file(const std::string& path, const std::string& text = "x") {
    fs::create_directories((root_ / path).parent_path());
    ASSERT_TRUE(write_file(root_ / path, text, Durability::kCache).ok());
  }
  LocalTree scan() {
    auto tree = scan_tree(root_);
    CHECK(tree.ok(), tree.error().message());
    return std::move(tree).value();
  }
  // Files and symlinks that are sent, without git's own.
  std::set<std::string> sent() {
    std::set<std::string> paths;
    for (const auto& entry : scan().entries)
      if (entry.kind != EntryKind::kFolder && !entry.path.starts_with(".git/")) paths.insert(entry.path);
    return paths;
  }
  // What git itself would commit: cached or untracked, not ignored.
  std::set<std::string> git_says() {
    const std::string command =
        "cd " + shell_quote(root_.string()) + " && git -c core.excludesFile=/dev/null ls-files -co --exclude-standard -z";
    std::set<std::string> paths;
    FILE* pipe = ::popen(command.c_str(), "r");
    std::string output;
    for (int c = 0; (c = std::fgetc(pipe)) != EOF;) output += static_cast<char>(c);
    ::pclose(pipe);
    for (const auto path : split(output, '\0'))
      if (!path.empty()) paths.insert(std::string(path));
    return paths;
  }
  void git_init() { ASSERT_EQ(std::system(("git -c init.defaultBranch=m init -q " + shell_quote(root_.string())).c_str()), 0); }
};

TEST_F(TreeTest, LeavesOutWhatGitWouldLeaveOut) {
  git_init();
  file(".gitignore",
       "*.log\n!keep.log\n/build\nnode_modules/\ndoc/**/*.tmp\n**/cache\nspace\\ \ntrailing   \n\\#hash\n[ab].bin\nq?.txt\n# "
       "comment\nx/*/y\n!/inner/\nfoo/**\n\\!bang\n*.[!o]bj\n");
  file(".git/info/exclude", "secret.txt\n");
  for (const char* path : {"a.log",
                           "keep.log",
                           "build/out",
                           "sub/build/out",
                           "node_modules/m/f",
                           "sub/node_modules",
                           "doc/a.tmp",
                           "doc/d/e/b.tmp",
                           "doc/c.txt",
                           "cache/x",
                           "p/q/cache",
                           "space ",
                           "trailing",
                           "#hash",
                           "a.bin",
                           "c.bin",
                           "qz.txt",
                           "qzz.txt",
                           "x/1/y",
                           "x/1/2/y",
                           "foo/bar/baz",
                           "foo2/bar",
                           "!bang",
                           "m.obj",
                           "m.cbj",
                           "secret.txt",
                           "d/secret.txt",
                           "inner/z.log"})
    file(path);
  file("sub/.gitignore", "!a.log\nlocal\n/top\nb/c\n");
  for (const char* path : {"sub/a.log", "sub/local", "sub/d/local", "sub/top", "sub/d/top", "sub/b/c", "sub/d/b/c"}) file(path);
  EXPECT_EQ(sent(), git_says());
}

// Random small trees and patterns: the slow, obvious judge is git itself.
TEST_F(TreeTest, AgreesWithGitOnRandomPatterns) {
  git_init();
  Random random(20261125);
  const std::vector<std::string> names = {"a", "b", "ab", "a.c", "b.c", "abc"};
  const std::vector<std::string> pieces = {"a", "b", "*", "?", "**", "/", "/", ".c", "[ab]", "[!a]", "**/", "/**", "!", "a*c"};
  for (const auto& first : names)
    for (const auto& second : names) {
      file("d" + first + "/" + second);
      file("d" + first + "/e" + second + "/" + first);
    }
  for (int round = 0; round < 60; ++round) {
    std::string rules;
    for (int line = 0; line < 4; ++line) {
      for (std::uint64_t i = 0, n = 1 + random.below(5); i < n; ++i) rules += pieces[random.below(pieces.size())];
      rules += "\n";
    }
    file(".gitignore", rules);
    ASSERT_EQ(sent(), git_says()) << rules;
  }
}

TEST_F(TreeTest, ASkyignoreFileReplacesTheGitRules) {
  file(".gitignore", "a\n");
  file(".skyignore", "b\n");
  file("a");
  file("b");
  EXPECT_EQ(sent(), (std::set<std::string>{".gitignore", ".skyignore", "a"}));
}

TEST_F(TreeTest, TheGitFolderItselfIsSent) {
  git_init();
  bool found = false;
  for (const auto& entry : scan().entries) found |= entry.path == ".git/HEAD";
  EXPECT_TRUE(found);
}

TEST_F(TreeTest, SaysWhatIsSkippedAndWhy) {
  file(".gitignore", "x\n*.o\nout/\n");
  file("main.o");
  file("out/deep/file");
  ::mkfifo((root_ / "pipe").c_str(), 0600);
  EXPECT_THAT(scan().skipped,
              testing::UnorderedElementsAre(SkippedPath{"main.o", "pattern '*.o' of .gitignore:2"},
                                            SkippedPath{"out/", "pattern 'out/' of .gitignore:3"}, SkippedPath{"pipe", "a named pipe"}));
}

TEST_F(TreeTest, SymlinksStaySymlinksEvenDanglingOrCyclic) {
  file("real");
  fs::create_symlink("real", root_ / "link");
  fs::create_symlink("/nowhere", root_ / "dangling");
  fs::create_symlink(".", root_ / "loop");
  const auto tree = scan();
  std::map<std::string, std::string> targets;
  for (const auto& entry : tree.entries)
    if (entry.kind == EntryKind::kSymlink) targets[entry.path] = entry.target;
  EXPECT_EQ(targets, (std::map<std::string, std::string>{{"dangling", "/nowhere"}, {"link", "real"}, {"loop", "."}}));
}

TEST_F(TreeTest, ASingleFileIsOneEntry) {
  file("f", "12345");
  const auto tree = scan_tree(root_ / "f");
  ASSERT_TRUE(tree.ok());
  ASSERT_EQ(tree->entries.size(), 1U);
  EXPECT_EQ(tree->entries[0].path, "");
  EXPECT_EQ(tree->entries[0].size, 5U);
  EXPECT_EQ(scan_tree(root_ / "none").error().code(), Code::kNotFound);
}

TEST(WildMatch, HostilePatternsEndSoon) {
  std::string pattern, path(200, 'a');
  for (int i = 0; i < 50; ++i) pattern += "*a";
  EXPECT_FALSE(wild_match(pattern + "b", path));
}

}  // namespace
}  // namespace isobar::broker
