// Moving data as a user does, with an S3 that misbehaves: what is said, how the command ends, and that it goes on afterwards.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <thread>

#include "base/random.h"
#include "cli.h"
#include "random_bytes.h"
#include "s3_server.h"

namespace isobar::e2e {
namespace {

using faults::Fault;
using faults::S3Request;
using testing::HasSubstr;

class TransferFaults : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    environment_ = {{"AWS_ACCESS_KEY_ID", "id"},      {"AWS_SECRET_ACCESS_KEY", "secret"},
                    {"AWS_REGION", "us-east-1"},      {"AWS_ENDPOINT_URL", server_.endpoint()},
                    {"AWS_CONFIG_FILE", "/dev/null"}, {"AWS_SHARED_CREDENTIALS_FILE", "/dev/null"}};
  }
  std::string at(const std::string& path) const { return (folder_ / path).string(); }
  void refuse_puts(int status, const std::string& code) {
    server_.script([=](const S3Request& request) { return request.is_put() ? Fault{.status = status, .code = code} : Fault{}; });
  }
  std::size_t journals() const {
    std::size_t count = 0;
    std::error_code none;
    for (const auto& entry : fs::recursive_directory_iterator(home_ / "transfers", none)) count += entry.path().filename() == "journal";
    return count;
  }
  std::size_t puts() const {
    return server_.count([](const S3Request& request) { return request.is_put(); });
  }

  faults::S3Server server_;
  std::map<std::string, std::string> environment_;
};

// When all is refused --------------------------------------------------------------------------------------------------------

TEST_F(TransferFaults, AJobThatIsRefusedEverythingStopsEarlySaysWhyAndGoesOnLater) {
  for (int i = 0; i < 3000; ++i) write(fmt::format("src/{:04}", i), "x");
  refuse_puts(403, "AccessDenied");
  const auto refused = run({"cp", "-r", at("src"), "s3://bucket/p"}, environment_);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("given up after 100 objects in a row failed"));
  EXPECT_THAT(refused.err, HasSubstr("403 AccessDenied"));
  EXPECT_THAT(refused.err, HasSubstr("the same command goes on where it was"));
  EXPECT_LT(puts(), 1000U);
  EXPECT_EQ(journals(), 1U);
  server_.behave();
  ok({"cp", "-r", at("src"), "s3://bucket/p"}, environment_);
  EXPECT_EQ(server_.objects().size(), 3000U);
  EXPECT_EQ(journals(), 0U);
}

TEST_F(TransferFaults, MaxFailuresZeroTriesThemAll) {
  for (int i = 0; i < 300; ++i) write(fmt::format("src/{:04}", i), "x");
  refuse_puts(403, "AccessDenied");
  EXPECT_EQ(run({"cp", "-r", "--max-failures", "0", at("src"), "s3://bucket/p"}, environment_).exit_code, 1);
  EXPECT_EQ(puts(), 300U);
}

TEST_F(TransferFaults, AFullDiskEndsAJobOfManyFilesEarly) {
  fs::create_directories(folder_ / "small");
  if (std::system(("mount -t tmpfs -o size=1m,nr_inodes=1000 tmpfs " + at("small") + " 2>/dev/null").c_str()) != 0)
    GTEST_SKIP() << "mounting a small disk is not permitted here";
  for (int i = 0; i < 3000; ++i) server_.put(fmt::format("{:04}", i), std::string(3000, 'x'));
  const auto outcome = run({"cp", "-r", "s3://bucket/", at("small/d")}, environment_);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("No space left"));
  EXPECT_THAT(outcome.err, HasSubstr("given up after 100 objects in a row failed"));
  EXPECT_LT(server_.count([](const S3Request& request) { return request.is_get(); }), 1500U);
  ASSERT_EQ(std::system(("umount -l " + at("small")).c_str()), 0);
}

TEST_F(TransferFaults, CredentialsThatExpireStopTheJobWhichGoesOnWithNewOnes) {
  for (int i = 0; i < 800; ++i) write(fmt::format("src/{:04}", i), "x");
  server_.script([count = 0](const S3Request& request) mutable {
    const bool expired = request.header("x-amz-security-token") == "old" && request.is_put() && ++count > 100;
    return expired ? Fault{.status = 400, .code = "ExpiredToken"} : Fault{};
  });
  environment_["AWS_SESSION_TOKEN"] = "old";
  const auto stopped = run({"cp", "-r", at("src"), "s3://bucket/p"}, environment_);
  EXPECT_EQ(stopped.exit_code, 1);
  EXPECT_THAT(stopped.err, HasSubstr("ExpiredToken"));
  EXPECT_EQ(server_.objects().size(), 100U);
  environment_["AWS_SESSION_TOKEN"] = "new";
  EXPECT_THAT(ok({"cp", "-r", at("src"), "s3://bucket/p"}, environment_), HasSubstr("100 were done before"));
  EXPECT_EQ(server_.objects().size(), 800U);
}

// Success is what has been seen to arrive ----------------------------------------------------------------------------------------

TEST_F(TransferFaults, ObjectsThatTheStoreLosesAreMissedBeforeAnySuccessIsTold) {
  for (int i = 0; i < 200; ++i) write(fmt::format("src/{:04}", i), "x");
  server_.script([](const S3Request& request) { return Fault{.lose = request.is_put() && request.key == "p/0123"}; });
  const auto many = run({"cp", "-r", at("src"), "s3://bucket/p"}, environment_);
  EXPECT_EQ(many.exit_code, 1);
  EXPECT_THAT(many.err, HasSubstr("1 of 200 objects are not in the store's listing"));
  const auto moved = run({"mv", at("src/0123"), "s3://bucket/p/0123"}, environment_);
  EXPECT_EQ(moved.exit_code, 1);
  EXPECT_TRUE(fs::exists(folder_ / "src/0123")) << "what was not seen at the target is not removed from the source";
}

TEST_F(TransferFaults, EveryKindOfFailureHasAnExitCodeOtherThanZero) {
  write("src/a", "x");
  refuse_puts(403, "AccessDenied");
  for (const std::vector<std::string>& words : {std::vector<std::string>{"cp", at("src/a"), "s3://bucket/a"},
                                                {"sync", at("src"), "s3://bucket/p"},
                                                {"mv", at("src/a"), "s3://bucket/a"}}) {
    const auto refused = run(words, environment_);
    EXPECT_EQ(refused.exit_code, 1) << words[0] << ": " << refused.err;
  }
  server_.behave();
  EXPECT_NE(run({"cp", "s3://bucket/none", at("x")}, environment_).exit_code, 0);
  EXPECT_NE(run({"cp", "-r", "s3://bucket/none", at("x")}, environment_).exit_code, 0);
  EXPECT_NE(run({"sync", "s3://bucket/none", at("x")}, environment_).exit_code, 0);
  EXPECT_NE(run({"cat", "s3://bucket/none"}, environment_).exit_code, 0);
  EXPECT_NE(run({"check", at("src"), "s3://bucket/p"}, environment_).exit_code, 0);
  server_.script(
      [](const S3Request& request) { return request.method == "POST" ? Fault{.status = 403, .code = "AccessDenied"} : Fault{}; });
  server_.put("d/a", "x");
  EXPECT_NE(run({"rm", "-r", "-y", "s3://bucket/d"}, environment_).exit_code, 0);
  EXPECT_TRUE(fs::exists(folder_ / "src/a"));
}

// Sync ---------------------------------------------------------------------------------------------------------------------------

TEST_F(TransferFaults, SyncDeletesNothingWhenAListingOrACopyFailed) {
  server_.keys_per_page = 5;
  for (int i = 0; i < 12; ++i) server_.put(fmt::format("k{:02}", i), "x");
  write("dst/extra", "x");
  server_.script([](const S3Request& request) {
    return request.is_list() && request.asks("continuation-token") ? Fault{.status = 403, .code = "AccessDenied"} : Fault{};
  });
  EXPECT_EQ(run({"sync", "--delete", "s3://bucket/", at("dst")}, environment_).exit_code, 1);
  EXPECT_TRUE(fs::exists(folder_ / "dst/extra"));
  server_.script([](const S3Request& request) { return request.key == "k10" ? Fault{.status = 403, .code = "AccessDenied"} : Fault{}; });
  const auto one_failed = run({"sync", "--delete", "s3://bucket/", at("dst")}, environment_);
  EXPECT_EQ(one_failed.exit_code, 1);
  EXPECT_THAT(one_failed.err, HasSubstr("nothing was deleted, as not everything was copied"));
  EXPECT_TRUE(fs::exists(folder_ / "dst/extra"));
  server_.behave();
  ok({"sync", "--delete", "s3://bucket/", at("dst")}, environment_);
  EXPECT_FALSE(fs::exists(folder_ / "dst/extra"));
}

TEST_F(TransferFaults, SyncByChecksumFindsWhatDiffersThoughSizeAndTimeSayOtherwise) {
  write("src/a", "one");
  server_.put("p/a", "two");
  EXPECT_THAT(ok({"sync", "--size-only", at("src"), "s3://bucket/p"}, environment_), HasSubstr("copied 0 objects"));
  // Older than what is there by its time, of the same size, and another content all the same.
  fs::last_write_time(folder_ / "src/a", fs::file_time_type::clock::now() - std::chrono::hours(24 * 20'000));
  EXPECT_THAT(ok({"sync", at("src"), "s3://bucket/p"}, environment_), HasSubstr("copied 0 objects"));
  EXPECT_THAT(ok({"sync", "--checksum", at("src"), "s3://bucket/p"}, environment_), HasSubstr("copied 1 object"));
  EXPECT_EQ(server_.objects().at("p/a").bytes, "one");
}

TEST_F(TransferFaults, AListingOfManyKeysTakesNoMoreMemoryThanOneOfFew) {
  for (int i = 0; i < 2000; ++i) server_.put(fmt::format("a/{:06}", i), "x"), server_.put(fmt::format("b/{:06}", i), "x");
  // AddressSanitizer holds back what was freed, which would be counted here.
  environment_["ASAN_OPTIONS"] = "quarantine_size_mb=1";
  const std::vector<std::string> sync = {"sync", "s3://bucket/a", "s3://bucket/b"};
  const auto few = start(sync, environment_)->wait();
  EXPECT_THAT(few.out, HasSubstr("2000 are the same already")) << few.err;
  for (int i = 2000; i < 60'000; ++i) server_.put(fmt::format("a/{:06}", i), "x"), server_.put(fmt::format("b/{:06}", i), "x");
  const auto many = start(sync, environment_)->wait();
  EXPECT_THAT(many.out, HasSubstr("60000 are the same already")) << many.err;
  EXPECT_LT(many.memory_bytes, few.memory_bytes + (8 << 20));
}

TEST_F(TransferFaults, ManyObjectsOfOneByteArriveAndNothingGrows) {
  for (int i = 0; i < 5000; ++i) server_.put(fmt::format("{:05}", i), "x");
  EXPECT_THAT(ok({"cp", "-r", "s3://bucket/", at("dst")}, environment_), HasSubstr("copied 5000 objects, 4.88 KiB"));
}

// Names ----------------------------------------------------------------------------------------------------------------------------

TEST_F(TransferFaults, OddKeysGoFromBucketToBucketAndThroughFilesUnchanged) {
  const std::vector<std::string> odd = {
      "plain",    "a//b",          "/leading",      "./dot",       "../up",        "trailing/",          "a+b c&d=e?f,g:h",
      "per%cent", "s3://x/inside", "star*[a-z]{x}", "back\\slash", "ein \xC2\xAE", "caf\xC3\xA9",        "cafe\xCC\x81",
      "name1",    "name2/obj",     "quote\"'`$",    "nl\nin",      "ctl\x01",      std::string(900, 'k')};
  for (const auto& key : odd) server_.put("p/" + key, "body of " + key);
  server_.put("p2/not-this", "x");
  for (const char* const way : {"--quiet", "--no-server-side"}) {
    ok({"cp", "-r", way, "s3://bucket/p", "s3://other/q"}, environment_);
    auto there = server_.objects();
    for (const auto& key : odd) {
      EXPECT_EQ(there["q/" + key].bytes, "body of " + key) << key;
      server_.remove("q/" + key);
    }
    EXPECT_EQ(there.count("q/not-this"), 0U) << "p2/ is not below p";
  }
  ok({"cp", "-r", "s3://bucket/p", at("files")}, environment_);
  ok({"cp", "-r", at("files"), "s3://bucket/back"}, environment_);
  auto there = server_.objects();
  for (const auto& key : odd) EXPECT_EQ(there["back/" + key].bytes, "body of " + key) << key;
}

TEST_F(TransferFaults, AnObjectBesideOthersBelowItsNameSurvivesInBucketsAndIsToldForFiles) {
  server_.put("p/name1", "object");
  server_.put("p/name1/obj1", "below");
  ok({"cp", "-r", "s3://bucket/p", "s3://other/q"}, environment_);
  EXPECT_EQ(server_.objects().at("q/name1").bytes, "object");
  EXPECT_EQ(server_.objects().at("q/name1/obj1").bytes, "below");
  const auto files = run({"cp", "-r", "s3://bucket/p", at("files")}, environment_);
  EXPECT_EQ(files.exit_code, 1);
  EXPECT_THAT(files.err, HasSubstr("name1"));
}

TEST_F(TransferFaults, WildcardCharactersInNamesThatExistAreTakenAsTheyAreWritten) {
  server_.put("a[1]*.txt", "literal");
  server_.put("a1x.txt", "matches the pattern");
  ok({"cp", "s3://bucket/a[1]*.txt", at("dst/")}, environment_);
  EXPECT_EQ(read_file(folder_ / "dst/a[1]*.txt").value_or(""), "literal");
  EXPECT_FALSE(fs::exists(folder_ / "dst/a1x.txt"));
  ok({"cp", "s3://bucket/a[0-9]?.txt", at("two/")}, environment_);
  EXPECT_TRUE(fs::exists(folder_ / "two/a1x.txt"));
  EXPECT_NE(run({"cp", "--raw", "s3://bucket/a[0-9]?.txt", at("three/")}, environment_).exit_code, 0);
}

TEST_F(TransferFaults, BucketsAndPrefixesWithAndWithoutSlashNameTheSameAndNoLetterIsLost) {
  for (const char* const key : {"root.txt", "d/x", "d/dd/x"}) server_.put(key, key);
  for (const char* const source : {"s3://bucket", "s3://bucket/"}) {
    ok({"cp", "-r", source, at("all")}, environment_);
    for (const char* const key : {"root.txt", "d/x", "d/dd/x"}) EXPECT_EQ(read_file(folder_ / "all" / key).value_or(""), key);
    fs::remove_all(folder_ / "all");
  }
  ok({"cp", "-r", "s3://bucket/d", "s3://other"}, environment_);
  EXPECT_EQ(server_.objects().count("x"), 1U) << "no slash before it, no letter less";
  EXPECT_EQ(server_.objects().count("dd/x"), 1U) << "a prefix that comes again is part of the name";
}

// Properties -------------------------------------------------------------------------------------------------------------------------

TEST_F(TransferFaults, AllThatDescribesAnObjectIsCopiedAlongHoweverItGoes) {
  const std::map<std::string, std::string> headers = {{"content-type", "text/x-odd"}, {"content-encoding", "gzip"},
                                                      {"content-language", "de"},     {"content-disposition", "attachment"},
                                                      {"cache-control", "max-age=7"}, {"x-amz-meta-who", "me"}};
  server_.put("a/small", "not really compressed");
  server_.put("a/large", random_bytes(1, 12 << 20));
  for (const char* const key : {"a/small", "a/large"}) server_.describe(key, headers);
  for (const char* const way : {"--quiet", "--no-server-side"}) {
    ok({"cp", "-r", way, "s3://bucket/a", "s3://other/b"}, environment_);
    for (const char* const key : {"b/small", "b/large"}) {
      EXPECT_EQ(server_.objects().at(key).headers, headers) << key << " " << way;
      server_.remove(key);
    }
  }
}

TEST_F(TransferFaults, WhatIsSetForACopyIsSetAndTheRestStays) {
  server_.put("a", "x");
  server_.describe("a", {{"content-type", "text/a"}, {"cache-control", "no-store"}, {"x-amz-meta-who", "me"}});
  ok({"cp", "--content-type", "text/b", "--metadata", "why=test", "s3://bucket/a", "s3://bucket/b"}, environment_);
  const std::map<std::string, std::string> expected = {
      {"content-type", "text/b"}, {"cache-control", "no-store"}, {"x-amz-meta-who", "me"}, {"x-amz-meta-why", "test"}};
  EXPECT_EQ(server_.objects().at("b").headers, expected);
  ok({"cp", "--drop-metadata", "s3://bucket/a", "s3://bucket/c"}, environment_);
  const std::map<std::string, std::string> without = {{"content-type", "text/a"}, {"cache-control", "no-store"}};
  EXPECT_EQ(server_.objects().at("c").headers, without);
}

TEST_F(TransferFaults, AnAccessListIsAskedForOnEveryWayAnObjectIsMade) {
  write("small", "x");
  write("large", random_bytes(1, 12 << 20));
  const std::string acl = "bucket-owner-full-control";
  ok({"cp", "--acl", acl, at("small"), at("large"), "s3://bucket/p/"}, environment_);
  ok({"cp", "--acl", acl, "s3://bucket/p/small", "s3://bucket/q"}, environment_);
  const auto asked = [&](const auto& condition) {
    return server_.count([&](const S3Request& request) { return condition(request) && request.header("x-amz-acl") == acl; });
  };
  EXPECT_EQ(asked([](const S3Request& request) { return request.is_put() && !request.is_part(); }), 2U);
  EXPECT_EQ(asked([](const S3Request& request) { return request.asks("uploads") && request.method == "POST"; }), 1U);
}

// Kills --------------------------------------------------------------------------------------------------------------------------------

// Ten kills in CI, a hundred in the long run.
TEST_F(TransferFaults, AJobThatIsKilledAtRandomWhileTheStoreFailsGoesOnAndLeavesNoParts) {
  const int kills = std::getenv("ISOBAR_LONG") ? 100 : 10;
  std::map<std::string, std::string> sent = {{"large", random_bytes(1, 60 << 20)}};
  for (int i = 0; i < 40; ++i) sent["d/" + std::to_string(i)] = random_bytes(static_cast<std::uint64_t>(i), 5000);
  for (const auto& [key, bytes] : sent) write("src/" + key, bytes);
  server_.script([random = Random(5)](const S3Request& request) mutable {
    if (request.asks("uploads") || !random.chance(0.05)) return Fault{};
    return random.chance(0.5) ? Fault{.status = 503, .code = "SlowDown"} : Fault{.hang_up = true, .act_first = request.is_put()};
  });
  const std::vector<std::string> command = {"cp", "-r", "--part-size", "5MiB", "--bwlimit", "30MB/s", at("src"), "s3://bucket/p"};
  Random random(7);
  for (int i = 0; i < kills; ++i) {
    auto running = start(command, environment_);
    std::this_thread::sleep_for(std::chrono::milliseconds(random.below(600)));
    running->signal(SIGKILL);
    running->wait();
  }
  ok(command, environment_);
  EXPECT_EQ(server_.uploads(), 0U);
  auto there = server_.objects();
  EXPECT_EQ(there.size(), sent.size());
  for (const auto& [key, bytes] : sent) EXPECT_TRUE(there["p/" + key].bytes == bytes) << key;
  EXPECT_EQ(journals(), 0U);
}

}  // namespace
}  // namespace isobar::e2e
