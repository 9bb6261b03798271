#include "storage/http_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/scripted_transport.h"

namespace isobar::storage {
namespace {

using testing::HasSubstr;

class HttpSourceTest : public testing::Test {
 protected:
  HttpSourceTest() : store(make_http_source("https://host", transport, clock).value()) {}
  Result<Got> get(std::uint64_t offset, const std::string& version = {}) {
    return await<Got>([&](auto done) { store->get({"dir/f?x=1", offset, room, version}, done); });
  }
  Result<ObjectHead> head() {
    return await<ObjectHead>([&](auto done) { store->head("dir/f?x=1", false, done); });
  }
  ScriptedTransport transport;
  StoppedClock clock;
  std::unique_ptr<Store> store;
  std::string room = std::string(4, '\0');
};

const net::Headers kRange = {{"Content-Range", "bytes 5-8/100"}, {"ETag", "\"e\""}, {"Last-Modified", "Mon, 12 Oct 2009 17:50:30 GMT"}};

TEST_F(HttpSourceTest, ARangeIsReadAndPinnedByTheStrongEtag) {
  transport.answer(206, "5678", kRange);
  const auto first = get(5);
  ASSERT_TRUE(first.ok()) << first.error().message();
  EXPECT_EQ(first->head.info.bytes, 100U);
  EXPECT_EQ(transport.last().url.text(), "https://host/dir/f?x=1");
  transport.answer(206, "5678", kRange);
  ASSERT_TRUE(get(5, first->head.info.version).ok());
  EXPECT_EQ(transport.last_header("If-Match"), "\"e\"");
  transport.answer(412);
  EXPECT_EQ(get(5, first->head.info.version).error().code(), Code::kConflict);
}

TEST_F(HttpSourceTest, AServerThatIgnoresConditionsIsSeenThrough) {
  transport.answer(206, "5678", {{"Content-Range", "bytes 5-8/100"}, {"ETag", "\"other\""}});
  EXPECT_EQ(get(5, "etag:\"e\"").error().code(), Code::kConflict);
}

TEST_F(HttpSourceTest, AWeakEtagPinsNothingButTheTimeOfChangeDoes) {
  const net::Headers weak = {{"Content-Range", "bytes 5-8/100"}, {"ETag", "W/\"e\""}, {"Last-Modified", "Mon, 12 Oct 2009 17:50:30 GMT"}};
  transport.answer(206, "5678", weak);
  const auto first = get(5);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->head.info.version, "changed:Mon, 12 Oct 2009 17:50:30 GMT");
  transport.answer(206, "5678", weak);
  ASSERT_TRUE(get(5, first->head.info.version).ok());
  EXPECT_EQ(transport.last_header("If-Unmodified-Since"), "Mon, 12 Oct 2009 17:50:30 GMT");
}

TEST_F(HttpSourceTest, AServerWithoutRangesServesOnlyFromTheStart) {
  transport.answer(200, "0123");
  EXPECT_EQ(get(0)->bytes, 4U);
  transport.answer(200, "0123");
  EXPECT_EQ(get(5).error().code(), Code::kDataLoss);
}

TEST_F(HttpSourceTest, TheEndAndBeyondHoldNothing) {
  transport.answer(416, "", {{"Content-Range", "bytes */5"}});
  EXPECT_EQ(get(5)->bytes, 0U);
  transport.answer(416, "", {{"Content-Range", "bytes */50"}});
  EXPECT_EQ(get(5).error().code(), Code::kDataLoss);
}

TEST_F(HttpSourceTest, AHeadThatIsNotAllowedIsReplacedByTheFirstByte) {
  transport.answer(405);
  transport.answer(206, "0", {{"Content-Range", "bytes 0-0/100"}, {"Content-Type", "a/b"}});
  const auto found = head();
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_EQ(found->info.bytes, 100U);
  EXPECT_EQ(found->properties.content_type, "a/b");
}

TEST_F(HttpSourceTest, RedirectsAreFollowedButNeverOutOfTls) {
  transport.answer(302, "", {{"Location", "/other"}});
  transport.answer(307, "", {{"Location", "https://mirror/f"}});
  transport.answer(206, "5678", kRange);
  ASSERT_TRUE(get(5).ok());
  EXPECT_EQ(transport.last().url.text(), "https://mirror/f");
  EXPECT_EQ(transport.last_header("Range"), "bytes=5-8");
  transport.answer(302, "", {{"Location", "http://mirror/f"}});
  EXPECT_EQ(get(5).error().code(), Code::kPermissionDenied);
  for (int i = 0; i < 6; ++i) transport.answer(302, "", {{"Location", "/f"}});
  EXPECT_THAT(get(5).error().message(), HasSubstr("redirected without end"));
}

TEST_F(HttpSourceTest, ListingAndWritingSayWhyNot) {
  EXPECT_THAT(await<ListPage>([&](auto done) { store->list({"dir/"}, done); }).error().message(),
              HasSubstr("https://host/dir/ cannot be listed"));
  EXPECT_THAT(await<PutReceipt>([&](auto done) { store->put({"k", "x"}, done); }).error().message(), HasSubstr("a source only"));
  EXPECT_FALSE(store->limits().writable);
}

}  // namespace
}  // namespace isobar::storage
