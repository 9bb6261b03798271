// Single objects: content pinned while it is read, checksums that are verified, properties carried whole.

#include <gmock/gmock.h>
#include <unistd.h>

#include "crypto/crc32c.h"
#include "crypto/digest.h"
#include "target.h"

namespace isobar::stores {
namespace {

using namespace storage;
using testing::IsEmpty;

TEST_P(StoreTest, ARangeIsReadExactly) {
  ASSERT_TRUE(put("k", "0123456789").ok());
  EXPECT_EQ(read("k", 0, 4), "0123");
  EXPECT_EQ(read("k", 3, 4), "3456");
  EXPECT_EQ(read("k", 8, 100), "89");
  EXPECT_EQ(read("k", 10, 4), "");
  EXPECT_EQ(read("k", 0, 10), "0123456789");
}

TEST_P(StoreTest, AGetTellsTheWholeSizeAndTheVersion) {
  ASSERT_TRUE(put("k", "0123456789").ok());
  std::string room(4, '\0');
  const auto got = await<Got>([&](auto done) { store().get({"k", 2, room, ""}, done); });
  ASSERT_TRUE(got.ok()) << got.error().message();
  EXPECT_EQ(got->bytes, 4U);
  EXPECT_EQ(got->head.info.bytes, 10U);
  const auto found = head("k");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(got->head.info.version, found->info.version);
}

TEST_P(StoreTest, AnEmptyObjectIsAnObject) {
  const auto receipt = put("empty", "");
  ASSERT_TRUE(receipt.ok()) << receipt.error().message();
  const auto found = head("empty");
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_EQ(found->info.bytes, 0U);
  EXPECT_EQ(read("empty"), "");
  EXPECT_EQ(read("empty", 0, 10, found->info.version), "");
}

TEST_P(StoreTest, APinnedVersionIsReadOrNoneIs) {
  const auto first = put("k", "first content");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(read("k", 0, 100, first->version), "first content");
  ASSERT_TRUE(put("k", "second, other content").ok());
  const auto stale = get("k", 0, 100, first->version);
  ASSERT_FALSE(stale.ok());
  EXPECT_EQ(stale.error().code(), Code::kConflict) << stale.error().message();
}

TEST_P(StoreTest, ReceiptHeadAndListingNameOneVersion) {
  const auto receipt = put("k", "content");
  ASSERT_TRUE(receipt.ok());
  const auto found = head("k");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->info.version, receipt->version);
  const auto page = list({});
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->objects.at(0).version, receipt->version);
}

TEST_P(StoreTest, AWrongChecksumIsRefusedAndNothingIsWritten) {
  PutRequest request;
  request.key = "k";
  request.body = "content";
  request.checksums.crc32c = crypto::crc32c("other content");
  request.checksums.md5 = crypto::md5("other content");
  const auto refused = put(request);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kDataLoss) << refused.error().message();
  EXPECT_FALSE(head("k").ok());
}

TEST_P(StoreTest, ARightChecksumIsTaken) {
  PutRequest request;
  request.key = "k";
  request.body = "content";
  request.checksums.crc32c = crypto::crc32c(request.body);
  request.checksums.md5 = crypto::md5(request.body);
  request.checksums.sha256 = crypto::sha256(request.body);
  const auto receipt = put(request);
  ASSERT_TRUE(receipt.ok()) << receipt.error().message();
  if (receipt->checksums.crc32c) {
    EXPECT_EQ(*receipt->checksums.crc32c, *request.checksums.crc32c);
  }
}

TEST_P(StoreTest, OnlyIfAbsentNeverOverwrites) {
  PutRequest request;
  request.key = "k";
  request.body = "first";
  request.only_if_absent = true;
  const auto first = put(request);
  ASSERT_TRUE(first.ok()) << first.error().message();
  request.body = "second";
  const auto second = put(request);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), Code::kAlreadyExists) << second.error().message();
  EXPECT_EQ(read("k"), "first");
}

TEST_P(StoreTest, PropertiesMetadataAndTagsComeBack) {
  PutRequest request;
  request.key = "k";
  request.body = "content";
  Properties& properties = request.properties;
  properties.content_type = "text/x-odd; charset=utf-8";
  properties.content_encoding = "gzip";
  properties.content_language = "de";
  properties.content_disposition = "attachment; filename=\"a b.txt\"";
  properties.cache_control = "max-age=60";
  properties.metadata = {{"who", "me & you"}, {"dash-ed", "1"}, {"n1", "x"}};
  if (store().limits().tags) properties.tags.emplace() = {{"team", "sky"}, {"with blank", "a+b"}};
  const auto receipt = put(request);
  ASSERT_TRUE(receipt.ok()) << receipt.error().message();
  const auto found = head("k", true);
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_EQ(found->properties.content_type, properties.content_type);
  EXPECT_EQ(found->properties.content_encoding, properties.content_encoding);
  EXPECT_EQ(found->properties.content_language, properties.content_language);
  EXPECT_EQ(found->properties.content_disposition, properties.content_disposition);
  EXPECT_EQ(found->properties.cache_control, properties.cache_control);
  EXPECT_EQ(found->properties.metadata, properties.metadata);
  if (properties.tags) {
    EXPECT_EQ(found->properties.tags, properties.tags);
  }
  // What is stored encoded is moved as it is stored.
  EXPECT_EQ(read("k"), "content");
}

TEST_P(StoreTest, TagsAreSetAndReplaced) {
  if (!store().limits().tags) GTEST_SKIP() << "this store has no tags";
  ASSERT_TRUE(put("k", "x").ok());
  for (const auto& tags : {std::map<std::string, std::string>{{"a", "1"}, {"b", "2"}}, {{"c", "3"}}, {}}) {
    const Status set = await<void>([&](auto done) { store().set_tags("k", tags, done); });
    ASSERT_TRUE(set.ok()) << set.error().message();
    const auto found = head("k", true);
    ASSERT_TRUE(found.ok()) << found.error().message();
    EXPECT_EQ(found->properties.tags.value_or(std::map<std::string, std::string>()), tags);
  }
}

TEST_P(StoreTest, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(head("nope").error().code(), Code::kNotFound);
  EXPECT_EQ(get("nope").error().code(), Code::kNotFound);
}

TEST_P(StoreTest, ABucketThatIsNotThereIsNotFound) {
  const auto other = open("isobar-no-such-bucket");
  const auto page = await<ListPage>([&](auto done) { other->list({}, done); });
  ASSERT_FALSE(page.ok());
  EXPECT_EQ(page.error().code(), Code::kNotFound) << page.error().message();
}

TEST_P(StoreTest, BucketsAreMadeListedAndRemoved) {
  const auto other = open("isobar-extra-" + std::to_string(::getpid()));
  ASSERT_TRUE(await<void>([&](auto done) { other->make_bucket(done); }).ok());
  const auto buckets = await<std::vector<BucketInfo>>([&](auto done) { other->list_buckets(done); });
  ASSERT_TRUE(buckets.ok()) << buckets.error().message();
  int found = 0;
  for (const auto& bucket : *buckets) found += bucket.name == other->location().bucket;
  EXPECT_EQ(found, 1);
  const Status removed = await<void>([&](auto done) { other->remove_bucket(done); });
  EXPECT_TRUE(removed.ok()) << removed.error().message();
}

TEST_P(StoreTest, ManyAreRemovedAtOnceAndAbsentOnesCountAsRemoved) {
  std::vector<std::string> keys;
  for (int i = 0; i < 60; ++i) keys.push_back("k" + std::to_string(i));
  for (const std::string& key : keys) ASSERT_TRUE(put(key, "x").ok());
  keys.push_back("never-was");
  EXPECT_THAT(remove(keys), IsEmpty());
  EXPECT_THAT(all_keys({}), IsEmpty());
}

TEST_P(StoreTest, ACopyKeepsContentAndProperties) {
  if (!store().can_copy_from(store())) GTEST_SKIP() << "no copies within this store";
  PutRequest request;
  request.key = "from";
  request.body = "content";
  request.properties.content_type = "text/x";
  request.properties.metadata = {{"who", "me"}};
  const auto source = put(request);
  ASSERT_TRUE(source.ok());
  const auto copied = await<PutReceipt>([&](auto done) { store().copy(store(), "from", source->version, "to", {}, done); });
  ASSERT_TRUE(copied.ok()) << copied.error().message();
  EXPECT_EQ(read("to"), "content");
  const auto found = head("to");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->properties.content_type, "text/x");
  EXPECT_EQ(found->properties.metadata, request.properties.metadata);
}

TEST_P(StoreTest, ACopyCanReplaceProperties) {
  if (!store().can_copy_from(store())) GTEST_SKIP() << "no copies within this store";
  PutRequest request;
  request.key = "from";
  request.body = "content";
  request.properties.metadata = {{"who", "me"}};
  ASSERT_TRUE(put(request).ok());
  Properties other;
  other.content_type = "text/y";
  other.metadata = {{"now", "you"}};
  const auto copied = await<PutReceipt>([&](auto done) { store().copy(store(), "from", "", "to", other, done); });
  ASSERT_TRUE(copied.ok()) << copied.error().message();
  const auto found = head("to");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->properties.content_type, "text/y");
  EXPECT_EQ(found->properties.metadata, other.metadata);
}

TEST_P(StoreTest, ACopyOfAnotherVersionIsRefused) {
  if (!store().can_copy_from(store())) GTEST_SKIP() << "no copies within this store";
  const auto first = put("from", "first content");
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(put("from", "second, other content").ok());
  const auto copied = await<PutReceipt>([&](auto done) { store().copy(store(), "from", first->version, "to", {}, done); });
  ASSERT_FALSE(copied.ok());
  EXPECT_EQ(copied.error().code(), Code::kConflict) << copied.error().message();
}

}  // namespace
}  // namespace isobar::stores
