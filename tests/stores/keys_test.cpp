// Names and listings: what users of other tools have lost objects to.

#include <gmock/gmock.h>

#include <fmt/format.h>

#include <algorithm>

#include "target.h"

namespace isobar::stores {
namespace {

using namespace storage;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;

// Forty names that some tool or other drops, collapses, decodes twice or cannot address.
std::vector<std::string> odd_keys() {
  return {"plain.txt",
          "a//b",
          "a///b",
          "/leading",
          "//two-leading",
          "./dot",
          "../dotdot",
          "a/./b",
          "a/../b",
          "trailing/",
          "empty//",
          "space in name",
          " leading space",
          "trailing space ",
          "plus+sign",
          "colon:name",
          "amp&ersand",
          "equals=sign",
          "question?mark",
          "comma,name",
          "percent%name",
          "percent%41encoded",
          "hash#name",
          "semi;colon",
          "at@name",
          "dollar$name",
          "exclam!name",
          "star*[a-z]{x,y}",
          "quote'single",
          "quote\"double",
          "back`tick",
          "back\\slash",
          "less<than>greater",
          "pipe|caret^tilde~",
          "s3://bucket/inside",
          "caf\xC3\xA9-nfc",
          "cafe\xCC\x81-nfd",
          "registered-\xC2\xAE-sign",
          "emoji-\xF0\x9F\x98\x80",
          std::string("control-\x01-byte"),
          std::string(1000, 'k')};
}

TEST_P(StoreTest, EveryOddKeyIsKeptByteForByte) {
  const auto& refused = GetParam().odd_keys_refused;
  std::vector<std::string> keys;
  for (const std::string& key : odd_keys()) {
    if (refused.contains(key)) continue;
    const auto receipt = put(key, "body of " + key);
    EXPECT_TRUE(receipt.ok()) << key << ": " << (receipt.ok() ? "" : receipt.error().message());
    if (receipt.ok()) keys.push_back(key);
  }
  std::sort(keys.begin(), keys.end());
  EXPECT_THAT(all_keys({}), ElementsAreArray(keys));
  for (const std::string& key : keys) {
    EXPECT_EQ(read(key), "body of " + key);
    const auto found = head(key);
    EXPECT_TRUE(found.ok()) << key << ": " << (found.ok() ? "" : found.error().message());
  }
  EXPECT_THAT(remove(keys), IsEmpty());
  EXPECT_THAT(all_keys({}), IsEmpty());
}

TEST_P(StoreTest, OddKeysAreCopiedWithinTheStore) {
  if (!store().can_copy_from(store())) GTEST_SKIP() << "no copies within this store";
  const auto& refused = GetParam().odd_keys_refused;
  for (const std::string& key : odd_keys()) {
    if (refused.contains(key) || key.size() > 900) continue;
    ASSERT_TRUE(put(key, "body of " + key).ok()) << key;
    const auto copied = await<PutReceipt>([&](auto done) { store().copy(store(), key, "", "copy-of-" + key, {}, done); });
    EXPECT_TRUE(copied.ok()) << key << ": " << (copied.ok() ? "" : copied.error().message());
    EXPECT_EQ(read("copy-of-" + key), "body of " + key);
  }
}

TEST_P(StoreTest, AListingGoesOnOverManyPagesInTheOrderOfBytes) {
  std::vector<std::string> keys;
  for (int i = 0; i < 120; ++i) keys.push_back("k" + std::to_string(i));
  for (const std::string& key : keys) ASSERT_TRUE(put(key, "x").ok());
  std::sort(keys.begin(), keys.end());
  ListRequest request;
  request.keys_max = 7;
  int pages = 0;
  EXPECT_THAT(all_keys(request, &pages), ElementsAreArray(keys));
  EXPECT_GE(pages, 18);
}

TEST_P(StoreTest, MoreThanAThousandKeysAreAllListed) {
  constexpr int kKeys = 1'203;
  run_all(kKeys, [&](int i, const std::function<void()>& ended) {
    PutRequest request;
    request.key = fmt::format("dir/{:05}", i);
    request.body = "x";
    store().put(request, [ended](const Result<PutReceipt>& receipt) {
      EXPECT_TRUE(receipt.ok()) << (receipt.ok() ? "" : receipt.error().message());
      ended();
    });
  });
  const auto keys = all_keys({});
  EXPECT_EQ(keys.size(), static_cast<std::size_t>(kKeys));
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
}

TEST_P(StoreTest, APrefixIsABytePrefixAndADirectoryIsAskedForByItsSlash) {
  for (const char* key : {"p", "p/1", "p/2", "p2/1", "q"}) ASSERT_TRUE(put(key, "x").ok());
  ListRequest request;
  request.prefix = "p/";
  EXPECT_THAT(all_keys(request), ElementsAre("p/1", "p/2"));
  request.prefix = "p";
  EXPECT_THAT(all_keys(request), ElementsAre("p", "p/1", "p/2", "p2/1"));
  request.prefix = "none";
  EXPECT_THAT(all_keys(request), IsEmpty());
}

TEST_P(StoreTest, ADelimitedListingTellsDirectoriesAndAnObjectBesideThem) {
  for (const char* key : {"name", "name/obj", "name/sub/obj", "other/x", "z"}) ASSERT_TRUE(put(key, "x").ok());
  ListRequest request;
  request.recursive = false;
  const auto root = list(request);
  ASSERT_TRUE(root.ok()) << root.error().message();
  EXPECT_THAT(root->prefixes, ElementsAre("name/", "other/"));
  ASSERT_EQ(root->objects.size(), 2U);
  EXPECT_EQ(root->objects[0].key, "name");
  EXPECT_EQ(root->objects[1].key, "z");
  request.prefix = "name/";
  const auto below = list(request);
  ASSERT_TRUE(below.ok());
  EXPECT_THAT(below->prefixes, ElementsAre("name/sub/"));
  ASSERT_EQ(below->objects.size(), 1U);
}

TEST_P(StoreTest, AListingCanBeginAfterAKey) {
  if (!store().limits().list_from_key) GTEST_SKIP() << "this store cannot list from a key";
  for (const char* key : {"a", "b", "b/c", "c"}) ASSERT_TRUE(put(key, "x").ok());
  ListRequest request;
  request.start_after = "b";
  EXPECT_THAT(all_keys(request), ElementsAre("b/c", "c"));
}

TEST_P(StoreTest, AListingTellsSizesAndVersionsThatReadingConfirms) {
  ASSERT_TRUE(put("k", "12345").ok());
  const auto page = list({});
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->objects.size(), 1U);
  const ObjectInfo& told = page->objects[0];
  EXPECT_EQ(told.bytes, 5U);
  EXPECT_FALSE(told.version.empty());
  EXPECT_GT(told.modified, Instant::from_unix_seconds(1'600'000'000));
  EXPECT_EQ(read("k", 0, 100, told.version), "12345");
}

}  // namespace
}  // namespace isobar::stores
