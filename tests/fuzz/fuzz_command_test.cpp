#include <gmock/gmock.h>
#include <signal.h>

#include "base/child.h"
#include "cli.h"

namespace isobar::e2e {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

const std::string kTarget = ISOBAR_BINARY_DIR "/fuzz/fuzz_scripted_harness";
const std::string kForkedTarget = ISOBAR_BINARY_DIR "/fuzz/fuzz_scripted_program";
const std::map<std::string, std::string> kTame{{"SCRIPTED_TAME", "1"}};

class FuzzCommand : public CliTest {
 protected:
  std::string out() const { return (folder_ / "out").string(); }
  std::size_t files(const std::string& name) const {
    std::error_code ignored;
    return static_cast<std::size_t>(std::ranges::count_if(fs::directory_iterator(folder_ / "out" / name, ignored),
                                                          [](const auto& file) { return file.is_regular_file(); }));
  }
  Outcome campaign(const std::string& span, std::vector<std::string> more = {},
                   const std::map<std::string, std::string>& environment = kTame) {
    std::vector<std::string> words{"fuzz", "run", kTarget, "--out", out(), "--for", span};
    words.insert(words.end(), more.begin(), more.end());
    return run(words, environment);
  }
};

TEST_F(FuzzCommand, RunsGoesOnAndWritesAReport) {
  const Outcome first = campaign("1s", {"--corpus", write("seed", "s\1\2")});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.err, HasSubstr("the same command goes on"));
  const auto kept = files("inputs");
  EXPECT_GT(kept, 5U);
  const auto report = read_file(folder_ / "out" / "report.html");
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(*report, HasSubstr("\"name\":\"site\""));
  EXPECT_EQ(campaign("1s").exit_code, 0);
  EXPECT_GE(files("inputs"), kept);
}

TEST_F(FuzzCommand, SaysByItsExitCodeWhatCiAsksFor) {
  const std::string seed = write("seed", "C");
  EXPECT_EQ(campaign("300ms", {"--corpus", seed, "--fail-on", "crash", "--timeout", "100ms"}, {}).exit_code, 1);
  EXPECT_GE(files("crashes"), 1U);
  EXPECT_EQ(campaign("200ms", {"--fail-on", "crash"}).exit_code, 1);  // those of before count
}

TEST_F(FuzzCommand, RefusesWithTheMend) {
  EXPECT_THAT(run({"fuzz", "run", "/bin/true", "--out", out()}).err, HasSubstr("isobar-cc"));
  EXPECT_THAT(run({"fuzz", "run", "/no/such/target", "--out", out()}).err, HasSubstr("No such file"));
  EXPECT_THAT(campaign("1s", {"--goals", "mem"}).err, HasSubstr("isobar-cc --domains mem"));
  EXPECT_THAT(campaign("1s", {"--dictionary", write("words", "a\n")}).err, HasSubstr("line 1 of the dictionary"));
  EXPECT_THAT(campaign("1s", {"--corpus", "/no/such/folder"}).err, HasSubstr("there are no inputs at"));
  EXPECT_THAT(campaign("soon").err, HasSubstr("--for"));
}

TEST_F(FuzzCommand, LosesNothingByAKill) {
  for (int round = 0; round < 3; ++round) {
    const auto running = start({"fuzz", "run", kTarget, "--out", out()}, kTame);
    ASSERT_TRUE(eventually([&] { return files("inputs") > 3; }));
    running->signal(SIGKILL);
    running->wait();
    EXPECT_TRUE(eventually([&] { return node_processes("fuzz_scripted").empty(); }));
  }
  const auto kept = files("inputs");
  EXPECT_EQ(campaign("500ms").exit_code, 0);
  EXPECT_GE(files("inputs"), kept);
}

TEST_F(FuzzCommand, TwoWorkersWorkInOneFolder) {
  const Outcome both = campaign("3s", {"--jobs", "2", "--corpus", write("seed", "s\1\2")});
  EXPECT_EQ(both.exit_code, 0) << both.err;
  EXPECT_TRUE(fs::exists(folder_ / "out" / "state.2"));
}

TEST_F(FuzzCommand, SortsShowsAndShrinksInputs) {
  fs::create_directories(folder_ / "some");
  for (const char* text : {"Axxxx", "Ay", "Wxxxx", "b\1"}) ASSERT_TRUE(write_file(folder_ / "some" / text, text).ok());
  const std::string some = (folder_ / "some").string(), sarif = (folder_ / "crashes.sarif").string();
  const Outcome sorted = run({"fuzz", "triage", kTarget, "--inputs", some, "--out", out(), "--sarif", sarif});
  EXPECT_EQ(sorted.exit_code, 1);
  EXPECT_THAT(sorted.out, HasSubstr("SIGABRT < scripted_run\n  2 inputs"));
  EXPECT_THAT(sorted.out, HasSubstr("minimised to 1 bytes"));
  EXPECT_EQ(boost::json::parse(*read_file(sarif)).at("version").as_string(), "2.1.0");
  EXPECT_THAT(ok({"fuzz", "show", kTarget, "--inputs", (folder_ / "some" / "b\1").string()}), HasSubstr("perf (2 keys)"));
  ok({"fuzz", "minimize", kForkedTarget, "--input", (folder_ / "some" / "Wxxxx").string()});
  EXPECT_EQ(*read_file(folder_ / "some" / "Wxxxx.min"), "W");
}

TEST_F(FuzzCommand, TakesAndGivesCorpora) {
  fs::create_directories(folder_ / "afl" / "queue");
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(write_file(folder_ / "afl" / "queue" / ("id:" + std::to_string(i)), std::string("b") + static_cast<char>(i % 4)).ok());
  ok({"fuzz", "import", (folder_ / "afl").string(), "--out", out()});
  EXPECT_EQ(files("inputs"), 4U);
  ok({"fuzz", "cmin", kTarget, "--out", out(), "--to", (folder_ / "small").string()});
  ok({"fuzz", "export", "--out", out(), "--to", (folder_ / "back").string(), "--form", "afl"});
  EXPECT_TRUE(fs::exists(folder_ / "back" / "queue" / "id:000003"));
  EXPECT_THAT(ok({"fuzz", "coverage", kTarget, "--out", out(), "--lcov", (folder_ / "lines").string()}), HasSubstr("of      32 blocks"));
}

/// What the docs show, on a program of a stranger's: a domain of ten lines, and a planted crash.
TEST_F(FuzzCommand, FuzzesAProgramTowardsItsOwnDomain) {
  const std::string compiler = ISOBAR_BINARY_DIR "/fuzz/bin/isobar-cc", target = (folder_ / "table").string();
  const auto built = run_child({compiler, "-O2", "--domains", "cmp", "--domain-file", ISOBAR_SOURCE_DIR "/examples/fuzz/collisions.domain",
                                ISOBAR_SOURCE_DIR "/examples/fuzz/table.c", "-o", target},
                               "", 120s);
  if (!built.ok() || built->exit_code != 0)
    GTEST_SKIP() << "isobar-cc builds nothing here, so nothing is fuzzed: " << (built.ok() ? built->err : built.error().message());
  const Outcome ran = run({"fuzz", "run", target, "--out", out(), "--for", "2s"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr(", collisions "));
}

}  // namespace
}  // namespace isobar::e2e
