#include "fuzz/triage.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>

namespace isobar::fuzz {
namespace {

using testing::Field;
using testing::HasSubstr;
using testing::SizeIs;

TEST(CrashReport, OfAddressSanitizerIsReadWithItsFirstStackAlone) {
  const CrashReport report = read_crash_report(
      "INFO: x\n==12==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602 at pc 0x1\nREAD of size 1\n"
      "    #0 0x55aa in parse<int>(char const*) /src/a b.c:12:3\n    #1 0x55bb (/bin/target+0x1234) (BuildId: 00)\n    #2 0x1 in main\n\n"
      "freed by thread T0 here:\n    #0 0x7 in free\n",
      134, false);
  EXPECT_EQ(report.kind, "heap-buffer-overflow");
  ASSERT_THAT(report.frames, SizeIs(3));
  EXPECT_EQ(report.frames[1].module, "/bin/target");
  EXPECT_EQ(report.frames[1].offset, 0x1234U);
  EXPECT_EQ(report.frames[2].function, "main");
}

TEST(CrashReport, OfOursAndOfUndefinedBehaviourIsRead) {
  const CrashReport ours =
      read_crash_report("==isobar== signal 11\n    #0 (/t/target+0x10) parse_header\n    #1 (/t/target+0x20) \n", 139, false);
  EXPECT_EQ(ours.kind, "SIGSEGV");
  ASSERT_THAT(ours.frames, SizeIs(2));
  EXPECT_EQ(ours.frames[0].function, "parse_header");
  EXPECT_EQ(read_crash_report("a.c:3:1: runtime error: signed integer overflow: 2147483647 + 1 cannot\n", 134, false).kind,
            "undefined behaviour: signed integer overflow");
  EXPECT_EQ(read_crash_report("", 137, true).kind, "timeout");
  EXPECT_EQ(read_crash_report("", 3, false).kind, "exit code 3");
}

RC_GTEST_PROP(CrashReport, TakesWhateverATargetPrints, (std::string output)) {
  read_crash_report(output + "\n#0 0x (" + output, 139, false);
}

TEST(Signature, IsOfTheProgramsOwnFunctions) {
  CrashReport report{.kind = "SIGSEGV"};
  for (const char* name :
       {"__asan_memcpy", "abort", "deep<int>(char)", "deep<long>(char)", "middle(int) [clone .cold]", "outer.part.0", "main"})
    report.frames.push_back({.function = name});
  EXPECT_EQ(signature(report), "SIGSEGV < deep < middle < outer");
  EXPECT_EQ(signature({.kind = "timeout", .frames = {{.module = "/a/target", .offset = 16}}}), "timeout < target+0x10");
}

TEST(Minimized, LeavesWhatIsNeededAlone) {
  const Bytes input{'x', 'x', 'A', 'y', 'y', 'y', 'B', 'z', 'q'};
  const auto result = minimized(
      input,
      [](ByteView bytes) -> Result<bool> {
        const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        const auto a = text.find('A');
        return a != std::string_view::npos && text.find('B', a) != std::string_view::npos && text.size() >= 3;
      },
      1000);
  EXPECT_EQ(*result, (Bytes{'A', 'B', '0'}));
}

TEST(Minimized, AsksNoMoreOftenThanItMay) {
  std::size_t asked = 0;
  const auto result = minimized(
      Bytes(1000, 'a'), [&](ByteView) -> Result<bool> { return ++asked, false; }, 50);
  EXPECT_EQ(result->size(), 1000U);
  EXPECT_EQ(asked, 50U);
}

class Triaging : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "triage-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  void TearDown() override { fs::remove_all(path_); }
  fs::path put(const std::string& content) {
    const fs::path path = path_ / std::to_string(++count_);
    EXPECT_TRUE(write_file(path, content, Durability::kCache).ok());
    return path;
  }
  fs::path path_;
  int count_ = 0;
};

TEST_P(Triaging, GroupsByWhereItDiedAndMinimisesOneOfEach) {
  const bool harness = std::string_view(GetParam()) == "harness";
  ExecutorOptions target;
  target.command = {ISOBAR_BINARY_DIR "/fuzz/fuzz_scripted_" + std::string(GetParam())};
  target.timeout = 300ms;
  auto executor = start_zygote(target);
  ASSERT_TRUE(executor.ok());
  std::vector<fs::path> inputs;
  for (const char* text : {"Axxxxxxx", "Ayyy", "Wxxxxxxxxxxxxxxx", "W", "b", "Czzz", "L"}) inputs.push_back(put(text));
  const auto found = triage(inputs, Replayer(target.command, 300ms, harness), **executor, {.tries = 100, .into = path_ / "minimized"});
  ASSERT_TRUE(found.ok()) << found.error().message();
  ASSERT_THAT(found->groups, SizeIs(3));
  EXPECT_EQ(found->groups[0].inputs.size(), 3U);
  EXPECT_THAT(found->vanished, testing::ElementsAre(inputs[4]));
  for (const CrashGroup& group : found->groups) {
    EXPECT_THAT(group.signature, HasSubstr("scripted_run")) << triage_text(*found);
    const bool timeout = group.report.kind == "timeout";
    EXPECT_EQ(group.minimized_bytes, timeout ? 0U : 1U) << group.signature;
  }
  const auto sarif = boost::json::parse(triage_sarif(*found, "1")).as_object();
  EXPECT_EQ(sarif.at("runs").at(0).at("results").as_array().size(), 3U);
  EXPECT_THAT(std::string(sarif.at("runs")
                              .at(0)
                              .at("results")
                              .at(0)
                              .at("locations")
                              .at(0)
                              .at("physicalLocation")
                              .at("artifactLocation")
                              .at("uri")
                              .as_string()),
              HasSubstr("scripted.c"));
}
INSTANTIATE_TEST_SUITE_P(HarnessesAndPrograms, Triaging, testing::Values("harness", "program"));

}  // namespace
}  // namespace isobar::fuzz
