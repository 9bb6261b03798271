#include <gmock/gmock.h>

#include <fstream>
#include <map>

#include "base/file.h"
#include "command.h"
#include "invocation.h"
#include "linked_file.h"
#include "plugin_text.h"

namespace isobar::fuzz {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Environment = std::map<std::string, std::string>;

Result<Invocation> try_read(std::vector<std::string> arguments, const Environment& environment = {}) {
  return read_invocation(arguments, [&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  });
}
Invocation read(std::vector<std::string> arguments, const Environment& environment = {}) {
  auto result = try_read(std::move(arguments), environment);
  EXPECT_TRUE(result.ok()) << result.error().message();
  return *result;
}
std::string error_of(std::vector<std::string> arguments) {
  const auto result = try_read(std::move(arguments));
  return result.ok() ? "none" : result.error().message();
}

TEST(Invocation, TakesItsOwnOptionsOutAndHandsTheRestOn) {
  const auto read_ =
      read({"--domains", "mem,cmp", "-O2", "--domains=slow,mem,slow", "-c", "a.c", "-o", "b.o", "--allocator", "f:0", "--allocator=g:1:0"});
  EXPECT_THAT(read_.passed, ElementsAre("-O2", "-c", "a.c", "-o", "b.o"));
  EXPECT_THAT(read_.own.domains, ElementsAre("mem", "slow"));
  EXPECT_THAT(read_.own.allocators, ElementsAre("f:0", "g:1:0"));
  EXPECT_EQ(read_.output, "b.o");
  EXPECT_EQ(read_.source, "a.c");
  EXPECT_FALSE(read_.links);
}

TEST(Invocation, KnowsWhenItLinks) {
  EXPECT_TRUE(read({"a.c"}).links);
  EXPECT_TRUE(read({"a.o", "-Lx", "-L", "y", "-o", "p"}).links);
  EXPECT_TRUE(read({"a.o", "-shared"}).shared);
  for (const char* stop : {"-c", "-S", "-E", "-fsyntax-only", "-r", "-M", "-MM"}) EXPECT_FALSE(read({stop, "a.c"}).links) << stop;
  for (const auto& asks : {std::vector<std::string>{"--version"}, {"-v"}, {"-print-search-dirs"}, {"-dumpmachine"}})
    EXPECT_FALSE(read(asks).links);
  EXPECT_FALSE(read({"a.o", "libb.a", "c.so.1.2", "-o", "p"}).has_sources);
  EXPECT_TRUE(read({"-x", "c", "-", "-o", "p"}).has_sources);
  // A file that follows an option belongs to it.
  EXPECT_FALSE(read({"-include", "a.c", "-MF", "b.c", "-isystem", "c.c"}).has_inputs);
}

TEST(Invocation, UnderstandsWhatBuildsSayForLibFuzzer) {
  EXPECT_THAT(read({"-fsanitize=fuzzer", "a.c"}).passed, ElementsAre("a.c"));
  EXPECT_THAT(read({"-fsanitize=address,fuzzer-no-link,undefined", "a.c"}).passed, ElementsAre("-fsanitize=address,undefined", "a.c"));
  EXPECT_THAT(read({"-fsanitize-coverage=trace-pc-guard", "-flto=thin", "a.c"}).passed, ElementsAre("a.c"));
}

TEST(Invocation, LetsSharedLibrariesHaveTheirHooksFromTheProgram) {
  EXPECT_THAT(read({"-shared", "-Wl,--no-undefined", "-Wl,-z,defs", "-Wl,-z,now,-z,defs,--as-needed", "-z", "defs", "a.o"}).passed,
              ElementsAre("-shared", "-Wl,-z,now,--as-needed", "a.o"));
}

TEST(Invocation, ReadsResponseFiles) {
  const fs::path file = fs::temp_directory_path() / ("isobar-response-" + std::to_string(getpid()));
  std::ofstream(file) << "-O1 \"a b.o\" c\\ d.o\n'-DX=\"y\"' -fsanitize=fuzzer\n-shared";
  const auto read_ = read({"@" + file.string(), "@/no/such/file"});
  fs::remove(file);
  EXPECT_THAT(read_.passed, ElementsAre("-O1", "a b.o", "c d.o", "-DX=\"y\"", "-shared", "@/no/such/file"));
  EXPECT_TRUE(read_.shared);
}

TEST(Invocation, TakesFromTheEnvironmentWhatBuildsDoNotHandOn) {
  const auto read_ = read(
      {"-c", "a.c"},
      {{"ISOBAR_CC_DOMAINS", "slow,cmp"}, {"ISOBAR_CC_CLANG", "clang-14"}, {"ISOBAR_CC_DIFF", "main"}, {"ISOBAR_CC_DOMAIN_FILE", "a:b"}});
  EXPECT_THAT(read_.own.domains, ElementsAre("cmp", "diff", "slow"));
  EXPECT_EQ(read_.own.clang, "clang-14");
  EXPECT_THAT(read_.own.own_domains, ElementsAre("a", "b"));
  EXPECT_THAT(read({"--domains", "mem", "a.c"}, {{"ISOBAR_CC_DOMAINS", "slow"}}).own.domains, ElementsAre("mem"));
}

TEST(Invocation, RefusesWhatCannotBeAndSaysWhatCan) {
  EXPECT_EQ(error_of({"--domains", "slow,fast", "a.c"}),
            "there is no domain \"fast\"; there are slow, perf, mem, cmp, valid, diff, stack, recursion, loops, lock, io, log, and your "
            "own by --domain-file");
  EXPECT_THAT(error_of({"--domains", "diff", "a.c"}), HasSubstr("--diff RANGE"));
  EXPECT_THAT(error_of({"--allocator", "f", "a.c"}), HasSubstr("my_malloc:0"));
  EXPECT_THAT(error_of({"--allocator", "f:x", "a.c"}), HasSubstr("my_malloc:0"));
  EXPECT_EQ(error_of({"a.c", "--domains"}), "--domains needs a value");
}

TEST(ChangedLines, AreThoseOfTheNewSide) {
  EXPECT_EQ(changed_lines_of(R"(diff --git a/lib/a.c b/lib/a.c
index 1..2 100644
--- a/lib/a.c
+++ b/lib/a.c
@@ -3,0 +4,2 @@ int f()
+new
+lines
@@ -9 +11 @@
-old
+++ b/of a line
@@ -20,2 +22,0 @@
-gone
-gone
diff --git a/b.c b/b.c
--- a/b.c
+++ b/b.c
@@ -1 +1 @@
-x
+y
\ No newline at end of file
diff --git a/dead.c b/dead.c
--- a/dead.c
+++ /dev/null
@@ -1 +0,0 @@
-x
)"),
            "lib/a.c:4-5;lib/a.c:11-11;lib/a.c:22-23;b.c:1-1");
  EXPECT_EQ(changed_lines_of(""), "");
}

TEST(LinkedFile, RefusesWhatIsNoObject) {
  const fs::path file = fs::temp_directory_path() / ("isobar-object-" + std::to_string(getpid()));
  // A header whose sections lie beyond the end.
  std::string bytes("\177ELF\2\1\1", 7);
  bytes.resize(64, '\0');
  bytes[0x28] = '\x7f';
  bytes[0x3c] = 9;
  for (const std::string& content : {std::string(), std::string("text"), bytes, bytes.substr(0, 40)}) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
    EXPECT_FALSE(read_linked_file(file).ok());
  }
  fs::remove(file);
  const auto self = read_linked_file("/proc/self/exe");
  ASSERT_TRUE(self.ok());
  EXPECT_EQ(self->blocks, 0u);
  EXPECT_THAT(self->domains, IsEmpty());
}

TEST(Command, PutsTheRuntimeIntoProgramsAloneAndThePluginWhereThereIsSource) {
  const Toolchain toolchain{"clang", "p.so", "rt.a", "main.a", "inc"};
  const auto program = clang_command(read({"a.o", "-o", "p"}), toolchain, {});
  EXPECT_THAT(program, Contains("rt.a"));
  EXPECT_THAT(program, Not(Contains("-fpass-plugin=p.so")));
  const auto library = clang_command(read({"a.c", "-shared", "-o", "p"}), toolchain, {});
  EXPECT_THAT(library, Not(Contains("rt.a")));
  EXPECT_THAT(library, Contains("-fpass-plugin=p.so"));
  EXPECT_THAT(library, Contains("-gline-tables-only"));
  EXPECT_THAT(clang_command(read({"-g", "-c", "a.c"}), toolchain, {}), Not(Contains("-gline-tables-only")));
  EXPECT_THAT(clang_command(read({"-c", "a.c", "--launcher", "ccache"}), toolchain, {})[0], "ccache");
}

}  // namespace
}  // namespace isobar::fuzz
