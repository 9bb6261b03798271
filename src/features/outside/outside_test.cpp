#include "features/outside.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <mutex>
#include <thread>

#include "base/process.h"
#include "features/testing.h"

namespace isobar::features {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr Type kNumber{Kind::kFloat64}, kNumbers{Kind::kFloat64, true}, kText{Kind::kString};

class OutsideTest : public ::testing::Test {
 protected:
  OutsideTest() {
    programs_.folders = {folder_.path()};
    programs_.said = [this](std::string_view program, std::string_view line) {
      const std::lock_guard lock(mutex_);
      said_.push_back(std::string(program) + ": " + std::string(line));
    };
  }
  void script(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file(folder_ / name, text, Durability::kCache, 0755).ok());
  }
  std::shared_ptr<OutsideFeaturizer> command(std::vector<std::string> words, Type type = kNumber, Duration timeout = 10s) {
    auto opened =
        open_outside({.of = {"a"}, .command = std::move(words), .library = {}, .arguments = {}, .timeout = timeout}, type, programs_);
    CHECK(opened.ok(), opened.ok() ? "" : opened.error().message());
    return *opened;
  }
  static Result<MadeOutside> make(OutsideFeaturizer& maker, const std::vector<std::vector<Row>>& keys, const std::stop_token& stop = {}) {
    std::vector<std::span<const Row>> spans(keys.begin(), keys.end());
    return maker.make(spans, stop);
  }
  std::string failure(OutsideFeaturizer& maker) {
    const auto made = make(maker, {{{Value(1.0)}}});
    return made.ok() ? "it did not fail" : made.error().message();
  }
  std::string refusal(std::vector<std::string> words) {
    const auto opened = open_outside({.of = {"a"}, .command = std::move(words), .library = {}, .arguments = {}}, kNumber, programs_);
    return opened.ok() ? "it was not refused" : opened.error().message();
  }

  TestFolder folder_;
  OutsidePrograms programs_;
  std::mutex mutex_;
  std::vector<std::string> said_;
};

constexpr std::string_view kSums = R"(#!/usr/bin/python3
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    print("batch of", len(request["inputs"]), file=sys.stderr)
    print(json.dumps({"batch": request["batch"], "values": [
        {"error": "nothing"} if not events else None if events[0][0] is None else sum(event[0] for event in events)
        for events in request["inputs"]]}), flush=True)
)";

TEST_F(OutsideTest, AProgramAnswersForManyKeysAtOnceAgainAndAgain) {
  script("sums.py", std::string(kSums));
  const auto maker = command({"sums.py"});
  for (int round = 0; round < 3; ++round) {
    const auto made = make(*maker, {{{Value(0.1)}, {Value(0.2)}}, {}, {{Value()}}, {{Value(std::int64_t{7})}}});
    ASSERT_TRUE(made.ok()) << made.error().message();
    ASSERT_EQ(made->values.size(), 4u);
    EXPECT_EQ(*made->values[0], Value(0.1 + 0.2));  // to the bit
    EXPECT_THAT(made->values[1].error().message(), HasSubstr("\"nothing\""));
    EXPECT_TRUE(made->values[2]->is_null());
    EXPECT_EQ(*made->values[3], Value(7.0));
    EXPECT_GE(made->cpu_seconds, 0);
  }
  EXPECT_EQ(maker->pause(), Duration(0));
  EXPECT_TRUE(maker->problem().ok());
  EXPECT_THAT(said_, ElementsAre("sums.py: batch of 4", "sums.py: batch of 4", "sums.py: batch of 4"));
}

TEST_F(OutsideTest, ItsCostIsThatOfTheProgram) {
  script("busy.py", R"(#!/usr/bin/python3
import json, sys, time
for line in sys.stdin:
    until = time.process_time() + 0.2
    while time.process_time() < until: pass
    print(json.dumps({"batch": json.loads(line)["batch"], "values": [1.0]}), flush=True)
)");
  const auto maker = command({"busy.py"});
  ASSERT_TRUE(make(*maker, {{{Value(1.0)}}}).ok());
  const auto made = make(*maker, {{{Value(1.0)}}});
  ASSERT_TRUE(made.ok());
  EXPECT_NEAR(made->cpu_seconds, 0.2, 0.1);
}

TEST_F(OutsideTest, MoreThanAPipeHoldsGoesBothWays) {
  script("echo.py", R"(#!/usr/bin/python3
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({"batch": request["batch"], "values": [events[0][0] for events in request["inputs"]]}), flush=True)
)");
  const std::vector<std::vector<Row>> keys(20, {{Value(std::string(100'000, 'x'))}});
  const auto made = make(*command({"echo.py"}, kText), keys);
  ASSERT_TRUE(made.ok()) << made.error().message();
  EXPECT_TRUE(*made->values[19] == keys[19][0][0]);
}

TEST_F(OutsideTest, OneThatFailsIsToldWhyAndBegunAgainAfterAPause) {
  script("ends.sh", "#!/bin/sh\nread line\necho broken >&2\nexit 3\n");
  const auto maker = command({"ends.sh"});
  EXPECT_THAT(failure(*maker), HasSubstr("ends.sh: it ended, with code 3"));
  EXPECT_GT(maker->pause(), 500ms);
  EXPECT_FALSE(maker->problem().ok());
  EXPECT_THAT(failure(*maker), HasSubstr("it ended, with code 3"));  // it is not even begun
  EXPECT_THAT(said_, Contains("ends.sh: broken"));
  EXPECT_EQ(std::ranges::count(said_, "ends.sh: broken"), 1);
  script("ends.sh", std::string(kSums));
  std::this_thread::sleep_for(1100ms);
  EXPECT_TRUE(make(*maker, {{{Value(1.0)}}}).ok());
  EXPECT_TRUE(maker->problem().ok());
}

TEST_F(OutsideTest, WhatIsNoAnswerIsRefused) {
  const auto says = [this](const std::string& name, const std::string& answer) {
    script(name, "#!/bin/sh\nread line\necho '" + answer + "'\nread line\n");
    return failure(*command({name}));
  };
  EXPECT_THAT(says("a.sh", "hello"), HasSubstr("its answer is no JSON object: hello"));
  EXPECT_THAT(says("b.sh", R"({"batch":2,"values":[1]})"), HasSubstr("does not say \"batch\":1"));
  EXPECT_THAT(says("c.sh", R"({"batch":1,"values":[1,2]})"), HasSubstr("no \"values\", a list of 1"));
  EXPECT_THAT(says("d.sh", "{\"batch\":1,\"values\":[1]}\n{}"), HasSubstr("more than a line"));
  script("e.sh", "#!/bin/sh\nread line\necho '{\"batch\":1,\"values\":[\"x\"]}'\nread line\n");
  const auto maker = command({"e.sh"});
  const auto made = make(*maker, {{{Value(1.0)}}});
  ASSERT_TRUE(made.ok());
  EXPECT_THAT(made->values[0].error().message(), HasSubstr("\"x\" is not float64"));  // the key's alone
}

TEST_F(OutsideTest, OneThatHangsIsEndedWithAllThatItStarted) {
  script("hangs.sh", "#!/bin/sh\nsleep 100 &\necho $! >&2\nwait\n");
  const auto maker = command({"hangs.sh"}, kNumber, 300ms);
  EXPECT_THAT(failure(*maker), HasSubstr("no answer within 0.30s"));
  ASSERT_FALSE(said_.empty());
  const pid_t sleeper = std::stoi(said_.front().substr(said_.front().find(' ')));
  for (int i = 0; i < 100 && start_ticks(sleeper); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_FALSE(start_ticks(sleeper));
}

TEST_F(OutsideTest, WhoStopsDoesNotWaitForIt) {
  script("hangs.sh", "#!/bin/sh\nsleep 100\n");
  const auto maker = command({"hangs.sh"});
  std::stop_source stop;
  std::jthread later([&] {
    std::this_thread::sleep_for(100ms);
    stop.request_stop();
  });
  const auto made = make(*maker, {{{Value(1.0)}}}, stop.get_token());
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code(), Code::kDeadlineExceeded);
}

TEST_F(OutsideTest, OnlyWhatTheOperatorNamedIsRun) {
  EXPECT_THAT(refusal({"/bin/sh", "-c", "true"}), HasSubstr("'/bin/sh' is not in " + folder_.path().string()));
  EXPECT_THAT(refusal({"../../bin/sh"}), HasSubstr("is not in"));
  EXPECT_THAT(refusal({"python3"}), HasSubstr("there is no " + (folder_ / "python3").string()));
  script("plain.txt", "no program\n");
  ::chmod((folder_ / "plain.txt").c_str(), 0644);
  EXPECT_THAT(failure(*command({"plain.txt"})), HasSubstr("chmod +x"));
  ASSERT_TRUE(write_file(folder_ / "odd", "no program\n", Durability::kCache, 0755).ok());
  EXPECT_THAT(failure(*command({"odd"})), HasSubstr("a script begins with a line as #!/usr/bin/python3"));
  programs_.folders.clear();
  EXPECT_THAT(refusal({"plain.txt"}), HasSubstr("--allow-programs DIR"));
}

TEST_F(OutsideTest, TheExampleOfAProgramMakesVectorsOfLengthOne) {
  programs_.folders = {fs::path(ISOBAR_SOURCE_DIR) / "examples/features/programs"};
  const auto made = make(*command({"embed.py"}, kNumbers), {{{Value("red shoes")}, {Value("blue shoes")}}, {{Value()}}});
  ASSERT_TRUE(made.ok()) << made.error().message();
  const auto& vector = std::get<std::vector<double>>(made->values[0]->as<List>());
  double sum = 0;
  for (const double x : vector) sum += x * x;
  EXPECT_EQ(vector.size(), 32u);
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_FALSE(made->values[1].ok());
}

Result<std::shared_ptr<OutsideFeaturizer>> recency(const std::string& arguments, Type type = kNumber) {
  return open_outside({.of = {"at", "amount"}, .command = {}, .library = "recency.so", .arguments = arguments}, type,
                      {.folders = {ISOBAR_EXAMPLE_LIBRARIES}});
}

TEST_F(OutsideTest, ALibraryIsAskedKeyByKey) {
  const auto maker = recency("60");
  ASSERT_TRUE(maker.ok()) << maker.error().message();
  const Instant now = at("2026-05-01T12:00:00Z");
  const auto made = make(**maker, {{{Value(now - 60s), Value(4.0)}, {Value(now), Value(1.0)}}, {{Value(now), Value()}}, {}});
  ASSERT_TRUE(made.ok());
  EXPECT_NEAR(made->values[0]->as<double>(), 3, 1e-12);
  EXPECT_EQ(*made->values[1], Value(0.0));
  EXPECT_THAT(made->values[2].error().message(), HasSubstr("recency.so: of: the time and the amount"));
}

TEST_F(OutsideTest, ALibraryThatIsNoneOrDoesNotWantToIsRefused) {
  EXPECT_THAT(recency("soon").error().message(), HasSubstr("recency.so: arguments: 'soon' is no number of seconds"));
  EXPECT_THAT(recency("60", {Kind::kInt32}).error().message(), HasSubstr("a library gives no int32"));
  const auto other = recency("60", kText);
  ASSERT_TRUE(other.ok());
  const auto made = make(**other, {{{Value(at("2026-05-01T12:00:00Z")), Value(1.0)}}});
  EXPECT_THAT(made->values[0].error().message(), HasSubstr("a value of kind 2, which is not string"));
  script("text.so", "no library");
  const auto none = open_outside({.of = {"a"}, .command = {}, .library = "text.so", .arguments = {}}, kNumber, programs_);
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().message(), HasSubstr("text.so"));
}

}  // namespace
}  // namespace isobar::features
