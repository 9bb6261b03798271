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

  // Compiles a source and links it with the driver; the output of the compiler is in `said_`.
  fs::path build(const fs::path& source, const std::string& options, int version = 0) {
    const fs::path driver = kData / "driver.c";
    const fs::path object = folder_ / "driver.o";
    if (!fs::exists(object)) {
      EXPECT_EQ(shell("cc -O1 -c -I" + (kSources / "target").string() + " -I" + (kSources / "target/include").string() + " " +
                      driver.string() + " -o " + object.string())
                    .output,
                "");
    }
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
  for (const char* options : {"-O0 -fno-builtin", "-O0 -fno-builtin --domains cmp", "-O2 -fno-builtin --domains cmp"})
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

}  // namespace
}  // namespace isobar::fuzz
