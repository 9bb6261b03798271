#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <map>

#include "base/process.h"
#include "fuzz/executor.h"

namespace isobar::fuzz {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

std::string program(std::string_view name) { return ISOBAR_BINARY_DIR "/fuzz/fuzz_scripted_" + std::string(name); }
ExecutorOptions options(std::string_view name = "harness") {
  ExecutorOptions made;
  made.command = {program(name)};
  made.timeout = 300ms;
  made.memory_bytes = 64 << 20;
  return made;
}
std::unique_ptr<Executor> started(const ExecutorOptions& wanted = options()) {
  auto executor = start_zygote(wanted);
  CHECK(executor.ok(), executor.error().message());
  return std::move(*executor);
}

struct Seen {
  Outcome outcome;
  std::vector<Feature> features;
  std::string input;

  std::map<std::uint32_t, std::uint64_t> of(std::uint32_t what) const {
    std::map<std::uint32_t, std::uint64_t> values;
    for (const Feature& feature : features)
      if (feature.what == what) values[feature.key] = feature.value;
    return values;
  }
};
std::vector<Seen> run(Executor& executor, const std::vector<std::string>& texts, const RunOptions& how = {.all_features = true}) {
  std::vector<ByteView> inputs;
  for (const std::string& text : texts) inputs.emplace_back(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  std::vector<Seen> seen;
  const Status ran = executor.run(inputs, how, [&](std::size_t index, const Outcome& outcome) {
    EXPECT_EQ(index, seen.size());
    seen.push_back({outcome, {outcome.features.begin(), outcome.features.end()}, {outcome.input.begin(), outcome.input.end()}});
  });
  EXPECT_TRUE(ran.ok()) << ran.error().message();
  EXPECT_EQ(seen.size(), texts.size());
  seen.resize(texts.size());
  return seen;
}
Seen run_one(Executor& executor, const std::string& text, const RunOptions& how = {.all_features = true}) {
  return run(executor, {text}, how)[0];
}
std::uint32_t slot(const Executor& executor, std::string_view domain, std::uint32_t key = 0) {
  for (const DomainShape& each : executor.shape().domains)
    if (each.name == domain) return each.first_slot + key;
  return UINT32_MAX;
}

TEST(Zygote, SaysWhatTheTargetHas) {
  const auto executor = started();
  EXPECT_EQ(executor->shape().blocks, 32U);
  EXPECT_TRUE(executor->shape().valid && executor->shape().diff);
  const auto named = [](const char* name, std::uint32_t keys) {
    return AllOf(Field(&DomainShape::name, name), Field(&DomainShape::keys, keys));
  };
  EXPECT_THAT(executor->shape().domains, ElementsAre(named("site", 4), named("key", 100), named("perf", 32), named("slow", 1)));
}

TEST(Zygote, TellsEachRunsBlocksAndValues) {
  const auto executor = started();
  const auto seen = run(*executor, {std::string("b\1\1\1\2", 5), "s\1\2", "k\7\3", "b"});
  EXPECT_THAT(seen[0].of(ISOBAR_FUZZ_PLANE_COVERAGE), ElementsAre(Pair(0, 1), Pair(1, 4), Pair(2, 1)));
  const auto perf = seen[0].of(ISOBAR_FUZZ_WHAT_SLOT);
  EXPECT_EQ(perf.at(slot(*executor, "perf", 1)), 3U);
  EXPECT_EQ(perf.at(slot(*executor, "slow")), 5U);
  EXPECT_EQ(seen[1].of(ISOBAR_FUZZ_WHAT_SLOT).at(slot(*executor, "site", 1)), 2U);
  EXPECT_EQ(seen[2].of(ISOBAR_FUZZ_WHAT_SLOT).at(slot(*executor, "key", 7)), 3U);
  // Nothing is left from the runs before.
  EXPECT_THAT(seen[3].of(ISOBAR_FUZZ_PLANE_COVERAGE), ElementsAre(Pair(0, 1)));
  EXPECT_THAT(seen[3].of(ISOBAR_FUZZ_WHAT_SLOT), Not(Contains(Pair(slot(*executor, "site", 1), testing::_))));
}

// FuzzFactory 1.9, 8: there, what runs at the start leaks into the first input
TEST(Zygote, TheProgramsStartIsNobodysRun) {
  const auto seen = run_one(*started(), "b");
  EXPECT_THAT(seen.of(ISOBAR_FUZZ_PLANE_COVERAGE), Not(Contains(Pair(31, testing::_))));
}

TEST(Zygote, ListsFeaturesOfNovelRunsAlone) {
  const auto executor = started();
  Aggregates aggregates(executor->shape(), executor->aggregates());
  const RunOptions how;
  auto first = run_one(*executor, "b\1", how);
  EXPECT_TRUE(first.outcome.novel);
  EXPECT_FALSE(aggregates.add(first.features).empty());
  const auto again = run_one(*executor, "b\1", how);
  EXPECT_FALSE(again.outcome.novel);
  EXPECT_THAT(again.features, IsEmpty());
  EXPECT_TRUE(run_one(*executor, std::string("b\1\1", 3), how).outcome.novel);
}

TEST(Zygote, KnowsValidRunsAndThoseThatReachAChange) {
  const auto executor = started();
  const auto seen = run(*executor, {"b\1", "v", "d"});
  EXPECT_THAT(seen[0].of(ISOBAR_FUZZ_PLANE_VALID), ElementsAre(Pair(0, 1), Pair(1, 1)));
  EXPECT_TRUE(seen[1].outcome.invalid);
  EXPECT_THAT(seen[1].of(ISOBAR_FUZZ_PLANE_VALID), IsEmpty());
  EXPECT_TRUE(seen[2].outcome.diff);
  EXPECT_THAT(seen[2].of(ISOBAR_FUZZ_PLANE_DIFF), ElementsAre(Pair(2, 1)));  // what ran before the change is not of it
}

/// What ends a run, how it is told, and a block that ran before if that can be known.
struct Death {
  const char* input;
  Ending ending;
  int signal;
  int block;
};
class ZygoteSurvives : public testing::TestWithParam<Death> {};

TEST_P(ZygoteSurvives, AndGoesOnBehindTheInputThatDidIt) {
  const auto executor = started();
  const auto seen = run(*executor, {"b\1", GetParam().input, "b\2", "b\3"});
  EXPECT_EQ(seen[1].outcome.ending, GetParam().ending) << name_of(seen[1].outcome.ending);
  if (GetParam().signal != 0) {
    EXPECT_EQ(seen[1].outcome.signal, GetParam().signal);
  }
  if (GetParam().block != 0) {
    EXPECT_THAT(seen[1].of(ISOBAR_FUZZ_PLANE_COVERAGE), Contains(Pair(GetParam().block, 1)));
  }
  for (const std::size_t other : {0U, 2U, 3U}) EXPECT_EQ(seen[other].outcome.ending, Ending::kOk);
  EXPECT_THAT(seen[2].of(ISOBAR_FUZZ_PLANE_COVERAGE), Contains(Pair(2, 1)));
}
// FuzzFactory 1.4: there, what crashes or takes too long never moves a domain
INSTANTIATE_TEST_SUITE_P(EveryDeath, ZygoteSurvives,
                         testing::Values(Death{"C", Ending::kCrash, SIGSEGV, 6}, Death{"W", Ending::kCrash, SIGSEGV, 6},
                                         Death{"A", Ending::kCrash, SIGABRT, 7}, Death{"K", Ending::kCrash, SIGKILL, 0},
                                         Death{"E", Ending::kExit, 0, 8}, Death{"_", Ending::kExit, 0, 0},
                                         Death{"L", Ending::kTimeout, 0, 9}, Death{"D", Ending::kTimeout, 0, 0},
                                         Death{"S", Ending::kCrash, SIGSEGV, 0}, Death{"M", Ending::kMemory, 0, 10},
                                         Death{"O", Ending::kCrash, SIGSEGV, 0}, Death{"X", Ending::kOk, 0, 0}));

TEST(Zygote, LeavesNoProcessBehind) {
  const std::string mark = "ISOBAR_TEST_MARK=" + std::to_string(::getpid());
  auto wanted = options();
  wanted.environment = {mark};
  auto executor = started(wanted);
  const auto seen = run(*executor, {"F", "C", "b\1", "B", "L", "b\2"});
  EXPECT_EQ(seen[5].outcome.ending, Ending::kOk);
  executor.reset();
  EXPECT_EQ(kill_by_environment(mark), 0U);
}

// AFLplusplus#319, LibAFL#2539
TEST(Zygote, ThatIsKilledIsStartedAgain) {
  const auto executor = started();
  const auto seen = run(*executor, {"b\1", "Z", "b\2"});
  EXPECT_NE(seen[1].outcome.ending, Ending::kOk);
  EXPECT_EQ(seen[2].outcome.ending, Ending::kOk);
  EXPECT_EQ(executor->starts(), 2U);
}

TEST(Zygote, FreshRunsKnowNothingOfThoseBefore) {
  const auto executor = started();
  const auto hash = run_one(*executor, "n", {.fresh = true}).outcome.hash;
  EXPECT_NE(run(*executor, {"b", "b", "n"})[2].outcome.hash, hash);
  EXPECT_EQ(run_one(*executor, "n", {.fresh = true}).outcome.hash, hash);
}

TEST(Zygote, LogsTheOperandsOfCompares) {
  const auto executor = started();
  run_one(*executor, "mABCD", {.log_operands = true});
  ASSERT_EQ(executor->operands().integers.size(), 1U);
  EXPECT_EQ(executor->operands().integers[0].a, 0x44434241U);
  EXPECT_EQ(executor->operands().integers[0].b, 0xfeedbeefU);
  run_one(*executor, "tABCDEFGH", {.log_operands = true});
  EXPECT_THAT(executor->operands().integers, IsEmpty());
  ASSERT_EQ(executor->operands().buffers.size(), 1U);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(executor->operands().buffers[0].b), 8), "password");
}

TEST(Zygote, LetsTheHarnessMutate) {
  const auto executor = started();
  ASSERT_TRUE(executor->has_custom_mutator());
  const auto seen = run(*executor, {"b\1", "b\2"}, {.all_features = true, .custom_mutator = true, .custom_room = 100});
  EXPECT_EQ(seen[0].input, "b\1b\1");
  EXPECT_EQ(seen[1].input, "b\2b\2");
}

TEST(Zygote, GoesOnWhenABatchHasMoreFeaturesThanThereIsRoomFor) {
  const auto executor = started();
  std::string all = "b";
  for (char block = 0; block < 32; ++block) all += block;
  std::size_t features = 0;
  for (const Seen& seen : run(*executor, std::vector<std::string>(9000, all))) features += seen.features.size();
  EXPECT_EQ(features, 9000U * (32 * 3 + 1));
}

TEST(Zygote, TakesEmptyAndLargeInputsAndRefusesThoseTooLarge) {
  const auto executor = started();
  const auto seen = run(*executor, {"", std::string(1 << 20, 'b'), ""});
  EXPECT_EQ(seen[1].outcome.ending, Ending::kOk);
  const std::string large(ISOBAR_FUZZ_INPUTS_BYTES + 1, 'b');
  const ByteView view(reinterpret_cast<const std::uint8_t*>(large.data()), large.size());
  EXPECT_THAT(executor->run({&view, 1}, {}, [](auto, auto&) {}).error().message(), HasSubstr("at most 67108864 fit"));
}

TEST(Zygote, ForksAProgramForEachInput) {
  for (const bool by_file : {false, true}) {
    auto wanted = options("program");
    if (by_file) wanted.command.emplace_back("@@");
    const auto executor = started(wanted);
    std::vector<std::string> inputs(20, "b\1");
    inputs[3] = "C", inputs[5] = "L", inputs[7] = "_", inputs[8] = "E", inputs[9] = "B", inputs[10] = "b\2";
    const auto seen = run(*executor, inputs);
    EXPECT_EQ(seen[3].outcome.ending, Ending::kCrash);
    EXPECT_EQ(seen[5].outcome.ending, Ending::kTimeout);
    EXPECT_EQ(seen[7].outcome.ending, Ending::kOk);
    EXPECT_EQ(seen[8].outcome.ending, Ending::kOk);
    EXPECT_THAT(seen[10].of(ISOBAR_FUZZ_PLANE_COVERAGE), Contains(Pair(2, 1)));
    EXPECT_EQ(seen[19].outcome.ending, Ending::kOk);
  }
}

TEST(Zygote, WhatIsNoTargetIsRefusedWithTheMend) {
  const auto refusal = [](std::vector<std::string> command) {
    ExecutorOptions wanted = options();
    wanted.command = std::move(command);
    auto executor = start_zygote(wanted);
    return executor.ok() ? std::string("it was taken") : executor.error().message();
  };
  EXPECT_THAT(refusal({"/bin/true"}), HasSubstr("Was it built by isobar-cc or isobar-c++?"));
  EXPECT_THAT(refusal({"/no/such/target"}), HasSubstr("cannot be run: No such file or directory"));
  EXPECT_THAT(refusal({"no-such-program"}), HasSubstr("cannot be run"));
}

TEST(Zygote, WritesWhereItsPlacesAre) {
  auto wanted = options();
  wanted.sites_file = testing::TempDir() + "sites";
  const auto executor = started(wanted);
  const auto text = read_file(wanted.sites_file);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(std::ranges::count(*text, '\n'), 32 + 4 + 1);
  EXPECT_THAT(*text, testing::EndsWith("end\n"));
}

}  // namespace
}  // namespace isobar::fuzz
