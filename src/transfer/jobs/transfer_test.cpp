#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <thread>

#include "base/random.h"
#include "storage/local_store.h"
#include "transfer/items.h"

namespace isobar::transfer {
namespace {

using testing::ElementsAre;

TEST(Glob, AStarStopsAtSlashesAndTwoDoNot) {
  EXPECT_TRUE(glob_matches("a*c", "abc"));
  EXPECT_FALSE(glob_matches("a*c", "a/c"));
  EXPECT_TRUE(glob_matches("a**c", "a/b/c"));
  EXPECT_TRUE(glob_matches("**/*.csv", "x/y/z.csv"));
  EXPECT_FALSE(glob_matches("**/*.csv", "x/y/z.csv/w"));
  EXPECT_TRUE(glob_matches("[a-c]?[!x]", "bzy"));
  EXPECT_FALSE(glob_matches("[a-c]?[!x]", "bzx"));
  EXPECT_TRUE(glob_matches("\\*", "*"));
  EXPECT_FALSE(glob_matches("\\*", "x"));
  EXPECT_TRUE(glob_matches("[x", "[x")) << "a set that is not closed is a bracket";
  EXPECT_EQ(literal_prefix("a/b\\*c/d*e"), "a/b*c/d");
}

// The obvious way, by trying everything.
bool slow_match(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.starts_with("**")) return slow_match(pattern.substr(2), text) || (!text.empty() && slow_match(pattern, text.substr(1)));
  if (pattern[0] == '*')
    return slow_match(pattern.substr(1), text) || (!text.empty() && text[0] != '/' && slow_match(pattern, text.substr(1)));
  return !text.empty() && (pattern[0] == '?' ? text[0] != '/' : pattern[0] == text[0]) && slow_match(pattern.substr(1), text.substr(1));
}

RC_GTEST_PROP(Glob, AgreesWithTryingEverything, ()) {
  auto pattern = *rc::gen::container<std::string>(rc::gen::element<char>('a', 'b', '/', '*', '?'));
  auto text = *rc::gen::container<std::string>(rc::gen::element<char>('a', 'b', '/'));
  pattern.resize(std::min<std::size_t>(pattern.size(), 10));
  text.resize(std::min<std::size_t>(text.size(), 10));
  for (auto at = pattern.find("***"); at != std::string::npos; at = pattern.find("***")) pattern.erase(at, 1);
  RC_ASSERT(glob_matches(pattern, text) == slow_match(pattern, text));
}

TEST(Filter, TheLastRuleThatMatchesDecides) {
  const Filter exclude{{{false, "*.tmp"}, {true, "keep.tmp"}}};
  EXPECT_TRUE(exclude.takes("a/b"));
  EXPECT_FALSE(exclude.takes("a/b.tmp"));
  EXPECT_TRUE(exclude.takes("a/keep.tmp"));
  const Filter include{{{true, "*.csv"}, {false, "old/**"}}};
  EXPECT_FALSE(include.takes("a/b"));
  EXPECT_TRUE(include.takes("a/b.csv"));
  EXPECT_FALSE(include.takes("old/b.csv"));
}

std::string mapped(std::string_view source, Shape shape, std::string_view target, std::string_view key, bool is_folder = false) {
  const auto rule = source_rule(source, shape);
  return target_key(rule, target_rule(target, shape, is_folder), key);
}

// The table of naming.h, and what other tools got wrong in it.
TEST(Naming, FollowsTheTableExactly) {
  EXPECT_EQ(mapped("p/o", Shape::kObject, "q", "p/o"), "q");
  EXPECT_EQ(mapped("p/o", Shape::kObject, "q/", "p/o"), "q/o");
  EXPECT_EQ(mapped("p/o", Shape::kObject, "q", "p/o", true), "q/o");
  EXPECT_EQ(mapped("p/o", Shape::kObject, "", "p/o"), "o");
  EXPECT_EQ(mapped("p", Shape::kTree, "q", "p/a/b"), "q/a/b");
  EXPECT_EQ(mapped("p/", Shape::kTree, "q/", "p/a/b"), "q/a/b");
  EXPECT_EQ(mapped("", Shape::kTree, "", "a/b"), "a/b") << "the first letter stays, and no slash is put before it";
  EXPECT_EQ(mapped("p", Shape::kTree, "", "p/a"), "a");
  EXPECT_EQ(mapped("", Shape::kTree, "q", "/x"), "q//x");
  EXPECT_EQ(mapped("p", Shape::kTree, "q", "p//x"), "q//x");
  EXPECT_EQ(mapped("p", Shape::kTree, "p", "p/p/p/x"), "p/p/p/x") << "a prefix that comes again is not replaced again";
  EXPECT_EQ(mapped("d/part-*", Shape::kPattern, "q", "d/part-00000-of-00128"), "q/part-00000-of-00128");
  EXPECT_EQ(mapped("d/**", Shape::kPattern, "q", "d/x/y"), "q/x/y");
  EXPECT_EQ(source_rule("p", Shape::kTree).prefix, "p/") << "never p2/";
  EXPECT_EQ(source_rule("", Shape::kTree).prefix, "");
}

TEST(Compare, UsesTheStrongestThatBothSidesTell) {
  storage::ObjectInfo a, b;
  a.bytes = b.bytes = 5;
  a.modified = Instant::from_unix_seconds(100);
  b.modified = Instant::from_unix_seconds(50);
  EXPECT_EQ(compare(a, b, true), Difference::kOlder);
  EXPECT_EQ(compare(a, b, false), Difference::kSame);
  a.checksums.crc32c = b.checksums.crc32c = 7;
  EXPECT_EQ(compare(a, b, true), Difference::kSame) << "equal content is the same whatever its time";
  b.checksums.crc32c = 8;
  EXPECT_EQ(compare(a, b, true), Difference::kContent);
  b.bytes = 6;
  EXPECT_EQ(compare(a, b, true), Difference::kSize);
}

class ItemsTest : public testing::Test {
 protected:
  fs::path root_ = fs::temp_directory_path() / ("isobar-items-" + secure_random_hex(6));
  std::unique_ptr<storage::LocalStore> a_ = storage::LocalStore::open(root_ / "a", {}), b_ = storage::LocalStore::open(root_ / "b", {});
  void TearDown() override { fs::remove_all(root_); }
  void make(const std::string& path, const std::string& content) {
    ASSERT_TRUE(make_folders((root_ / path).parent_path()).ok());
    ASSERT_TRUE(write_file(root_ / path, content, Durability::kCache).ok());
  }
  static std::vector<std::string> all(ItemSource& items) {
    std::vector<std::string> found;
    for (;;) {
      auto item = items.next();
      if (!item.ok()) return {"error: " + item.error().message()};
      if (!*item) return found;
      found.push_back((*item)->source.key + " -> " + (*item)->target_keys[0]);
    }
  }
};

TEST_F(ItemsTest, ATreeIsWhatLiesBelowItsSlash) {
  for (const char* path : {"a/p/x", "a/p/y/z.tmp", "a/p2/x", "a/p-1"}) make(path, "1");
  TreeItems items(*a_, source_rule("p", Shape::kTree), {target_rule("q", Shape::kTree, false)}, {{{false, "*.tmp"}}});
  EXPECT_THAT(all(items), ElementsAre("p/x -> q/x"));
  TreeItems pattern(*a_, source_rule("p*/*", Shape::kPattern), {target_rule("q", Shape::kPattern, false)}, {});
  EXPECT_THAT(all(pattern), ElementsAre("p/x -> q/p/x", "p2/x -> q/p2/x"));
  TreeItems missing(*a_, source_rule("nothing", Shape::kObject), {target_rule("q", Shape::kObject, false)}, {});
  EXPECT_THAT(all(missing)[0], testing::StartsWith("error: "));
}

TEST_F(ItemsTest, SyncTellsWhatDiffersAndWhatIsExtra) {
  for (const char* path : {"a/new", "a/same", "a/larger", "b/same", "b/larger", "b/extra", "b/z/extra"}) make(path, "1");
  make("a/larger", "12");
  SyncItems items(*a_, *b_, {source_rule("", Shape::kTree), target_rule("", Shape::kTree, true), {}});
  EXPECT_THAT(all(items), ElementsAre("larger -> larger", "new -> new"));
  std::vector<std::string> extras;
  for (const auto& extra : items.take_extras()) extras.push_back(extra.key);
  EXPECT_THAT(extras, ElementsAre("extra", "z/extra"));
  EXPECT_EQ(items.source_objects(), 3U);
  EXPECT_EQ(items.same_objects(), 1U);
}

// A rule under which contents are compared, as no file tells a checksum of its own.
SyncItems::Rules by_content(int at_once, std::uint64_t memory_bytes, SyncItems::Rules::SameContent same) {
  SyncItems::Rules rules{source_rule("", Shape::kTree), target_rule("", Shape::kTree, true), {}};
  rules.by_time = false;
  rules.same_content = std::move(same);
  rules.bounds = {at_once, memory_bytes};
  return rules;
}

TEST_F(ItemsTest, ContentsComparedSideBySideAreToldInOrder) {
  std::vector<std::string> expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string name = fmt::format("{:04}", i);
    make("a/" + name, "x");
    if (i % 7 == 0) continue;
    make("b/" + name, i % 3 == 0 ? "y" : "x");
  }
  for (int i = 0; i < 3000; ++i)
    if (i % 7 == 0 || i % 3 == 0) expected.push_back(fmt::format("{0:04} -> {0:04}", i));
  std::atomic<int> now = 0, most = 0;
  const auto same = [&](const storage::ObjectInfo& a, const storage::ObjectInfo& b, const std::stop_token& stop) {
    int seen = most;
    for (const int count = ++now; seen < count && !most.compare_exchange_weak(seen, count);) continue;
    std::this_thread::sleep_for(std::chrono::microseconds(std::hash<std::string>()(a.key) % 500));
    auto verdict = same_content(*a_, a, *b_, b, stop);
    --now;
    return verdict;
  };
  SyncItems items(*a_, *b_, by_content(8, 1 << 20, same));
  EXPECT_EQ(all(items), expected);
  EXPECT_EQ(items.same_objects(), 3000 - expected.size());
  EXPECT_GT(most, 4);
  EXPECT_LE(most, 8);
}

TEST_F(ItemsTest, ComparisonsKeepToTheirMemory) {
  for (int i = 0; i < 40; ++i)
    for (const char* side : {"a/", "b/"}) make(side + std::to_string(i), std::string(1000, 'x'));
  std::atomic<int> now = 0, most = 0;
  const auto same = [&](const auto&, const auto&, const auto&) -> Result<bool> {
    int seen = most;
    for (const int count = ++now; seen < count && !most.compare_exchange_weak(seen, count);) continue;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    --now;
    return true;
  };
  SyncItems items(*a_, *b_, by_content(100, 6500, same));
  EXPECT_TRUE(all(items).empty());
  EXPECT_EQ(most, 3) << "each takes its size twice";
  most = 0;
  SyncItems narrow(*a_, *b_, by_content(100, 1, same));
  EXPECT_TRUE(all(narrow).empty());
  EXPECT_EQ(most, 1) << "one goes on whatever it takes";
}

TEST_F(ItemsTest, AnErrorInTheMidstComesAfterWhatIsBeforeItAndStopsTheRest) {
  for (int i = 0; i < 50; ++i)
    for (const char* side : {"a/", "b/"}) make(fmt::format("{}{:02}", side, i), side);
  const auto same = [&](const storage::ObjectInfo& a, const auto&, const std::stop_token& stop) -> Result<bool> {
    if (a.key == "05") return Error(Code::kConflict, "it changed");
    // What comes later would take for ever.
    while (a.key > "05" && !stop.stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return false;
  };
  SyncItems items(*a_, *b_, by_content(16, 1 << 20, same));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(items.next().value()->source.key, fmt::format("{:02}", i));
  EXPECT_EQ(items.next().error().code(), Code::kConflict);
}

TEST_F(ItemsTest, NamedObjectsComeInTheirOrder) {
  for (int i = 0; i < 200; ++i) make(fmt::format("a/{}", i), "1");
  std::vector<NamedItems::Pair> pairs;
  for (int i = 199; i >= 0; --i) pairs.push_back({std::to_string(i), {fmt::format("t{}", i)}});
  NamedItems items(*a_, pairs);
  const auto found = all(items);
  ASSERT_EQ(found.size(), 200U);
  EXPECT_EQ(found[0], "199 -> t199");
}

}  // namespace
}  // namespace isobar::transfer
