// Copies over a real network client against a store that fails in every way stores do. What passes is outlasted, what does not is
// told, and in no case does anything arrive that is not the source's.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <future>
#include <set>
#include <thread>

#include "base/random.h"
#include "net/http_client.h"
#include "random_bytes.h"
#include "s3_server.h"
#include "storage/local_store.h"
#include "storage/s3.h"
#include "transfer/arrival.h"
#include "transfer/chunk_mover.h"
#include "transfer/items.h"

namespace isobar::faults {
namespace {

using testing::HasSubstr;
using transfer::Shape;

/// Waits less for what does not move than a user would.
class Impatient final : public net::HttpTransport {
 public:
  explicit Impatient(net::HttpTransport& with) : with_(with) {}
  void start(net::HttpRequest request, net::HttpDone done) override {
    request.stall_max = 300ms;
    with_.start(std::move(request), std::move(done));
  }

 private:
  net::HttpTransport& with_;
};

class CopyFaults : public testing::Test {
 protected:
  static constexpr std::uint64_t kPart = 5 << 20;

  void SetUp() override {
    fs::create_directories(root_);
    auto client = net::HttpClient::create({});
    ASSERT_TRUE(client.ok());
    client_ = std::move(*client);
    transport_ = std::make_unique<Impatient>(*client_);
    plan_.part_bytes = kPart;
    plan_.backoff_least = 1ms;
    plan_.backoff_most = 20ms;
  }
  void TearDown() override {
    client_.reset();
    fs::remove_all(root_);
  }

  std::shared_ptr<storage::Store> s3() {
    storage::S3Options options;
    options.endpoint = server_.endpoint();
    auto store = storage::make_s3_store("bucket", options, credentials_, *transport_, clock_);
    CHECK(store.ok(), store.error().message());
    return std::move(*store);
  }
  std::shared_ptr<storage::Store> folder(const std::string& name) { return storage::LocalStore::open(root_ / name, {}); }
  void make(const std::string& path, const std::string& content) const {
    ASSERT_TRUE(make_folders((root_ / path).parent_path()).ok());
    ASSERT_TRUE(write_file(root_ / path, content, Durability::kCache).ok());
  }
  std::string content(const std::string& path) const { return read_file(root_ / path).value_or("(missing)"); }

  // Some small objects and one of three parts.
  static std::map<std::string, std::string> some_objects() {
    std::map<std::string, std::string> objects{{"large", random_bytes(1, 2 * kPart + 12345)}, {"empty", ""}};
    for (int i = 0; i < 8; ++i) objects["d/" + std::to_string(i)] = random_bytes(static_cast<std::uint64_t>(i), 1000);
    return objects;
  }

  transfer::CopySummary copy(const std::shared_ptr<storage::Store>& source, const std::shared_ptr<storage::Store>& target) {
    failures_.clear();
    transfer::TreeItems items(*source, transfer::source_rule("", Shape::kTree), {transfer::target_rule("", Shape::kTree, true)}, {});
    transfer::CopyHooks hooks;
    hooks.ended = [&](const transfer::ObjectEnded& ended) {
      if (!ended.outcome.ok()) failures_.emplace(ended.item.source.key, ended.outcome.error());
    };
    auto summary = transfer::run_copy({source, {target}, plan_, root_ / "journal", {}}, items, hooks);
    EXPECT_TRUE(summary.ok()) << summary.error().message();
    return summary.ok() ? *summary : transfer::CopySummary{};
  }

  void upload_all() {
    for (const auto& [key, bytes] : some_objects()) make("up/" + key, bytes);
    const auto summary = copy(folder("up"), s3());
    EXPECT_TRUE(summary.complete()) << first_failure();
    expect_all_there();
  }
  void download_all() {
    for (const auto& [key, bytes] : some_objects()) server_.put(key, bytes);
    const auto summary = copy(s3(), folder("down"));
    EXPECT_TRUE(summary.complete()) << first_failure();
    for (const auto& [key, bytes] : some_objects()) EXPECT_TRUE(content("down/" + key) == bytes) << key;
  }
  void expect_all_there() const {
    auto there = server_.objects();
    for (const auto& [key, bytes] : some_objects()) EXPECT_TRUE(there[key].bytes == bytes) << key;
    EXPECT_EQ(there.size(), some_objects().size());
    EXPECT_EQ(server_.uploads(), 0U);
  }
  std::string first_failure() const {
    return failures_.empty() ? "" : failures_.begin()->first + ": " + failures_.begin()->second.message();
  }

  /// Each request that `concerns` names meets the fault the first time it is made, and none after.
  void first_time(
      const Fault& fault, const std::function<bool(const S3Request&)>& concerns = [](const S3Request&) { return true; }) {
    server_.script([fault, concerns, seen = std::set<std::string>()](const S3Request& request) mutable {
      std::string name = request.method + " " + request.key + " " + request.header("range");
      for (const auto& [parameter, value] : request.query) name += " " + parameter + "=" + value;
      return concerns(request) && seen.insert(name).second ? fault : Fault{};
    });
  }

  S3Server server_;
  std::unique_ptr<net::HttpClient> client_;
  std::unique_ptr<Impatient> transport_;
  SystemClock clock_;
  std::shared_ptr<storage::SecretSource<storage::AwsCredentials>> credentials_ =
      storage::SecretSource<storage::AwsCredentials>::of({"id", "secret", "", {}});
  fs::path root_ = fs::temp_directory_path() / ("isobar-faults-" + secure_random_hex(5));
  transfer::CopyPlan plan_;
  std::map<std::string, Error> failures_;
};

// Refusals ----------------------------------------------------------------------------------------------------------------

const std::vector<std::pair<int, std::string>> kThatPass = {{429, "TooManyRequests"},  {500, "InternalError"}, {503, "SlowDown"}, {503, ""},
                                                            {409, "OperationAborted"}, {408, "RequestTimeout"}};

TEST_F(CopyFaults, RefusalsThatPassAreOutlastedOnTheWayUp) {
  for (const auto& [status, code] : kThatPass) {
    first_time({.status = status, .code = code});
    upload_all();
    for (const auto& [key, object] : server_.objects()) server_.remove(key);
  }
}

TEST_F(CopyFaults, RefusalsThatPassAreOutlastedOnTheWayDown) {
  for (const auto& [status, code] : kThatPass) {
    first_time({.status = status, .code = code});
    download_all();
    fs::remove_all(root_ / "down");
    fs::remove(root_ / "journal");
  }
}

TEST_F(CopyFaults, ConnectionsThatBreakBeforeOrAfterTheStoreActedAreOutlasted) {
  first_time({.hang_up = true});
  upload_all();
  for (const auto& [key, object] : server_.objects()) server_.remove(key);
  // Repeated calls meet what the first ones did: a completion whose answer was lost finds its upload gone.
  first_time({.hang_up = true, .act_first = true}, [](const S3Request& request) { return !request.asks("uploads"); });
  upload_all();
}

TEST_F(CopyFaults, AStoreThatAsksToBeLeftAloneIsLeftAlone) {
  SystemClock clock;
  std::optional<Instant> until;
  int early = 0;
  server_.script([&](const S3Request& request) {
    if (until && clock.now() < *until) ++early;
    if (until || !request.is_put()) return Fault{};
    // Of what was on its way already nothing is said: the file is one alone.
    until = clock.now() + 1s;
    return Fault{.status = 503, .code = "SlowDown", .retry_after_s = 1};
  });
  make("up/one", "1");
  EXPECT_TRUE(copy(folder("up"), s3()).complete());
  EXPECT_EQ(early, 0);
}

TEST_F(CopyFaults, WhatIsForbiddenOrGoneIsToldAndTheRestArrives) {
  for (const auto& [key, bytes] : some_objects()) server_.put(key, bytes);
  server_.script([](const S3Request& request) {
    if (request.key == "d/1") return Fault{.status = 403, .code = "AccessDenied"};
    if (request.key == "d/2") return Fault{.status = 404, .code = "NoSuchKey"};
    if (request.key == "d/3") return Fault{.status = 403, .code = "InvalidObjectState"};
    return Fault{};
  });
  const auto summary = copy(s3(), folder("down"));
  EXPECT_FALSE(summary.complete());
  EXPECT_EQ(summary.totals.objects_failed, 3U);
  EXPECT_EQ(failures_.at("d/1").code(), Code::kPermissionDenied);
  EXPECT_EQ(failures_.at("d/2").code(), Code::kNotFound);
  EXPECT_EQ(failures_.at("d/3").code(), Code::kInvalidArgument);
  EXPECT_EQ(summary.totals.retries, 0U) << "no use in asking again";
  EXPECT_TRUE(fs::exists(root_ / "journal")) << "the next run goes on";
  server_.behave();
  download_all();
}

TEST_F(CopyFaults, AStoreThatRefusesEverythingIsAskedFewTimesAndTheJobGoesOnLater) {
  for (int i = 0; i < 3000; ++i) make(fmt::format("up/{:04}", i), "x");
  server_.script([](const S3Request& request) { return request.is_put() ? Fault{.status = 403, .code = "AccessDenied"} : Fault{}; });
  plan_.target_calls_most = 32;
  const auto refused = copy(folder("up"), s3());
  EXPECT_FALSE(refused.complete());
  EXPECT_THAT(refused.stopped.error().message(), HasSubstr("100 objects in a row failed"));
  EXPECT_THAT(refused.stopped.error().message(), HasSubstr("AccessDenied"));
  EXPECT_LT(server_.count([](const auto& request) { return request.is_put(); }), 400U);
  server_.behave();
  const auto later = copy(folder("up"), s3());
  EXPECT_TRUE(later.complete()) << first_failure();
  EXPECT_EQ(server_.objects().size(), 3000U);
}

TEST_F(CopyFaults, ATargetThatIsNotThereEndsTheJobEarly) {
  for (int i = 0; i < 2000; ++i) make(fmt::format("up/{:04}", i), "x");
  server_.script([](const S3Request& request) { return request.is_put() ? Fault{.status = 404, .code = "NoSuchBucket"} : Fault{}; });
  EXPECT_THAT(copy(folder("up"), s3()).stopped.error().message(), HasSubstr("NoSuchBucket"));
}

// Bodies ------------------------------------------------------------------------------------------------------------------

TEST_F(CopyFaults, BodiesThatAreCutShortAreReadAgain) {
  first_time({.body = Fault::Body::kCut});
  download_all();
}

TEST_F(CopyFaults, BodiesThatStallAreReadAgain) {
  first_time({.body = Fault::Body::kStalled}, [](const S3Request& request) { return request.is_get(); });
  download_all();
}

// The last reads of a job ----------------------------------------------------------------------------------------------------

TEST_F(CopyFaults, AReadThatLagsBehindAllOthersIsAnsweredAnotherWay) {
  plan_.read_lagging_again = true;
  // The middle of the large object, asked for in one piece; the same in small pieces comes.
  const std::string stalls = fmt::format("bytes={}-{}", kPart, 2 * kPart - 1);
  server_.script([stalls](const S3Request& request) {
    return Fault{.body = request.header("range") == stalls ? Fault::Body::kStalled : Fault::Body::kWhole};
  });
  for (const auto& [key, bytes] : some_objects()) server_.put(key, bytes);
  const auto summary = copy(s3(), folder("down"));
  EXPECT_TRUE(summary.complete()) << first_failure();
  EXPECT_EQ(summary.totals.retries, 0U) << "it was not waited for until it was given up";
  for (const auto& [key, bytes] : some_objects()) EXPECT_TRUE(content("down/" + key) == bytes) << key;
}

TEST_F(CopyFaults, AReadThatLagsAndWhoseOtherWayFailsIsTriedAgain) {
  plan_.read_lagging_again = true;
  const std::string stalls = fmt::format("bytes={}-{}", kPart, 2 * kPart - 1);
  std::atomic<int> seen = 0;
  server_.script([stalls, &seen](const S3Request& request) {
    if (request.header("range") == stalls && seen++ == 0) return Fault{.body = Fault::Body::kStalled};
    const bool piece = request.is_get() && request.key == "large" && request.header("range") != stalls && seen > 0 &&
                       request.header("range").find(std::to_string(kPart)) != std::string::npos;
    return piece ? Fault{.status = 500, .code = "InternalError"} : Fault{};
  });
  for (const auto& [key, bytes] : some_objects()) server_.put(key, bytes);
  const auto summary = copy(s3(), folder("down"));
  EXPECT_TRUE(summary.complete()) << first_failure();
  EXPECT_GE(summary.totals.retries, 1U);
  EXPECT_TRUE(content("down/large") == some_objects().at("large"));
}

// A folder's threads end with it, for which they must not wait themselves.
TEST_F(CopyFaults, AFolderIsNotTakenDownByOneOfItsOwnThreads) {
  make("up/a", "content");
  std::promise<void> answered;
  auto mover = transfer::make_direct_mover(folder("up"), {}, 0);
  mover->read(transfer::ChunkId(1), {transfer::ChunkId(1), "a", 0, 7, ""}, [&](const Result<storage::Got>& got, std::uint32_t) {
    EXPECT_TRUE(got.ok());
    answered.set_value();
    std::this_thread::sleep_for(100ms);  // the job is over before this thread has come back
  });
  answered.get_future().wait();
  mover.reset();
  std::this_thread::sleep_for(200ms);
}

TEST_F(CopyFaults, OneLargeObjectIsLookedAtOnceWhereEachReadTellsItsVersion) {
  plan_.recheck_source = false;
  server_.put("large", some_objects().at("large"));
  const auto source = s3();
  transfer::TreeItems items(*source, transfer::source_rule("large", Shape::kObject),
                            {transfer::target_rule("large", Shape::kObject, false)}, {});
  const auto summary = transfer::run_copy({source, {folder("down")}, plan_, root_ / "journal", {}}, items, {});
  ASSERT_TRUE(summary.ok() && summary->complete());
  EXPECT_TRUE(content("down/large") == some_objects().at("large"));
  EXPECT_EQ(server_.count([](const S3Request& request) { return request.method == "HEAD"; }), 1U);
}

TEST_F(CopyFaults, BodiesThatAreSlowButMoveAreWaitedFor) {
  server_.script([](const S3Request& request) { return request.is_get() ? Fault{.body = Fault::Body::kSlow} : Fault{}; });
  for (const auto& [key, bytes] : some_objects()) server_.put(key, bytes);
  const auto summary = copy(s3(), folder("down"));
  EXPECT_TRUE(summary.complete()) << first_failure();
  EXPECT_EQ(summary.totals.retries, 0U);
}

TEST_F(CopyFaults, AByteThatFlipsOnTheWayUpIsFoundByTheStoreAndSentAgain) {
  first_time({.flip_request = true}, [](const S3Request& request) { return request.is_put(); });
  upload_all();
}

TEST_F(CopyFaults, AByteThatFlipsOnTheWayDownIsFoundAndReadAgain) {
  first_time({.body = Fault::Body::kFlipped}, [](const S3Request& request) { return request.is_get() && request.key != "large"; });
  download_all();
}

TEST_F(CopyFaults, AByteThatFlipsInAPartOnTheWayDownIsToldAndNotKept) {
  server_.put("large", random_bytes(1, 3 * kPart));
  server_.script([](const S3Request& request) {
    const bool second = request.is_get() && request.header("range").starts_with(fmt::format("bytes={}-", kPart));
    return second ? Fault{.body = Fault::Body::kFlipped} : Fault{};
  });
  const auto summary = copy(s3(), folder("down"));
  EXPECT_FALSE(summary.complete());
  EXPECT_EQ(failures_.at("large").code(), Code::kDataLoss);
  EXPECT_FALSE(fs::exists(root_ / "down/large"));
  server_.behave();
  EXPECT_TRUE(copy(s3(), folder("down")).complete());
  EXPECT_TRUE(content("down/large") == random_bytes(1, 3 * kPart));
}

TEST_F(CopyFaults, AStoreThatAlwaysDamagesWhatItIsSentIsToldAndKeepsNothing) {
  plan_.attempts_most = 3;
  make("up/large", random_bytes(1, 2 * kPart));
  make("up/small", "small");
  server_.script([](const S3Request& request) { return request.is_put() ? Fault{.flip_request = true} : Fault{}; });
  EXPECT_FALSE(copy(folder("up"), s3()).complete());
  EXPECT_EQ(failures_.at("large").code(), Code::kDataLoss);
  EXPECT_EQ(failures_.at("small").code(), Code::kDataLoss);
  EXPECT_TRUE(server_.objects().empty());
  EXPECT_EQ(server_.uploads(), 0U);
}

// What changes meanwhile ------------------------------------------------------------------------------------------------------

TEST_F(CopyFaults, ASourceThatChangesBetweenItsPartsIsToldAndNeverMixed) {
  server_.put("large", random_bytes(1, 4 * kPart));
  int reads = 0;
  server_.script([&](const S3Request& request) {
    // Answered as another version is, from the third part on.
    return request.is_get() && ++reads > 2 ? Fault{.status = 412, .code = "PreconditionFailed"} : Fault{};
  });
  EXPECT_FALSE(copy(s3(), folder("down")).complete());
  EXPECT_EQ(failures_.at("large").code(), Code::kConflict);
  EXPECT_FALSE(fs::exists(root_ / "down/large"));
}

TEST_F(CopyFaults, AListingThatChangesWhileItIsReadLosesNothingThatWasThereThroughout) {
  server_.keys_per_page = 10;
  for (int i = 0; i < 100; ++i) server_.put(fmt::format("k{:03}", i), "x");
  int pages = 0;
  const auto source = s3();
  transfer::TreeItems items(*source, transfer::source_rule("", Shape::kTree), {transfer::target_rule("", Shape::kTree, true)}, {});
  std::set<std::string> listed, removed;
  for (;;) {
    auto item = items.next();
    ASSERT_TRUE(item.ok()) << item.error().message();
    if (!*item) break;
    EXPECT_TRUE(listed.insert((*item)->source.key).second) << "told twice";
    // Behind, ahead, and just where the listing stands.
    if (++pages % 10 == 0) {
      server_.remove(*removed.insert(fmt::format("k{:03}", pages - 5)).first);
      server_.put(fmt::format("k{:03}-new", pages), "y");
      server_.put(fmt::format("j{:03}", pages), "y");
    }
  }
  for (int i = 0; i < 100; ++i) {
    const std::string key = fmt::format("k{:03}", i);
    EXPECT_TRUE(listed.count(key) == 1 || removed.count(key) == 1) << key;
  }
}

TEST_F(CopyFaults, APageOfAListingThatFailsForGoodMakesTheJobFailAndKeepsWhatArrived) {
  server_.keys_per_page = 5;
  for (int i = 0; i < 20; ++i) server_.put(fmt::format("k{:02}", i), "x");
  server_.script([](const S3Request& request) {
    return request.is_list() && request.asks("continuation-token") ? Fault{.status = 403, .code = "AccessDenied"} : Fault{};
  });
  const auto summary = copy(s3(), folder("down"));
  EXPECT_EQ(summary.listing.error().code(), Code::kPermissionDenied);
  EXPECT_FALSE(summary.complete());
  EXPECT_EQ(summary.totals.objects_done, 5U);
}

TEST_F(CopyFaults, APageOfAListingThatFailsAndPassesIsAskedForAgain) {
  server_.keys_per_page = 5;
  first_time({.status = 503, .code = "SlowDown"},
             [](const S3Request& request) { return request.is_list() && request.asks("continuation-token"); });
  for (int i = 0; i < 8; ++i) server_.put(fmt::format("k{:02}", i), "x");
  const auto summary = copy(s3(), folder("down"));
  EXPECT_TRUE(summary.complete());
  EXPECT_EQ(summary.totals.objects_done, 8U);
}

// Credentials -----------------------------------------------------------------------------------------------------------------

TEST_F(CopyFaults, CredentialsThatExpireInTheMidstAreRenewedOnce) {
  int fetched = 0;
  credentials_ =
      std::make_shared<storage::SecretSource<storage::AwsCredentials>>(&clock_, [&](const storage::Done<storage::AwsCredentials>& done) {
        done(storage::AwsCredentials{"id", "secret", fmt::format("token-{}", ++fetched), {}});
      });
  int puts = 0;
  server_.script([&](const S3Request& request) {
    if (request.is_put()) ++puts;
    const bool old = request.header("x-amz-security-token") == "token-1";
    return old && puts > 3 ? Fault{.status = 400, .code = "ExpiredToken"} : Fault{};
  });
  upload_all();
  EXPECT_EQ(fetched, 2) << "a refusal of the old token says nothing of the new one";
}

TEST_F(CopyFaults, CredentialsThatCannotBeRenewedStopTheJobWhichGoesOnWithNewOnes) {
  for (int i = 0; i < 1500; ++i) make(fmt::format("up/{:04}", i), "x");
  int fetched = 0;
  credentials_ =
      std::make_shared<storage::SecretSource<storage::AwsCredentials>>(&clock_, [&](const storage::Done<storage::AwsCredentials>& done) {
        if (++fetched == 1) return done(storage::AwsCredentials{"id", "secret", "token-1", {}});
        done(Error(Code::kPermissionDenied, "nobody is signed in; run `aws sso login`"));
      });
  int puts = 0;
  server_.script(
      [&](const S3Request& request) { return request.is_put() && ++puts > 200 ? Fault{.status = 400, .code = "ExpiredToken"} : Fault{}; });
  const auto stopped = copy(folder("up"), s3());
  EXPECT_THAT(stopped.stopped.error().message(), HasSubstr("run `aws sso login`"));
  EXPECT_EQ(stopped.totals.objects_done, 200U);
  server_.behave();
  credentials_ = storage::SecretSource<storage::AwsCredentials>::of({"id", "secret", "", {}});
  const auto later = copy(folder("up"), s3());
  EXPECT_TRUE(later.complete()) << first_failure();
  EXPECT_EQ(later.totals.objects_done_before, 200U);
}

// Copies within the store --------------------------------------------------------------------------------------------------------

TEST_F(CopyFaults, ACopyWithinTheStoreOverItsLimitGoesInPartsWithAllProperties) {
  plan_.server_side = true;
  plan_.server_copy_bytes_most = plan_.part_bytes = kPart;
  server_.put("a/large+1 x", random_bytes(1, 3 * kPart + 17));
  server_.put("a/small", "small");
  server_.describe("a/large+1 x", {{"content-type", "text/x"}, {"cache-control", "no-cache"}, {"x-amz-meta-who", "me"}});
  const auto store = s3();
  transfer::TreeItems items(*store, transfer::source_rule("a", Shape::kTree), {transfer::target_rule("b", Shape::kTree, true)}, {});
  first_time({.status = 503, .code = "SlowDown"}, [](const S3Request& request) { return request.is_put(); });
  const auto summary = transfer::run_copy({store, {store}, plan_, root_ / "journal", {}}, items, {});
  ASSERT_TRUE(summary.ok());
  EXPECT_TRUE(summary->complete());
  auto there = server_.objects();
  EXPECT_TRUE(there["b/large+1 x"].bytes == random_bytes(1, 3 * kPart + 17));
  EXPECT_EQ(there["b/large+1 x"].headers, there["a/large+1 x"].headers);
  EXPECT_EQ(there["b/small"].bytes, "small");
  EXPECT_EQ(server_.count([](const auto& request) { return request.is_get(); }), 0U) << "no byte passes here";
  EXPECT_GE(server_.count([](const auto& request) { return request.is_part(); }), 4U);
}

// What is left behind -----------------------------------------------------------------------------------------------------------

TEST_F(CopyFaults, AnUploadThatCouldNotBeRemovedIsRemovedByTheNextRun) {
  plan_.attempts_most = 2;
  make("up/large", random_bytes(1, 2 * kPart));
  server_.script([](const S3Request& request) {
    if (request.is_part()) return Fault{.status = 403, .code = "AccessDenied"};
    if (request.method == "DELETE") return Fault{.status = 500, .code = "InternalError"};
    return Fault{};
  });
  EXPECT_EQ(copy(folder("up"), s3()).totals.uploads_left, 1U);
  EXPECT_EQ(server_.uploads(), 1U);
  server_.behave();
  make("up/large", random_bytes(2, 2 * kPart));  // another object by now: the old upload is of no use
  EXPECT_TRUE(copy(folder("up"), s3()).complete());
  EXPECT_EQ(server_.uploads(), 0U);
}

TEST_F(CopyFaults, AnObjectThatWasCompletedJustBeforeTheJobDiedIsNotSentAgain) {
  make("up/large", random_bytes(1, 3 * kPart));
  {
    const auto target = s3();
    plan_.attempts_most = 1;
    server_.script([](const S3Request& request) {
      if (request.method == "POST" && request.asks("uploadId")) return Fault{.hang_up = true, .act_first = true};
      if (request.method == "DELETE" || request.method == "HEAD") return Fault{.status = 403, .code = "AccessDenied"};
      return Fault{};
    });
    EXPECT_FALSE(copy(folder("up"), target).complete());
    EXPECT_EQ(server_.objects().size(), 1U);
  }
  server_.behave();
  server_.forget_requests();
  EXPECT_TRUE(copy(folder("up"), s3()).complete()) << first_failure();
  EXPECT_EQ(server_.count([](const auto& request) { return request.is_put(); }), 0U);
}

TEST_F(CopyFaults, AnUploadThatASlowStoreStartsAfterItsClientDiedIsRemoved) {
  make("up/large", random_bytes(1, 2 * kPart));
  {
    // What a client leaves that was killed between asking for an upload and hearing of it.
    auto journal = transfer::Journal::open(root_ / "journal");
    transfer::CopyItem item;
    item.source.key = "large";
    item.target_keys = {"large"};
    journal->first.intend_upload(item, 0, clock_.now());
    ASSERT_TRUE(journal->first.sync().ok());
  }
  server_.script([this, late = true](const S3Request& request) mutable {
    // The store comes to it when the next run has looked for it already.
    if (request.is_part() && std::exchange(late, false)) server_.start_upload_under_lock("large");
    return Fault{};
  });
  EXPECT_TRUE(copy(folder("up"), s3()).complete());
  EXPECT_EQ(server_.uploads(), 0U);
}

TEST_F(CopyFaults, TakingUpAJobOutlastsAStoreThatIsBusy) {
  make("up/large", random_bytes(1, 3 * kPart));
  plan_.attempts_most = 2;
  server_.script([](const S3Request& request) {
    if (request.is_part() && request.query.at("partNumber") == "3") return Fault{.status = 403, .code = "AccessDenied"};
    if (request.method == "DELETE") return Fault{.status = 500, .code = "InternalError"};
    return Fault{};
  });
  EXPECT_FALSE(copy(folder("up"), s3()).complete());
  server_.forget_requests();
  first_time({.status = 503, .code = "SlowDown"});
  EXPECT_TRUE(copy(folder("up"), s3()).complete()) << first_failure();
  EXPECT_EQ(server_.count([](const auto& request) { return request.is_part(); }), 2U) << "the missing part alone, refused once";
}

TEST_F(CopyFaults, ContentsAreComparedManyAtOnceAndOutlastWhatPasses) {
  for (int i = 0; i < 60; ++i) {
    const std::string key = fmt::format("{:02}", i);
    make("up/" + key, "left " + key);
    server_.put(key, i == 30 ? "LEFT 30" : "left " + key);
  }
  server_.tells_checksums = false;
  server_.script([seen = std::set<std::string>()](const S3Request& request) mutable {
    const bool first = request.is_get() && seen.insert(request.key).second;
    return Fault{.status = first && request.key == "07" ? 503 : 0, .delay = request.is_get() ? 100ms : 0ms};
  });
  const auto here = folder("up"), there = s3();
  transfer::SyncItems::Rules rules{transfer::source_rule("", Shape::kTree), transfer::target_rule("", Shape::kTree, true), {}};
  rules.by_time = false;
  rules.bounds.at_once = 20;
  rules.same_content = [&](const auto& a, const auto& b, const auto& stop) { return transfer::same_content(*here, a, *there, b, stop); };
  transfer::SyncItems items(*here, *there, std::move(rules));
  const auto different = items.next();
  ASSERT_TRUE(different.ok()) << different.error().message();
  EXPECT_EQ((*different)->source.key, "30");
  EXPECT_FALSE(items.next().value().has_value());
  EXPECT_EQ(items.same_objects(), 59U);
  EXPECT_GE(server_.at_once_most(), 15);
  EXPECT_LE(server_.at_once_most(), 20);
}

}  // namespace
}  // namespace isobar::faults
