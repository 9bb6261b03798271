/// Programs compiled by the wrapper itself, with each clang that is there, run with a driver that prints every value of a run.

#include <gmock/gmock.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"

namespace isobar::fuzz {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using testing::StartsWith;

const fs::path kTools = fs::path(ISOBAR_BINARY_DIR) / "fuzz";
const fs::path kSources = fs::path(ISOBAR_SOURCE_DIR) / "src/fuzz";
const fs::path kData = kSources / "compiler/testdata";

struct Ended {
  int status;
  std::string output;  ///< of both streams
};

Ended shell(const std::string& command) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(("(" + command + ") 2>&1").c_str(), "r"), pclose);
  std::string output;
  std::array<char, 4096> buffer;
  for (size_t length = 0; (length = fread(buffer.data(), 1, buffer.size(), pipe.get())) > 0;) output.append(buffer.data(), length);
  // What a failed test prints is to be read by people.
  if (output.size() > 20000) output.resize(20000);
  return {pclose(pipe.release()), output};
}

// The versions that have a clang and a plugin.
std::vector<int> versions() {
  std::vector<int> found;
  for (int version : {19, 16, 14})
    if (fs::exists(kTools / ("lib/isobar/fuzz/libisobar_fuzz_plugin_" + std::to_string(version) + ".so")) &&
        fs::exists("/usr/bin/clang-" + std::to_string(version)))
      found.push_back(version);
  return found;
}

#define SKIP_WITHOUT_CLANG() \
  if (versions().empty()) GTEST_SKIP() << "no clang 19, 16 or 14 with its llvm-N-dev is here: ./dev fuzz-tools installs one"

class Instrumentation : public testing::Test {
 protected:
  void SetUp() override {
    SKIP_WITHOUT_CLANG();
    std::string pattern = fs::temp_directory_path() / "isobar-fuzz-test-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }

  // The wrapper's command; the newest clang, if no version is named.
  static std::string compiler(bool cplusplus, int version = 0) {
    std::string command = (kTools / (cplusplus ? "bin/isobar-c++" : "bin/isobar-cc")).string();
    if (version != 0) command += std::string(" --clang clang") + (cplusplus ? "++-" : "-") + std::to_string(version);
    return command;
  }

  fs::path driver() {
    const fs::path object = folder_ / "driver.o";
    const std::string include = " -I" + (kSources / "target").string() + " -I" + (kSources / "target/include").string();
    if (!fs::exists(object)) {
      EXPECT_EQ(shell("cc -O1 -c" + include + " " + (kData / "driver.c").string() + " -o " + object.string()).output, "");
    }
    return object;
  }

  // Compiles a source and links it with the driver; the output of the compiler is in `said_`.
  fs::path build(const fs::path& source, const std::string& options, int version = 0) {
    const fs::path object = driver();
    const bool cplusplus = source.extension() == ".cpp";
    const fs::path program = folder_ / ("program" + std::to_string(++programs_));
    const Ended ended =
        shell(compiler(cplusplus, version) + " " + options + " " + source.string() + " " + object.string() + " -o " + program.string());
    said_ = ended.output;
    EXPECT_EQ(ended.status, 0) << ended.output;
    return program;
  }

  // The lines of each run that the driver prints, without blocks, by its input.
  static std::map<std::string, std::vector<std::string>> run(const fs::path& program, const std::string& inputs, bool logs = false) {
    const Ended ended = shell(std::string(logs ? "LOG=1 " : "") + program.string() + " " + inputs + " 2>/dev/null");
    EXPECT_EQ(ended.status, 0) << ended.output;
    std::map<std::string, std::vector<std::string>> runs;
    std::istringstream lines(ended.output);
    std::string input;
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("run ")) {
        input = line.substr(4, line.rfind(' ') - 4);
        runs[input].push_back("result " + line.substr(line.rfind(' ') + 1));
      } else if (!line.starts_with("block ")) {
        runs[input].push_back(line);
      }
    }
    return runs;
  }

  fs::path folder_;
  std::string said_;
  int programs_ = 0;
};

std::vector<std::string> of_domain(const std::vector<std::string>& lines, const std::string& domain) {
  std::vector<std::string> found;
  for (const std::string& line : lines)
    if (line.starts_with(domain + " ")) found.push_back(line.substr(domain.size() + 1));
  return found;
}

uint64_t value_of(const std::vector<std::string>& lines, const std::string& key) {
  for (const std::string& line : lines)
    if (line.starts_with(key + " ")) return std::stoull(line.substr(key.size() + 1));
  ADD_FAILURE() << key << " has no value";
  return 0;
}

// ---- compares ----

class Compares : public Instrumentation {
 protected:
  static std::vector<int> result_of(const std::string& program, const std::string& input) {
    return {std::stoi(run(program, "'" + input + "'").at(input).at(0).substr(7))};
  }
};

TEST_F(Compares, TellHowCloseTheyCameWithEachClang) {
  for (int version : versions()) {
    const auto program = build(kData / "compares.c", "-O1 --domains cmp", version);
    const auto values = of_domain(run(program, "'hexlo weeds'").at("hexlo weeds"), "cmp");
    EXPECT_THAT(values, IsSupersetOf({"ints:6 39", "ints:7 6", "ints:8 3", "ints:9 1", "ints:10 2", "ints:11 7", "texts:14 61",
                                      "texts:15 22", "texts:16 24", "texts:17 22", "texts:18 7"}))
        << version;
  }
}

TEST_F(Compares, AreLoggedWhetherTheDomainIsOnOrNot) {
  for (const char* options : {"-O1", "-O1 --domains cmp", "-O0"}) {
    const auto program = build(kData / "compares.c", options);
    const auto lines = run(program, "'hexlo weeds'", true).at("hexlo weeds");
    EXPECT_THAT(of_domain(lines, "log"), IsSupersetOf({"ints:6 940 6577206f6c786568 4142434445464748", "ints:8 a20 6c786568 7f000000",
                                                       "ints:9 e20 6c786568 fffffffb"}))
        << options;
    EXPECT_THAT(of_domain(lines, "text"), IsSupersetOf({"texts:14 900 hexlo we|MAGICXYZ", "texts:15 2900 hexlo weeds|hello world",
                                                        "texts:17 6900 hexlo weeds|HELLO", "texts:18 a900 lo weeds|needle"}))
        << options;
  }
}

TEST_F(Compares, WithoutTheDomainTouchNoKey) {
  const auto program = build(kData / "compares.c", "-O1");
  EXPECT_THAT(run(program, "'hexlo weeds'").at("hexlo weeds"), ElementsAre("result 16004"));
}

// fuzz.md 1.9, 3: the original takes the seventh byte of eight from a wrong place.
TEST_F(Compares, OfSixtyFourBitsCountEveryByte) {
  const auto source = write("bytes.c", R"(
#include <stdint.h>
#include <string.h>
int LLVMFuzzerTestOneInput(const uint8_t* p, size_t n) {
  uint64_t v;
  if (n < 8) return 0;
  memcpy(&v, p, 8);
  return v == 0x6867666564636261ull;
})");
  const auto program = build(source, "-O1 --domains cmp -include stddef.h");
  // One bit is wrong, in each byte in turn.
  for (const char* input : {"`bcdefgh", "accdefgh", "abbdefgh", "abceefgh", "abcddfgh", "abcdeggh", "abcdeffh", "abcdefgi"})
    EXPECT_THAT(of_domain(run(program, "'" + std::string(input) + "'").at(input), "cmp"), Contains("LLVMFuzzerTestOneInput:8 63")) << input;
  EXPECT_THAT(of_domain(run(program, "abcdefgh").at("abcdefgh"), "cmp"), Contains("LLVMFuzzerTestOneInput:8 64"));
}

// fuzz.md 1.9, 2 and 4: results keep their sign, and the original is called once.
TEST_F(Compares, LeaveTheProgramsResultsAsTheyWere) {
  const std::string text = R"(
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
static int calls;
int memcmp(const void* a, const void* b, size_t n) {
  ++calls;
  for (size_t i = 0; i < n; ++i)
    if (((const char*)a)[i] != ((const char*)b)[i]) return ((const uint8_t*)a)[i] < ((const uint8_t*)b)[i] ? -1 : 1;
  return 0;
}
static int order(const void* a, const void* b) { return memcmp(a, b, 2); }
static int texts(const void* a, const void* b) { return strcmp(a, b); }
int LLVMFuzzerTestOneInput(const uint8_t* p, size_t n) {
  char words[8][2];
  char names[4][4] = {"pear", "fig", "kiwi", "plum"};
  for (int i = 0; i < 4; ++i) names[i][3] = 0;
  if (n < 16) return 0;
  memcpy(words, p, 16);
  qsort(words, 8, 2, order);
  const int sorted = calls;
  const char* key = "mm";
  const int found = bsearch(key, words, 8, 2, order) != NULL;
  qsort(names, 4, 4, texts);
  const int signs = (strncmp("abc", (const char*)p, 2) < 0) + 2 * (strcasecmp((const char*)p, "A") > 0);
  return found + 10 * (words[0][0] == 'a') + 100 * (names[0][0] == 'f') + 1000 * signs + 10000 * (sorted < 30);
})";
  std::set<std::string> results;
  for (const char* options : {"-O0 -fno-builtin", "-O2 -fno-builtin --domains cmp"})
    results.insert(run(build(write("order.c", text), options), "zzyymmccbbaaqqpp").at("zzyymmccbbaaqqpp").at(0));
  EXPECT_THAT(results, ElementsAre("result 13111"));
}

TEST_F(Compares, ReadNoFurtherThanTheOriginalMay) {
  const auto source = write("edge.c", R"(
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
int LLVMFuzzerTestOneInput(const uint8_t* p, size_t n) {
  char* page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(page + 4096, 4096, PROT_NONE);
  char* end = page + 4096 - 4;  /* four bytes, no NUL behind them */
  memcpy(end, "abcd", 4);
  int r = strncmp(end, (const char*)p, 4) == 0;
  r += 2 * (memcmp(end, p, 4) == 0);
  r += 4 * (strcmp(end, "xyz") > 0);       /* differs at once */
  r += 8 * (memcmp(end, "abcdefgh", 4) == 0);
  return r;
})");
  const auto program = build(source, "-O1 -fno-builtin --domains cmp");
  EXPECT_EQ(run(program, "abcd", true).at("abcd").at(0), "result 11");
}

TEST_F(Compares, OfStdStringAreSeen) {
  const auto source = write("strings.cpp", R"(
#include <cstdint>
#include <string>
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* p, size_t n) {
  const std::string s((const char*)p, n);
  if (s == "first-text") return 1;
  if (s.find("within") != std::string::npos) return 2;
  if (s.compare("third-text") == 0) return 3;
  if (s == std::string("fourth")) return 4;
  return 0;
})");
  for (const char* options : {"-O0", "-O2"}) {
    const auto lines = run(build(source, options), "'firth with'", true).at("firth with");
    EXPECT_THAT(of_domain(lines, "text"),
                IsSupersetOf(std::vector<testing::Matcher<std::string>>{
                    testing::EndsWith("firth with|first-text"), testing::EndsWith("|within"), testing::EndsWith("firth with|third-text")}))
        << options;
  }
}

// ---- memory, calls, loops, traffic ----

class Domains : public Instrumentation {
 protected:
  // Once for each clang: the program that uses everything.
  fs::path program(int version) {
    return build(kData / "domains.cpp", "-O1 --domains mem,stack,recursion,loops,lock,io,log --allocator own_allocator:1", version);
  }
};

TEST_F(Domains, MeasureWithEachClangWhatTheyAreNamedFor) {
  for (int version : versions()) {
    SCOPED_TRACE(version);
    const auto runs =
        run(program(version),
            "malloc calloc realloc new aligned mapped strdup huge own live fibonacci throws deep deeper turns waits io tells nothing");
    const auto sites = [&](const char* input, const char* domain) { return of_domain(runs.at(input), domain); };
    EXPECT_THAT(sites("malloc", "mem"), ElementsAre("_ZL9by_mallocm:27 3000"));
    EXPECT_THAT(sites("malloc", "mem.largest"), ElementsAre("_ZL9by_mallocm:27 1000"));
    EXPECT_THAT(sites("calloc", "mem"), ElementsAre("_ZL9by_callocm:33 700"));
    EXPECT_THAT(sites("realloc", "mem"), ElementsAre("_ZL10by_reallocm:38 10", "_ZL10by_reallocm:40 300", "_ZL10by_reallocm:42 5000"));
    EXPECT_THAT(sites("new", "mem"), ElementsAre("_ZL6by_newm:47 77", "_ZL6by_newm:50 4"));
    EXPECT_THAT(sites("aligned", "mem"), ElementsAre("_ZL7alignedm:55 640", "_ZL7alignedm:56 128"));
    EXPECT_THAT(sites("mapped", "mem"), ElementsAre("_ZL6mappedm:61 12288"));
    EXPECT_THAT(sites("strdup", "mem"), ElementsAre("_ZL7doubledPKc:66 13"));
    EXPECT_THAT(sites("huge", "mem"), ElementsAre("_ZL4hugev:71 21474836480"));
    EXPECT_THAT(sites("own", "mem"), ElementsAre("_ZL6by_ownm:79 4321"));
    EXPECT_THAT(sites("nothing", "mem"), ElementsAre());
    EXPECT_GE(value_of(runs.at("live"), "mem.peak 0"), 300000u);
    EXPECT_LT(value_of(runs.at("live"), "mem.peak 0"), 310000u);
    EXPECT_LT(value_of(runs.at("malloc"), "mem.peak 0"), 1100u);
    EXPECT_THAT(sites("fibonacci", "recursion"), ElementsAre(StartsWith("_ZL9fibonaccii:")));
    EXPECT_THAT(sites("deep", "recursion"), ElementsAre("_ZL4deepi:92 11"));
    EXPECT_THAT(sites("deeper", "recursion"), ElementsAre("_ZL4deepi:92 21"));
    EXPECT_GE(value_of(runs.at("deeper"), "stack 0"), 20000u);
    EXPECT_LT(value_of(runs.at("deep"), "stack 0"), 20000u);
    EXPECT_THAT(sites("turns", "loops"), ElementsAre("_ZL5turnsii:101 9", "_ZL5turnsii:100 4"));
    EXPECT_THAT(sites("io", "io"), ElementsAre("_ZL16reads_and_writesPKc:116 17", "_ZL16reads_and_writesPKc:117 17",
                                               "_ZL16reads_and_writesPKc:120 10", "_ZL16reads_and_writesPKc:121 6"));
    EXPECT_THAT(sites("tells", "log"), ElementsAre("_ZL5tellsi:125 6", "_ZL5tellsi:126 1"));
    ASSERT_EQ(sites("waits", "lock").size(), 1u);
    const std::string waited = sites("waits", "lock")[0];
    EXPECT_GE(std::stoull(waited.substr(waited.rfind(' ') + 1)), 1000000u) << "nanoseconds";
  }
}

TEST_F(Domains, RecursionThatEndsByAnExceptionIsNotKept) {
  const auto program = build(kData / "domains.cpp", "-O0 --domains recursion");
  EXPECT_THAT(of_domain(run(program, "throws").at("throws"), "recursion"), Contains("_ZL11throws_deepi:88 6"));
}

TEST_F(Domains, WorkUnderAddressSanitizer) {
  const auto program = build(kData / "domains.cpp", "-O1 -fsanitize=address,undefined --domains mem,cmp,stack,loops,io,log");
  const auto runs = run(program, "malloc realloc new live deep io");
  EXPECT_THAT(of_domain(runs.at("malloc"), "mem"), ElementsAre("_ZL9by_mallocm:27 3000"));
  EXPECT_GE(value_of(runs.at("live"), "mem.peak 0"), 300000u);
}

TEST_F(Domains, AnOperatorNewOfTheProgramsOwnIsNoBlockOfMallocs) {
  const auto source = write("own_new.cpp", R"(
#include <cstdint>
#include <cstdlib>
#include <new>
static char arena[1 << 16];
static size_t used;
__attribute__((noinline)) void* operator new(size_t n) { void* p = arena + used; used += n; return p; }
void operator delete(void*) noexcept {}
void operator delete(void*, size_t) noexcept {}
struct Node { Node* next; char odd[3]; };
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* p, size_t n) {
  for (size_t i = 0; i < n; ++i) { auto* node = new Node; asm volatile("" : : "r"(node) : "memory"); delete node; }
  return 0;
})");
  const auto lines = run(build(source, "-O1 --domains mem"), "abc").at("abc");
  EXPECT_THAT(of_domain(lines, "mem"), ElementsAre("LLVMFuzzerTestOneInput:12 48"));
  EXPECT_THAT(of_domain(lines, "mem.peak"), ElementsAre());
}

// ---- blocks ----

class Blocks : public Instrumentation {};

// What each clang makes of one file, so that a change of the pass is seen. The numbers of blocks follow the optimiser's versions.
TEST_F(Blocks, AndSitesAreAsManyAsBefore) {
  const std::map<int, std::string> unoptimised = {{19, "blocks 31, cmp 16"}, {16, "blocks 31, cmp 16"}, {14, "blocks 31, cmp 16"}};
  for (int version : versions()) {
    build(kData / "compares.c", "-O0 --domains cmp --list-sites", version);
    EXPECT_THAT(said_, HasSubstr(unoptimised.at(version))) << version;
  }
}

TEST_F(Blocks, ThatNeedNoCounterHaveNoneUnlessCountsAreAskedFor) {
  const auto source = write("diamond.c", R"(
#include <stdint.h>
#include <stddef.h>
int g;
int LLVMFuzzerTestOneInput(const uint8_t* p, size_t n) {
  if (n > 3) g += p[0];
  else g -= 1;
  for (size_t i = 0; i < n; ++i) if (p[i] == 'a') g++;
  return 0;
})");
  // The loop's head runs whenever one of its two successors does; only their counts together are its own.
  EXPECT_THAT(shell(build(source, "-O0").string() + " bananaaa").output, Not(HasSubstr(":8 9\n")));
  const auto runs = run(build(source, "-O0 --domains perf"), "bananaaa");
  EXPECT_THAT(of_domain(runs.at("bananaaa"), "perf"),
              IsSupersetOf({"LLVMFuzzerTestOneInput:5 1", "LLVMFuzzerTestOneInput:8 9", "LLVMFuzzerTestOneInput:8 5"}));
}

// png_check_IHDR of libpng is one chain of them: without counters it is a wall.
TEST_F(Blocks, ChoicesWithoutABranchAreCountedByTheirOutcome) {
  const auto source = write("chain.c", R"(
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t* p, size_t n) {
  int error = 0;
  if (p[0] > 'm') error = 5;
  if (p[1] == 'x') error = 2;
  if (p[2] < 'c') error = 3;
  int least = p[0] < p[1] ? p[0] : p[1];
  return error + 10 * (least == 7);
})");
  for (const char* options : {"-O2", "-O2 --domains perf"}) {
    for (int version : versions()) {
      if (version != versions().front() && std::string(options) != "-O2") continue;
      const auto program = build(source, std::string(options) + " --list-sites", version);
      const auto blocks = [&](const std::string& input) { return shell(program.string() + " " + input + " | grep ^block").output; };
      const std::set<std::string> seen = {blocks("aaz"), blocks("zaz"), blocks("axz"), blocks("aaa"), blocks("zxa")};
      EXPECT_EQ(seen.size(), 5u) << options << version << said_;
    }
  }
}

TEST_F(Blocks, CountersGoFromTheirGreatestToOne) {
  const auto source = write("many.c", R"(
#include <stdint.h>
#include <stddef.h>
volatile int g;
int LLVMFuzzerTestOneInput(const uint8_t* p, size_t n) {
  for (size_t i = 0; i < 256 * (n - 1) + 200; ++i) g = g + 1;
  return 0;
})");
  const auto program = build(source, "-O1");
  // The loop goes back 199 and 455 times; 255 of these bring a counter back to where it was, not to 0.
  EXPECT_THAT(shell(program.string() + " a ab").output, AllOf(HasSubstr(":6 199\n"), HasSubstr(":6 200\n"), Not(HasSubstr(":6 0\n"))));
}

TEST_F(Blocks, OfTemplatesInSeveralObjectsAndOfLibrariesKeepTheirOrder) {
  const auto header =
      write("twice.h", "template <class T> __attribute__((noinline)) T twice(T x) { if (x > T(3)) return x * 2; return x; }\n");
  const auto library = write("lib.cpp",
                             "#include \"twice.h\"\nint in_library(int x) { return x > 90 ? twice(x) : 7; }\nint unused(int x) { return x "
                             "> 1 ? twice(x) : 2; }\n");
  const auto other =
      write("other.cpp",
            "#include \"twice.h\"\nint other(int x) { return twice(x) + 1; }\nint unused_too(int x) { return x == 4 ? other(x) : 2; }\n");
  const auto harness = write("main.cpp", R"(#include "twice.h"
#include <cstddef>
#include <cstdint>
int other(int);
int in_library(int);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* p, size_t n) { return twice((int)p[0]) + other(p[0]) + in_library(p[0]); })");
  driver();
  for (int version : versions()) {
    for (const char* options : {"-O1", "-O2 -ffunction-sections -Wl,--gc-sections", "-O1 -fuse-ld=mold -Wl,--gc-sections -Wl,--icf=all"}) {
      if (version != versions().front() && std::string(options) != "-O1") continue;
      const std::string cxx = compiler(true, version) + " " + options + " --domains perf,mem";
      const std::string in = "cd " + folder_.string() + " && ";
      const Ended made = shell(in + cxx + " -shared -fPIC -Wl,--no-undefined lib.cpp -o libit.so && " + cxx +
                               " main.cpp other.cpp driver.o -L. -lit -Wl,-rpath,. -o it");
      ASSERT_EQ(made.status, 0) << options << "\n" << made.output;
      const std::string output = shell(in + "./it a").output;
      for (const char* expected : {"block LLVMFuzzerTestOneInput:6 1\n", "block _Z5otheri:2 1\n", "block _Z10in_libraryi:2 1\n"})
        EXPECT_THAT(output, HasSubstr(expected)) << options;
      EXPECT_THAT(output, Not(HasSubstr("unused"))) << options;
      EXPECT_THAT(output, HasSubstr("perf _Z5twiceIiET_S0_:1 ")) << options;
    }
  }
}

// ---- what programs say themselves ----

class ProgramDomains : public Instrumentation {};

TEST_F(ProgramDomains, AreRecordedWithTheWrapperAndNothingWithoutIt) {
  const auto source = write("own.c", R"(
#include <isobar/fuzz.h>
ISOBAR_FUZZ_DOMAIN(lengths, "lengths", 8, ISOBAR_FUZZ_MAX, ISOBAR_FUZZ_REDUCER_MAX);
ISOBAR_FUZZ_DOMAIN(lowest, "lowest", 1, ISOBAR_FUZZ_MIN, ISOBAR_FUZZ_REDUCER_MIN);
int LLVMFuzzerTestOneInput(const uint8_t* p, size_t n) {
  (void)p, (void)n;
  ISOBAR_FUZZ_RECORD(lengths, 5, n);
  ISOBAR_FUZZ_RECORD(lengths, 5, n / 2);
  ISOBAR_FUZZ_RECORD(lowest, 0, p[0]);
  for (size_t i = 0; i < n; ++i) ISOBAR_FUZZ_STATE(p[i] - 'a');
  ISOBAR_FUZZ_ASSUME(p[0] == 'a', 17);
  return 3;
})");
  for (const char* language : {"", "-x c++ -Dextern=extern -include cstddef"}) {
    const auto path = *language == 0 ? source : write("own.cpp", "extern \"C\" {\n" + *read_file(source) + "\n}");
    const auto runs = run(build(path, "-O1 --domains valid"), "abab bcde");
    EXPECT_THAT(runs.at("abab"), IsSupersetOf({"result 3", "lengths 5 4", "lowest 0 97", "state 0 2", "state 1 2"}));
    EXPECT_EQ(of_domain(runs.at("abab"), "state.step").size(), 3u) << "begin to a, a to b, b to a";
    EXPECT_THAT(runs.at("abab"), Not(Contains("invalid")));
    EXPECT_THAT(runs.at("bcde"), IsSupersetOf({"result 17", "invalid"}));
  }
  const std::string plain = (folder_ / "plain").string();
  write("main.c",
        "#include \"own.c\"\nint main(void) { return LLVMFuzzerTestOneInput((const uint8_t*)\"a\", 1) - 3 + (LLVMFuzzerTestOneInput((const "
        "uint8_t*)\"b\", 1) - 3); }");
  EXPECT_EQ(shell("cc -Wall -Wextra -Werror -I " + (kSources / "target/include").string() + " " + (folder_ / "main.c").string() + " -o " +
                  plain + " && " + plain)
                .output,
            "");
}

TEST_F(ProgramDomains, FunctionsOfOtherLanguagesLinkWithTheNoOps) {
  const auto source = write("foreign.c", R"(
#include <stddef.h>
#include <stdint.h>
void* isobar_fuzz_domain_new(const char*, uint32_t, int, int);
void isobar_fuzz_record(void*, uint64_t, uint64_t);
int isobar_fuzz_assume(int);
void isobar_fuzz_state(uint64_t);
int main(void) { void* d = isobar_fuzz_domain_new("x", 1, 0, 0); isobar_fuzz_record(d, 1, 2); isobar_fuzz_state(4); return !isobar_fuzz_assume(5); })");
  const std::string program = (folder_ / "foreign").string();
  EXPECT_EQ(shell("cc " + source.string() + " " + (kTools / "lib/isobar/fuzz/libisobar_fuzz_noop.a").string() + " -o " + program + " && " +
                  program)
                .output,
            "");
}

TEST_F(ProgramDomains, OfFuzzFactoryCompileUnchanged) {
  const auto source = write("demo.c", R"(
#include "waypoints.h"
#include <stddef.h>
FUZZFACTORY_DSF_NEW(bits, 10, FUZZFACTORY_REDUCER_MAX, 0);
FUZZFACTORY_DSF_NEW(sums, 4, FUZZFACTORY_REDUCER_LOG_BUCKET, 0);
FUZZFACTORY_DSF_NEW(flags, 4, FUZZFACTORY_REDUCER_BIT_UNION, 0);
FUZZFACTORY_DSF_NEW(last, 4, FUZZFACTORY_REDUCER_MIN, 0xffffffff);
static int check(const uint8_t* p) { ASSUME_OR_RETURN(p[0] != 'z', 5); ASSUME1(p[0] != 'y'); return 1; }
int LLVMFuzzerTestOneInput(const uint8_t* p, size_t n) {
  FUZZFACTORY_DSF_MAX(bits, 13, n);
  FUZZFACTORY_DSF_INC(sums, 0, 2);
  FUZZFACTORY_DSF_INC(sums, 0, 0x80000000u);
  FUZZFACTORY_DSF_BIT(flags, 1, 4);
  FUZZFACTORY_DSF_BIT(flags, 1, 1);
  FUZZFACTORY_DSF_SET(last, 2, 9);
  return check(p);
})");
  const auto runs = run(build(source, "-O1 --domains valid"), "abc z y");
  EXPECT_THAT(runs.at("abc"), IsSupersetOf({"bits 3 3", "sums 0 2147483650", "flags 1 5", "last 2 9", "result 1"}));
  EXPECT_THAT(runs.at("z"), IsSupersetOf({"invalid", "result 5"}));
  EXPECT_THAT(runs.at("y"), IsSupersetOf({"invalid", "result 1"}));
}

TEST_F(ProgramDomains, InTextAreCompiledByThePlugin) {
  const auto source = write("table.cpp", R"(#include <cstddef>
#include <cstdint>
namespace table { static int probe(const void* t, unsigned bucket) { return *(const char*)t + bucket; } }
static int parse(const uint8_t* p, size_t n) {
  int r = 0;
  for (size_t i = 0; i < n; ++i) r += table::probe(p, p[i] % 16);
  return n > 9 ? r : 3;
}
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* p, size_t n) { return parse(p, n) + parse(p, n / 2); })");
  const auto text = write("own.domain", R"(
domain collisions
  match call to table::probe
  key argument 1
  keys 4096
domain near
  match compare in parse
  value distance(left, right)
  op min
  reducer min
domain answers
  match return in parse
  value return value
  op max
domain loads
  match load in table::probe
  value size * (loaded + 1)
domain both
  match call to parse
  value argument 1 << 1 | return value % 2
  op set
)");
  for (int version : versions()) {
    const auto lines = run(build(source, "-O2 --domain-file " + text.string(), version), "aaaaabbq").at("aaaaabbq");
    EXPECT_THAT(lines, IsSupersetOf({"collisions 1 10", "collisions 2 2", "answers _ZL5parsePKhm:7 3", "loads _ZN5tableL5probeEPKvj:3 1176",
                                     "near _ZL5parsePKhm:7 1"}))
        << version;
    EXPECT_THAT(of_domain(lines, "both"), ElementsAre("LLVMFuzzerTestOneInput:9 17", "LLVMFuzzerTestOneInput:9 9")) << version;
  }
}

TEST_F(ProgramDomains, OfTheExamplesMeasureWhatTheySay) {
  const fs::path examples = fs::path(ISOBAR_SOURCE_DIR) / "examples/fuzz";
  const auto program = build(examples / "table.c", "-O2 --domain-file " + (examples / "collisions.domain").string() + " --domain-file " +
                                                       (examples / "near.domain").string());
  // aaaa twice, and aaac, whose hash differs by two.
  const auto lines = run(program, "aaaaaaacaaaa").at("aaaaaaacaaaa");
  EXPECT_THAT(of_domain(lines, "collisions"), ElementsAre("42 1"));
  EXPECT_THAT(of_domain(lines, "answers"), ElementsAre("put:32 3"));
  EXPECT_THAT(of_domain(lines, "near"), Contains("put:25 1"));
  const auto source = write("nothing.c", "int nothing;");
  EXPECT_EQ(shell(compiler(false) + " -c --domain-file " + (examples / "inflated.domain").string() + " " + source.string() + " -o " +
                  (folder_ / "nothing.o").string())
                .output,
            "");
}

// fuzz.md 1.9, 9: of programs with a main, too.
TEST_F(Instrumentation, ChangedLinesAreHitInRunsThatReachThem) {
  const auto source = write("changed.c", R"(#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t* p, size_t n) {
  if (n > 3)
    return 1;
  return 0;
})");
  const std::string git =
      "cd " + folder_.string() +
      " && git -c init.defaultBranch=main init -q . && git add changed.c && git -c user.name=a -c user.email=a@b commit -qm x";
  ASSERT_EQ(shell(git).status, 0);
  write("changed.c", R"(#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t* p, size_t n) {
  if (n > 3)
    return p[0];
  return 0;
})");
  const auto runs = run(build(source, "-O0 --diff HEAD"), "abcd abc");
  EXPECT_THAT(runs.at("abcd"), Contains("diff"));
  EXPECT_THAT(runs.at("abc"), Not(Contains("diff")));
}

// ---- linking, and builds of others ----

class Linking : public Instrumentation {
 protected:
  Ended in_folder(const std::string& command) const { return shell("cd " + folder_.string() + " && " + command); }
};

TEST_F(Linking, RefusesObjectsOfDifferentDomainsAndNamesThem) {
  write("a.c", "int f(void); int main(void) { return f(); }");
  write("b.c", "int f(void) { return 3; }");
  const std::string cc = compiler(false);
  const Ended ended = in_folder(cc + " -c a.c --domains slow && " + cc + " -c b.c && " + cc + " a.o b.o -o p");
  EXPECT_NE(ended.status, 0);
  EXPECT_THAT(ended.output, AllOf(HasSubstr("different domains (none; slow)"), HasSubstr("a.o: slow"), HasSubstr("b.o: none")));
  EXPECT_FALSE(fs::exists(folder_ / "p"));
}

TEST_F(Linking, RefusesProgramsWithoutASite) {
  write("a.c", "int main(void) { return 0; }");
  const Ended ended = in_folder("cc -c a.c && " + compiler(false) + " a.o -o p");
  EXPECT_NE(ended.status, 0);
  EXPECT_THAT(ended.output, HasSubstr("has no instrumented code"));
  EXPECT_FALSE(fs::exists(folder_ / "p"));
  EXPECT_EQ(in_folder(compiler(false) + " a.o -o p --allow-uninstrumented && ./p").status, 0);
}

TEST_F(Linking, RefusesOwnDomainsThatMatchNothing) {
  write("a.c", "int main(void) { return 0; }");
  write("own.domain", "domain x\nmatch call to nowhere\n");
  const Ended ended = in_folder(compiler(false) + " --domain-file own.domain a.c -o p");
  EXPECT_NE(ended.status, 0);
  EXPECT_THAT(ended.output, HasSubstr("the domain x matches nothing"));
  write("own.domain", "domain x\nmatch cell to nowhere\n");
  EXPECT_THAT(in_folder(compiler(false) + " --domain-file own.domain a.c -o p").output,
              HasSubstr("own.domain:2:7: what is matched is one of"));
}

TEST_F(Linking, GivesHarnessesAMainAndProgramsTheirOwn) {
  write(
      "h.c",
      "#include <stddef.h>\n#include <stdint.h>\nint LLVMFuzzerTestOneInput(const uint8_t* p, size_t n) { return n > 3 && p[0] == 'x'; }");
  write("m.c", "#include <stdio.h>\nint main(int argc, char** argv) { printf(\"%d %s\\n\", argc, argv[1]); return 4; }");
  for (const char* options :
       {"", "-fsanitize=fuzzer", "-fsanitize=fuzzer,address", "-fsanitize=undefined", "-fsanitize=memory", "-O2 -static"}) {
    EXPECT_THAT(in_folder(compiler(false) + " " + options + " h.c -o h && ./h m.c").output, HasSubstr("m.c")) << options;
    const Ended program = in_folder(compiler(false) + " " + options + " m.c -o m && ./m word");
    EXPECT_EQ(program.output, "2 word\n") << options;
    EXPECT_EQ(WEXITSTATUS(program.status), 4) << options;
  }
}

TEST_F(Linking, WorksAsTheCompilerOfCMake) {
  write("CMakeLists.txt", R"(cmake_minimum_required(VERSION 3.20)
project(p C CXX)
include(CheckFunctionExists)
include(CheckCXXSourceCompiles)
include(CheckCCompilerFlag)
check_function_exists(strdup HAVE_STRDUP)
check_function_exists(no_such_function HAVE_NO_SUCH)
check_c_compiler_flag(-Wall HAVE_WALL)
check_c_compiler_flag(-Wno-such-warning-at-all -Werror HAVE_NONSENSE)
add_library(l SHARED l.c)
target_link_options(l PRIVATE -Wl,--no-undefined)
add_library(s STATIC s.cpp)
add_executable(h h.cpp)
target_link_libraries(h l s)
message(STATUS "found: ${HAVE_STRDUP} ${HAVE_NO_SUCH} ${HAVE_WALL}"))");
  write("l.c", "int l(int x) { return x > 3; }");
  write("s.cpp", "int s(int x) { return x > 5; }");
  write("h.cpp",
        "#include <cstddef>\n#include <cstdint>\nextern \"C\" int l(int);\nint s(int);\nextern \"C\" int LLVMFuzzerTestOneInput(const "
        "uint8_t*, size_t n) { return l(n) + s(n); }");
  const Ended ended = in_folder("CC=" + compiler(false) + " CXX=" + compiler(true) +
                                " ISOBAR_CC_DOMAINS=slow,cmp cmake -G Ninja -B b . && ninja -C b && ./b/h CMakeLists.txt");
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_THAT(ended.output, AllOf(HasSubstr("found: 1  1"), HasSubstr("Running: CMakeLists.txt")));
}

// What configure scripts ask of a compiler.
TEST_F(Linking, AnswersTheQuestionsOfConfigure) {
  write("conftest.c", "int main(void) { return 0; }");
  const std::string cc = compiler(false);
  const auto quiet = [&](const std::string& command) {
    const Ended ended = in_folder(command);
    EXPECT_EQ(ended.status, 0) << command;
    EXPECT_EQ(ended.output, "") << command;
  };
  quiet(cc + " conftest.c && ./a.out && rm a.out");
  quiet(cc + " -o conftest -g -O2 conftest.c && ./conftest");
  quiet(cc + " -c -g -O2 conftest.c && " + cc + " -o conftest conftest.o -lm && ./conftest");
  quiet(cc + " -E conftest.c > conftest.i && grep -q main conftest.i");
  quiet(cc + " -Wall -Werror -MD -MP -MF conftest.d -c conftest.c && test -s conftest.d");
  quiet(cc + " -S conftest.c && test -s conftest.s");
  quiet("echo 'int main(void) { return 0; }' | " + cc + " -x c - -o conftest && ./conftest");
  quiet(cc + " -c conftest.c -o one.o && " + cc + " -r one.o -nostdlib -o two.o && " + cc + " two.o -o conftest && ./conftest");
  EXPECT_THAT(in_folder(cc + " --version").output, HasSubstr("clang version"));
  EXPECT_THAT(in_folder(cc + " -dumpmachine").output, HasSubstr("linux"));
  EXPECT_NE(in_folder(cc + " -c no_such.c").status, 0);
  EXPECT_NE(in_folder("echo 'int main(void) { return no_such(); }' > bad.c && " + cc + " bad.c -o bad").status, 0);
}

TEST_F(Linking, SaysWhatIsMissing) {
  write("a.c", "int main(void) { return 0; }");
  EXPECT_THAT(in_folder(compiler(false) + " --clang /no/clang a.c").output,
              AllOf(HasSubstr("there is no /no/clang"), HasSubstr("apt-get install clang-19")));
  EXPECT_THAT(in_folder(compiler(false) + " --clang gcc a.c").output, HasSubstr("gcc does not say that it is clang"));
  // A copy without plugins, as an installation on a machine without LLVM has it.
  fs::create_directories(folder_ / "bin");
  fs::copy_file(kTools / "bin/isobar-cc", folder_ / "bin/isobar-cc");
  EXPECT_THAT(in_folder("bin/isobar-cc a.c").output, AllOf(HasSubstr("there is no plugin for clang"), HasSubstr("./dev fuzz-tools")));
}

// The same binary under AFL++ as Debian has it: persistent, with shared test cases, a map of its own size.
TEST_F(Linking, WhatItLinksRunsUnderAflFuzz) {
  if (shell("command -v afl-fuzz").status != 0) GTEST_SKIP() << "afl-fuzz of Debian's afl++ is not here";
  write("magic.c", R"(
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
int LLVMFuzzerTestOneInput(const uint8_t* p, size_t n) {
  if (n > 2 && p[0] == 'F')
    if (p[1] == 'U')
      if (p[2] == 'Z') abort();
  return 0;
})");
  for (const char* domains : {"", "--domains perf,cmp"}) {
    const Ended ended =
        in_folder(compiler(false) + " -O1 " + domains +
                  " magic.c -o magic && rm -rf in out && mkdir -p in && echo FFF > in/one && "
                  "AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_NO_UI=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_BENCH_UNTIL_CRASH=1 "
                  "timeout -s INT 60 afl-fuzz -i in -o out -V 30 -- ./magic | tail -n 30; head -c 3 out/default/crashes/id*");
    EXPECT_THAT(ended.output, testing::EndsWith("FUZ")) << domains;
  }
}

}  // namespace
}  // namespace isobar::fuzz
