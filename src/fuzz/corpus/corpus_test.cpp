#include "fuzz/corpus.h"
#include "fuzz/minimal_corpus.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>

namespace isobar::fuzz {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

Bytes bytes(std::string_view text) { return {text.begin(), text.end()}; }

class ACorpus : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "corpus-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  void TearDown() override { fs::remove_all(path_); }
  void put(const fs::path& name, std::string_view content) {
    fs::create_directories((path_ / name).parent_path());
    ASSERT_TRUE(write_file(path_ / name, content, Durability::kCache).ok());
  }
  fs::path path_;
};

TEST_F(ACorpus, KeepsInputsByTheirHash) {
  auto folder = CorpusFolder::open(path_);
  ASSERT_TRUE(folder.ok());
  for (const char* input : {"one", "two", "one"}) ASSERT_TRUE(folder->keep(hash_of(bytes(input)), bytes(input)).ok());
  EXPECT_EQ(folder->list()->size(), 2U);
  EXPECT_EQ(*folder->read(hash_of(bytes("two"))), bytes("two"));
  EXPECT_EQ(InputHash::parse(hash_of(bytes("one")).hex()), hash_of(bytes("one")));
  EXPECT_FALSE(InputHash::parse("not a hash").has_value());
}

TEST_F(ACorpus, ReadsWhatAflAndLibFuzzerWrote) {
  put("default/queue/id:000000,orig:a", "a");
  put("default/queue/.state/auto_extras/x", "no input");
  put("default/queue/README.txt", "no input");
  put("default/fuzzer_stats", "no input");
  put("default/crashes/id:000000,sig:11", "no input");
  put("other/queue/id:000001", "b");
  put("da39a3ee5e6b4b0d3255bfef95601890afd80709", "libFuzzer's");
  EXPECT_THAT(*read_inputs(path_, 100), UnorderedElementsAre(bytes("a"), bytes("b"), bytes("libFuzzer's")));
  EXPECT_THAT(*read_inputs(path_ / "other/queue/id:000001", 100), ElementsAre(bytes("b")));
  EXPECT_THAT(*read_inputs(path_ / "da39a3ee5e6b4b0d3255bfef95601890afd80709", 3), ElementsAre(bytes("lib")));
  EXPECT_THAT(read_inputs(path_ / "nowhere", 1).error().message(), HasSubstr("there are no inputs at"));
}

TEST(MinimalCorpus, ReachesAllThatTheWholeReaches) {
  ExecutorOptions target;
  target.command = {ISOBAR_BINARY_DIR "/fuzz/fuzz_scripted_harness"};
  target.environment = {"SCRIPTED_TAME=1"};
  auto executor = start_zygote(target);
  ASSERT_TRUE(executor.ok()) << executor.error().message();
  std::vector<Bytes> inputs;
  for (std::uint8_t i = 1; i < 200; ++i) {
    inputs.push_back({'b', static_cast<std::uint8_t>(i % 30)});
    inputs.push_back({'s', i, static_cast<std::uint8_t>(255 - i)});
    inputs.push_back({'k', static_cast<std::uint8_t>(i % 10), i});
  }
  inputs.push_back({'b', 1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  std::vector<ByteView> views(inputs.begin(), inputs.end());
  const auto minimal = minimal_corpus(**executor, views);
  ASSERT_TRUE(minimal.ok());
  EXPECT_LT(minimal->kept.size(), 60U);
  const auto aggregates = [&](const std::vector<ByteView>& some) {
    Aggregates all((*executor)->shape());
    EXPECT_TRUE((*executor)->run(some, {.all_features = true}, [&](auto, const Outcome& outcome) { all.add(outcome.features); }).ok());
    return all.encode();
  };
  std::vector<ByteView> kept;
  for (const std::size_t place : minimal->kept) kept.push_back(views[place]);
  EXPECT_EQ(aggregates(kept), aggregates(views));
}

CampaignState a_state() {
  CampaignState state{.target = "t", .aggregates = "a", .champions = "c"};
  for (const char* text : {"x", "y"}) {
    Entry entry{.hash = hash_of(bytes(text)),
                .size = 1,
                .took = 5us,
                .path = 7,
                .blocks = 3,
                .depth = 2,
                .found_by = "havoc",
                .goals = {0, 4},
                .found_at = 12ms};
    entry.parent = state.entries.empty() ? kNobody : 0;
    entry.varies = entry.examined = true;
    state.entries.push_back(entry);
  }
  state.runs = 9, state.crashes = 8, state.hangs = 7, state.ran = 6s;
  state.tokens = {bytes("token")};
  state.varying_blocks = {5};
  return state;
}

RC_GTEST_PROP(CampaignState, IsReadBackAsItWasAndDamageIsNoState, ()) {
  const std::string stored = encode(a_state());
  const auto back = decode_state(stored);
  RC_ASSERT(back.ok());
  RC_ASSERT(encode(*back) == stored);
  std::string damaged = stored;
  damaged[*rc::gen::inRange<std::size_t>(0, damaged.size())] ^= static_cast<char>(*rc::gen::inRange(1, 256));
  const auto read = decode_state(damaged);
  if (!read.ok()) RC_ASSERT(read.error().code() == Code::kDataLoss);
}

}  // namespace
}  // namespace isobar::fuzz
