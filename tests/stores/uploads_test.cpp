// Uploads in parts: begun, resumed from what the store has, completed, abandoned.

#include <gmock/gmock.h>

#include "crypto/crc32c.h"
#include "target.h"

namespace isobar::stores {
namespace {

using namespace storage;
using testing::IsEmpty;

// Bytes that are different everywhere, so that a part in the wrong place shows.
std::string pattern(std::size_t bytes, std::uint64_t seed) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    text[i] = static_cast<char>(seed >> 56);
  }
  return text;
}

TEST_P(StoreTest, PartsInAnyOrderBecomeOneObjectWithItsProperties) {
  const std::size_t part_bytes = GetParam().part_bytes;
  const std::string first = pattern(part_bytes, 1), second = pattern(part_bytes, 2), third = pattern(1000, 3);
  Properties properties;
  properties.content_type = "text/x";
  properties.metadata = {{"who", "me"}};
  const auto upload = start_upload("dir/big file", properties);
  ASSERT_TRUE(upload.ok()) << upload.error().message();
  EXPECT_EQ(head("dir/big file").error().code(), Code::kNotFound) << "nothing is seen before it is complete";

  const auto part3 = put_part(*upload, 3, 2 * part_bytes, third);
  const auto part1 = put_part(*upload, 1, 0, first);
  const auto part2 = put_part(*upload, 2, part_bytes, second);
  for (const auto* part : {&part1, &part2, &part3}) ASSERT_TRUE(part->ok()) << part->error().message();
  Checksums whole;
  whole.crc32c = crypto::crc32c(third, crypto::crc32c(second, crypto::crc32c(first)));
  const auto receipt = complete(*upload, {*part1, *part2, *part3}, properties, whole);
  ASSERT_TRUE(receipt.ok()) << receipt.error().message();
  if (receipt->checksums.crc32c) {
    EXPECT_EQ(receipt->checksums.crc32c, whole.crc32c);
  }

  EXPECT_TRUE(read("dir/big file", 0, 3 * part_bytes) == first + second + third);
  EXPECT_TRUE(read("dir/big file", part_bytes, part_bytes, receipt->version) == second);
  const auto found = head("dir/big file");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->info.version, receipt->version);
  if (!store().limits().parts_in_place) {
    EXPECT_EQ(found->properties.content_type, "text/x");
    EXPECT_EQ(found->properties.metadata, properties.metadata);
  }
}

TEST_P(StoreTest, AnInterruptedUploadIsResumedFromThePartsThatAreThere) {
  const std::size_t part_bytes = GetParam().part_bytes;
  const std::string first = pattern(part_bytes, 1), second = pattern(2000, 2);
  const auto upload = start_upload("k", {});
  ASSERT_TRUE(upload.ok());
  ASSERT_TRUE(put_part(*upload, 1, 0, first).ok());
  // All that a journal keeps is the key and the id.
  const Upload remembered{upload->key, upload->id};
  auto parts = all_parts(remembered);
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_EQ(parts[0].number, 1);
  EXPECT_EQ(parts[0].bytes, part_bytes);
  const auto last = put_part(remembered, 2, part_bytes, second);
  ASSERT_TRUE(last.ok());
  parts.push_back(*last);
  const auto receipt = complete(remembered, parts);
  ASSERT_TRUE(receipt.ok()) << receipt.error().message();
  EXPECT_TRUE(read("k", 0, 2 * part_bytes) == first + second);
}

TEST_P(StoreTest, APartSentAgainReplacesTheOneBefore) {
  const auto upload = start_upload("k", {});
  ASSERT_TRUE(upload.ok());
  ASSERT_TRUE(put_part(*upload, 1, 0, "wrong").ok());
  const auto again = put_part(*upload, 1, 0, "right");
  ASSERT_TRUE(again.ok());
  const auto receipt = complete(*upload, {*again});
  ASSERT_TRUE(receipt.ok()) << receipt.error().message();
  EXPECT_EQ(read("k"), "right");
}

TEST_P(StoreTest, PartsBeyondAPageAreAllTold) {
  const auto upload = start_upload("k", {});
  ASSERT_TRUE(upload.ok());
  const int parts = GetParam().parts_page + 3;
  run_all(parts, [&](int i, const std::function<void()>& ended) {
    store().put_part(*upload, i + 1, static_cast<std::uint64_t>(i), "x", {}, [ended](const Result<Part>& part) {
      EXPECT_TRUE(part.ok()) << (part.ok() ? "" : part.error().message());
      ended();
    });
  });
  const auto told = all_parts(*upload);
  ASSERT_EQ(told.size(), static_cast<std::size_t>(parts));
  for (int number = 1; number <= parts; ++number) EXPECT_EQ(told[static_cast<std::size_t>(number - 1)].number, number);
  EXPECT_TRUE(await<void>([&](auto done) { store().abort_upload(*upload, done); }).ok());
}

TEST_P(StoreTest, AnAbandonedUploadLeavesNothing) {
  const auto upload = start_upload("k", {});
  ASSERT_TRUE(upload.ok());
  ASSERT_TRUE(put_part(*upload, 1, 0, "x").ok());
  const Status aborted = await<void>([&](auto done) { store().abort_upload(*upload, done); });
  EXPECT_TRUE(aborted.ok()) << aborted.error().message();
  EXPECT_EQ(head("k").error().code(), Code::kNotFound);
  EXPECT_THAT(all_keys({}), IsEmpty());
  const auto uploads = await<UploadPage>([&](auto done) { store().list_uploads("", "", done); });
  ASSERT_TRUE(uploads.ok()) << uploads.error().message();
  EXPECT_THAT(uploads->uploads, IsEmpty());
}

TEST_P(StoreTest, UnfinishedUploadsAreFoundByTheirPrefix) {
  const auto one = start_upload("a dir/k&1", {}), two = start_upload("b/k", {});
  ASSERT_TRUE(one.ok() && two.ok());
  ASSERT_TRUE(put_part(*one, 1, 0, "x").ok());
  ASSERT_TRUE(put_part(*two, 1, 0, "x").ok());
  const auto found = await<UploadPage>([&](auto done) { store().list_uploads("a dir/", "", done); });
  ASSERT_TRUE(found.ok()) << found.error().message();
  ASSERT_EQ(found->uploads.size(), 1U);
  EXPECT_EQ(found->uploads[0].key, "a dir/k&1");
  EXPECT_EQ(found->uploads[0].id, one->id);
  for (const auto* upload : {&one, &two}) EXPECT_TRUE(await<void>([&](auto done) { store().abort_upload(**upload, done); }).ok());
}

TEST_P(StoreTest, PartsThatDoNotAddUpToTheObjectAreNotCompleted) {
  const auto upload = start_upload("k", {});
  ASSERT_TRUE(upload.ok());
  const auto part = put_part(*upload, 1, 0, "12345");
  ASSERT_TRUE(part.ok());
  const auto receipt = await<PutReceipt>([&](auto done) { store().complete_upload(*upload, {*part}, 6, {}, {}, done); });
  ASSERT_FALSE(receipt.ok());
  EXPECT_EQ(receipt.error().code(), Code::kDataLoss) << receipt.error().message();
  EXPECT_TRUE(await<void>([&](auto done) { store().abort_upload(*upload, done); }).ok());
}

TEST_P(StoreTest, AnObjectIsCopiedInParts) {
  if (!store().can_copy_from(store())) GTEST_SKIP() << "no copies within this store";
  if (store().limits().copy_bytes_most >= store().limits().object_bytes_most) GTEST_SKIP() << "this store copies objects of any size whole";
  const std::size_t part_bytes = GetParam().part_bytes;
  const std::string body = pattern(part_bytes + 1000, 4);
  const auto source = put("from + here", body);
  ASSERT_TRUE(source.ok()) << source.error().message();
  const auto upload = start_upload("to", {});
  ASSERT_TRUE(upload.ok());
  std::vector<Part> parts;
  for (const auto& [offset, bytes] : {std::pair<std::uint64_t, std::uint64_t>{0, part_bytes}, {part_bytes, 1000}}) {
    const auto part = await<Part>([&](auto done) {
      store().copy_part(store(), "from + here", source->version, offset, bytes, *upload, static_cast<int>(parts.size()) + 1, done);
    });
    ASSERT_TRUE(part.ok()) << part.error().message();
    parts.push_back(*part);
  }
  const auto receipt = complete(*upload, parts);
  ASSERT_TRUE(receipt.ok()) << receipt.error().message();
  EXPECT_TRUE(read("to", 0, 2 * part_bytes) == body);
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Stores, StoreTest, testing::ValuesIn(targets()), [](const auto& each) { return each.param.name; });

}  // namespace isobar::stores
