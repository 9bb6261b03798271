// Buckets that a task wants copied to its nodes.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "cli.h"
#include "random_bytes.h"
#include "s3_server.h"

namespace isobar::e2e {
namespace {

using faults::Fault;
using faults::S3Request;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class FileMounts : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    environment_ = {{"AWS_ACCESS_KEY_ID", "id"},      {"AWS_SECRET_ACCESS_KEY", kSecret},
                    {"AWS_REGION", "us-east-1"},      {"AWS_ENDPOINT_URL", server_.endpoint()},
                    {"AWS_CONFIG_FILE", "/dev/null"}, {"AWS_SHARED_CREDENTIALS_FILE", "/dev/null"}};
  }
  std::size_t gets() const {
    return server_.count([](const S3Request& request) { return request.is_get(); });
  }
  bool anywhere(const std::string& text) const {
    for (const auto& entry : fs::recursive_directory_iterator(home_))
      if (read_file(entry.path(), 1 << 30).value_or("").find(text) != std::string::npos) return true;
    return false;
  }

  static inline const std::string kSecret = "never-to-be-seen-outside";
  faults::S3Server server_;
  std::map<std::string, std::string> environment_;
};

TEST_F(FileMounts, ABucketIsOnEveryNodeBeforeSetupBegins) {
  const auto large = random_bytes(7, 20'000'000);
  server_.put("train/a", "first");
  server_.put("train/deep/b", large);
  server_.put("train2/c", "not asked for");
  server_.put("model.bin", "weights");
  const auto task = write("t.yaml",
                          "num_nodes: 2\n"
                          "file_mounts:\n  ~/data: s3://bucket/train\n  ~/model.bin: {source: 's3://bucket/model.bin', mode: COPY}\n"
                          "setup: cat ~/data/a\nrun: ls -R ~/data; cat ~/model.bin; env\n");
  const auto out = ok({"launch", "-c", "a", task}, environment_);
  EXPECT_THAT(out, AllOf(HasSubstr("s3://bucket/train -> ~/data: 2 objects, 19.1 MiB fetched"), HasSubstr("first"), HasSubstr("weights"),
                         Not(HasSubstr("not asked for"))));
  for (const char* node : {"0", "1"})
    EXPECT_TRUE(read_file(home_ / "local" / "a" / node / "home" / "data" / "deep" / "b", 1 << 30).value_or("none") == large);
  // With what credentials is known to isobar-node alone: not to the run, not to a log, not to a disk.
  EXPECT_THAT(out, Not(HasSubstr(kSecret)));
  EXPECT_FALSE(anywhere(kSecret));
  // Again: nothing that is there is read.
  const auto before = gets();
  EXPECT_THAT(ok({"launch", "-c", "a", task}, environment_), HasSubstr("what is the same was there already"));
  EXPECT_EQ(gets(), before);
}

TEST_F(FileMounts, ASetupDoesNotSeeTheCredentials) {
  server_.put("a", "x");
  const auto task = write("t.yaml", "file_mounts: {~/a: 's3://bucket/a'}\nsetup: env\n");
  EXPECT_THAT(ok({"launch", "-c", "a", task}, environment_),
              AllOf(HasSubstr("HOME="), Not(HasSubstr("ISOBAR_FETCH")), Not(HasSubstr(kSecret))));
}

TEST_F(FileMounts, WhatCannotBeFetchedFailsTheSetupWithTheReason) {
  server_.script([](const S3Request&) { return Fault{.status = 403, .code = "AccessDenied"}; });
  const auto task = write("t.yaml", "file_mounts: {~/a: 's3://bucket/a/'}\nrun: echo ran\n");
  const auto refused = run({"launch", "-c", "a", task}, environment_);
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.out + refused.err,
              AllOf(HasSubstr("s3://bucket/a/"), HasSubstr("AccessDenied"), HasSubstr("FAILED_SETUP"), Not(HasSubstr("ran\n"))));
  server_.behave();
  EXPECT_THAT(run({"launch", "-c", "a", task}, environment_).out, HasSubstr("there is nothing by that name"));
}

TEST_F(FileMounts, AFetchThatIsCancelledGoesOnWhereItWas) {
  for (int i = 0; i < 40; ++i) server_.put(fmt::format("d/{:02}", i), random_bytes(static_cast<std::uint64_t>(i), 100'000));
  server_.script([](const S3Request& request) {
    return Fault{.body = request.is_get() && request.key >= "d/20" ? Fault::Body::kStalled : Fault::Body::kWhole};
  });
  const auto task = write("t.yaml", "file_mounts: {~/d: 's3://bucket/d/'}\nrun: ls ~/d | wc -l\n");
  ok({"launch", "-d", "-c", "a", task}, environment_);
  const auto folder = home_ / "local" / "a" / "0" / "home" / "d";
  ASSERT_TRUE(eventually([&] { return fs::exists(folder / "19"); }));
  ok({"cancel", "-y", "a", "--all"});
  server_.behave();
  server_.forget_requests();
  EXPECT_THAT(ok({"launch", "-c", "a", task}, environment_), HasSubstr("40"));
  EXPECT_LT(gets(), 30U);
}

}  // namespace
}  // namespace isobar::e2e
