#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <thread>

#include "afl_greeting.h"
#include "base/file.h"
#include "fuzz/executor.h"

namespace isobar::fuzz {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

const std::string kBuilt = ISOBAR_BINARY_DIR "/fuzz/";

ExecutorOptions stub(const std::string& how) {
  ExecutorOptions made;
  made.command = {kBuilt + "fuzz_afl_stub", how};
  made.timeout = 600ms;
  made.memory_bytes = 64 << 20;
  return made;
}
std::unique_ptr<Executor> afl_started(const ExecutorOptions& wanted) {
  auto executor = start_afl(wanted);
  CHECK(executor.ok(), executor.error().message());
  return std::move(*executor);
}

struct AflRun {
  Outcome outcome;
  std::map<std::uint32_t, std::uint64_t> blocks;
};
std::vector<AflRun> run_all(Executor& executor, const std::vector<std::string>& texts, const RunOptions& how = {.all_features = true}) {
  std::vector<ByteView> inputs;
  for (const std::string& text : texts) inputs.emplace_back(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  std::vector<AflRun> runs;
  const Status ran = executor.run(inputs, how, [&](std::size_t, const Outcome& outcome) {
    runs.push_back({outcome, {}});
    for (const Feature& feature : outcome.features) runs.back().blocks[feature.key] = feature.value;
  });
  EXPECT_TRUE(ran.ok()) << ran.error().message();
  runs.resize(texts.size());
  return runs;
}

// ---- the greeting, word by word ----

std::string conversation(std::vector<std::uint32_t> words) {
  AflGreeting greeting;
  std::string told;
  for (const std::uint32_t word : words) {
    auto step = greeting.hear(word);
    if (!step.ok()) return told + step.error().message();
    for (;; step = greeting.next()) {
      if (const auto* answer = std::get_if<AflGreeting::Answer>(&*step)) told += "say " + std::to_string(answer->word) + "; ";
      else if (const auto* skip = std::get_if<AflGreeting::Skip>(&*step)) told += "skip " + std::to_string(skip->bytes) + "; ";
      else break;
    }
    if (const auto* agreed = std::get_if<AflAgreement>(&*step))
      return told + std::to_string(agreed->map_bytes) + (agreed->shared_inputs ? " shared" : "");
  }
  return told + "…";
}

TEST(AflGreeting, OfEachGeneration) {
  EXPECT_EQ(conversation({0}), "65536");
  EXPECT_EQ(conversation({1234}), "65536");
  EXPECT_EQ(conversation({0x80000001 | 0x40000000 | 7224 << 1}), "7225");
  EXPECT_EQ(conversation({0x80000001 | 0x40000000 | 0x01000000 | 99 << 1}), "say 2164260865; 100 shared");
  EXPECT_EQ(conversation({0x80000001 | 0x40000000 | 0x10000000 | 99 << 1}), "say 2147483649; 100");
  EXPECT_EQ(conversation({0x80000001 | 0x40000000 | 0x0f000000 | 99 << 1}), "100") << "four bits that some releases set for nothing";
  const std::uint32_t first = 0x41464c01;
  EXPECT_EQ(conversation({first, 0, first}), "say 3199841278; 65536");
  EXPECT_EQ(conversation({first, 3, 5000, first}), "say 3199841278; 5000 shared");
  EXPECT_EQ(conversation({first, 0x801, 5000, 77, first}), "say 3199841278; skip 77; 5000");
}

TEST(AflGreeting, ThatIsRefusedOrMakesNoSense) {
  EXPECT_THAT(conversation({0xeffe0001}), HasSubstr("its map is larger"));
  EXPECT_THAT(conversation({0xf800008f | 8 << 8}), HasSubstr("cannot attach"));
  EXPECT_THAT(conversation({0x41464c01, 1, 100u << 20}), HasSubstr("a map of 104857600 bytes"));
  EXPECT_THAT(conversation({0x41464c01, 0x800, 0xffffffff}), HasSubstr("a dictionary of 4294967295 bytes"));
  EXPECT_THAT(conversation({0x41464c01, 0, 1}), HasSubstr("does not end its greeting as it began it"));
}

// ---- stubs of every generation: nautilus#65 ----

class AflGenerations : public testing::TestWithParam<const char*> {};

TEST_P(AflGenerations, RunSurviveAndGoOn) {
  const auto executor = afl_started(stub(GetParam()));
  EXPECT_EQ(executor->shape().blocks, std::string_view(GetParam()) == "plain" ? 65536U : 1024U)
      << "AFLplusplus#1500, #2223: one size, rounded once";
  const auto runs = run_all(*executor, {"b\1\2\2", "", "C", "b\5", "L", "b\5", "E", "b\5", "M", "b\5", "Z", "b\5"});
  EXPECT_THAT(runs[0].blocks, ElementsAre(Pair(1, 1), Pair(2, 2)));
  EXPECT_THAT(runs[1].blocks, IsEmpty());
  EXPECT_EQ(runs[2].outcome.ending, Ending::kCrash);
  EXPECT_EQ(runs[2].outcome.signal, SIGSEGV);
  EXPECT_THAT(runs[2].blocks, ElementsAre(Pair(6, 1)));
  EXPECT_EQ(runs[4].outcome.ending, Ending::kTimeout);
  EXPECT_THAT(runs[4].blocks, ElementsAre(Pair(9, 1)));
  EXPECT_EQ(runs[6].outcome.ending, Ending::kOk) << "what a program exits with is its own affair";
  EXPECT_EQ(runs[8].outcome.ending, Ending::kMemory) << name_of(runs[8].outcome.ending);
  EXPECT_NE(runs[10].outcome.ending, Ending::kOk) << "the fork server died";
  for (const std::size_t place : {3U, 5U, 7U, 9U, 11U}) EXPECT_THAT(runs[place].blocks, ElementsAre(Pair(5, 1))) << place;
  EXPECT_EQ(executor->starts(), 2U);
}
INSTANTIATE_TEST_SUITE_P(EachGreeting, AflGenerations,
                         testing::Values("plain", "old", "old-shared", "new", "new-shared", "new-dictionary"));

TEST(Afl, ListsFeaturesOfNovelRunsAlone) {
  const auto executor = afl_started(stub("old-shared"));
  Aggregates aggregates(executor->shape(), executor->aggregates());
  std::vector<Feature> features;
  const std::string text = "b\1";
  const ByteView input(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  const auto novel = [&] {
    bool is = false;
    EXPECT_TRUE(executor
                    ->run({&input, 1}, {},
                          [&](std::size_t, const Outcome& outcome) {
                            is = outcome.novel;
                            features.assign(outcome.features.begin(), outcome.features.end());
                            EXPECT_EQ(outcome.features.empty(), !outcome.novel);
                          })
                    .ok());
    aggregates.add(features);
    return is;
  };
  EXPECT_TRUE(novel());
  EXPECT_FALSE(novel());
}

TEST(Afl, TargetsThatDoNotGreetAreRefusedWithAReason) {
  const auto refusal = [](const std::string& how) {
    auto executor = start_afl(stub(how));
    return executor.ok() ? std::string("it was taken") : executor.error().message();
  };
  EXPECT_THAT(refusal("error"), HasSubstr("its map is larger"));
  EXPECT_THAT(refusal("dies"), HasSubstr("signal 6"));
  EXPECT_THAT(refusal("babbles"), HasSubstr("does not end its greeting"));
  EXPECT_THAT(refusal("unfinished"), AllOf(HasSubstr("exit code 3"), HasSubstr("Was it built by a compiler of AFL's?")));
  EXPECT_THAT(refusal("huge"), HasSubstr("a map of 104857600 bytes"));
  EXPECT_THAT(start_afl([] {
                ExecutorOptions made;
                made.command = {"/no/such"};
                return made;
              }())
                  .error()
                  .message(),
              HasSubstr("cannot be run"));
}

TEST(Afl, TooLargeAnInputIsRefusedAndEmptyOnesAreNot) {
  const auto executor = afl_started(stub("old-shared"));
  const std::string large((1 << 20) + 1, 'b');
  const ByteView input(reinterpret_cast<const std::uint8_t*>(large.data()), large.size());
  EXPECT_THAT(executor->run({&input, 1}, {}, [](std::size_t, const Outcome&) {}).error().message(), HasSubstr("targets take 1048576"));
  const std::string most(1 << 20, 'b');
  EXPECT_EQ(run_all(*executor, {most})[0].outcome.ending, Ending::kOk);
}

// ---- our own targets, which speak it, too ----

TEST(Afl, OurOwnTargetsSpeakIt) {
  ExecutorOptions wanted;
  wanted.command = {kBuilt + "fuzz_scripted_harness"};
  wanted.timeout = 300ms;
  const auto executor = afl_started(wanted);
  EXPECT_EQ(executor->shape().blocks, 64U);
  const auto runs = run_all(*executor, {"b\1\1", "C", "b\2", "L", "b\1\1"});
  EXPECT_EQ(runs[1].outcome.ending, Ending::kCrash);
  EXPECT_EQ(runs[3].outcome.ending, Ending::kTimeout);
  EXPECT_EQ(runs[0].outcome.hash, runs[4].outcome.hash);
  EXPECT_NE(runs[0].outcome.hash, runs[2].outcome.hash);
}

TEST(StartTarget, KnowsWhatAFileWasBuiltFor) {
  ExecutorOptions wanted;
  wanted.command = {kBuilt + "fuzz_scripted_harness"};
  EXPECT_EQ((*start_target(wanted))->shape().blocks, 32U) << "isobar's own protocol, with its domains";
  EXPECT_EQ((*start_target(stub("new")))->shape().blocks, 1024U);
  const auto refusal = [&](const std::string& path) {
    wanted.command = {path};
    return start_target(wanted).error().message();
  };
  EXPECT_THAT(refusal("/bin/true"), HasSubstr("was not built to be fuzzed: build it with isobar-cc"));
  EXPECT_THAT(refusal("/no/such/file"), HasSubstr("/no/such/file"));
  const std::string script = testing::TempDir() + "isobar-script";
  std::ofstream(script) << "#!/bin/sh\nexec true\n";
  EXPECT_THAT(refusal(script), HasSubstr("is a script"));
}

// ---- AFL++ as Debian has it ----

bool is_here(const std::string& program) { return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0; }

class DebiansAfl : public testing::Test {
 protected:
  void SetUp() override {
    if (!is_here("afl-clang-fast")) GTEST_SKIP() << "afl-clang-fast of Debian's afl++ is not here";
    std::string pattern = testing::TempDir() + "isobar-afl-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  // A program with a main, or with AFL++'s driver a harness.
  std::string built(const std::string& source, const std::string& options = "") const {
    std::ofstream(folder_ / "target.c") << source;
    const std::string target = folder_ / "target";
    EXPECT_EQ(std::system(("AFL_QUIET=1 afl-clang-fast -O1 " + (folder_ / "target.c").string() + " " + options + " -o " + target +
                           " >/dev/null 2>&1")
                              .c_str()),
              0);
    return target;
  }

  static constexpr const char* kBody = R"(
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int one(const uint8_t* data, size_t size) {
  if (size > 0 && data[0] == 'C') abort();
  if (size > 0 && data[0] == 'L') for (;;) usleep(1000);
  if (size > 3 && data[1] == 'x') puts("x");
  return 0;
})";
  fs::path folder_;
};

TEST_F(DebiansAfl, ProgramsAndHarnessesRun) {
  const std::string body = kBody;
  const std::vector<std::pair<std::string, std::string>> targets = {
      {body + "int main(void) { uint8_t b[100]; return one(b, (size_t)read(0, b, 100)); }", ""},
      {body + "int LLVMFuzzerTestOneInput(const uint8_t* d, size_t n) { return one(d, n); }", "/usr/lib/afl/libAFLDriver.a -lstdc++"}};
  for (const auto& [source, options] : targets) {
    ExecutorOptions wanted;
    wanted.command = {built(source, options)};
    wanted.timeout = 300ms;
    auto executor = start_target(wanted);
    ASSERT_TRUE(executor.ok()) << executor.error().message();
    const auto runs = run_all(**executor, {"abcd", "axcd", "C", "abcd", "L", "axcd", ""});
    EXPECT_EQ(runs[2].outcome.ending, Ending::kCrash) << options;
    EXPECT_EQ(runs[2].outcome.signal, SIGABRT);
    EXPECT_EQ(runs[4].outcome.ending, Ending::kTimeout);
    EXPECT_EQ(runs[0].outcome.hash, runs[3].outcome.hash) << options;
    EXPECT_EQ(runs[1].outcome.hash, runs[5].outcome.hash);
    EXPECT_NE(runs[0].outcome.hash, runs[1].outcome.hash);
    EXPECT_EQ((*executor)->starts(), 1U);
  }
}

}  // namespace
}  // namespace isobar::fuzz
