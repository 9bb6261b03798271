#include "db/settled.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "db/memory_key_values.h"

namespace isobar::db {
namespace {

TxId id_of(std::uint64_t n) {
  TxId id;
  id.hash[0] = static_cast<std::uint8_t>(n);
  id.hash[1] = static_cast<std::uint8_t>(n >> 8);
  return id;
}

SettledVersion version(std::uint64_t time, const std::string& value) { return {{time, ClientId(1)}, id_of(time), value}; }

Decided wrote(std::uint64_t time) {
  Decided decided;
  decided.certificate.tx = id_of(time);
  decided.tx.tx.timestamp = {time, ClientId(1)};
  return decided;
}

SettledState settle(Settled& settled, std::uint64_t until, const std::string& key, std::uint64_t time, const std::string& value) {
  return settled.apply({until, {{key, version(time, value)}}, {wrote(time)}}).value();
}

TEST(Settled, TheNewerVersionStaysInWhateverOrderTheyCome) {
  const auto settled = settled_in_memory(4);
  settle(*settled, 10, "k", 7, "newer");
  settle(*settled, 20, "k", 5, "older");
  EXPECT_EQ(settled->find("k")->value, "newer");
  EXPECT_EQ(settled->state().until, 20U);
}

TEST(Settled, AWriterIsKeptAsLongAsSomethingOfItIsTheNewest) {
  const auto settled = settled_in_memory(4);
  settled->apply({10, {{"a", version(5, "1")}, {"b", version(5, "1")}}, {wrote(5)}}).value();
  settle(*settled, 20, "a", 15, "2");
  EXPECT_TRUE(settled->decided(id_of(5)));
  EXPECT_TRUE(settled->decided(id_of(15)));
  settle(*settled, 30, "b", 25, "2");
  EXPECT_FALSE(settled->decided(id_of(5)));
}

TEST(Settled, ABucketIsGivenInParts) {
  const auto settled = settled_in_memory(1);
  SettleBatch batch{10, {}, {wrote(5)}};
  for (int i = 0; i < 100; ++i) batch.versions.emplace_back("k" + std::to_string(i), version(5, std::string(50, 'v')));
  settled->apply(batch).value();
  std::set<std::string> keys;
  std::string after;
  for (int parts = 0;; ++parts) {
    ASSERT_LT(parts, 50);
    const auto part = settled->bucket(0, after, 500);
    if (!part.next) break;
    EXPECT_LT(part.versions.size(), 20U);
    for (const auto& [key, found] : part.versions) EXPECT_TRUE(keys.insert(key).second);
    after = *part.next;
  }
  EXPECT_EQ(keys.size(), 100U);
}

/// Values that can be damaged.
class Damaged : public MemoryKeyValues {
 public:
  explicit Damaged(char kind) : kind_(kind) {}
  Result<std::optional<std::string>> get(std::string_view key) const override {
    auto value = MemoryKeyValues::get(key);
    if (*value && key.front() == kind_) (*value)->back() = static_cast<char>((*value)->back() ^ 0x7f), (*value)->pop_back();
    return value;
  }

 private:
  char kind_;
};

TEST(Settled, WhatIsDamagedIsAFailureAndNotAnAnswer) {
  auto opened = Settled::open(std::make_unique<Damaged>('k'), 4);
  Settled& settled = **opened;
  settle(settled, 10, "k", 5, "value");
  EXPECT_FALSE(settled.failure());
  EXPECT_FALSE(settled.find("k"));
  ASSERT_TRUE(settled.failure());
  EXPECT_EQ(settled.failure()->code(), Code::kDataLoss);
  EXPECT_FALSE(settled.apply({20, {{"k", version(7, "next")}}, {wrote(7)}}).ok());
}

TEST(Settled, AStoreOfOtherBucketsIsNotOpened) {
  auto values = std::make_unique<MemoryKeyValues>();
  const MemoryKeyValues& kept = *values;
  auto first = Settled::open(std::move(values), 4);
  settle(**first, 10, "k", 5, "value");
  EXPECT_TRUE(Settled::open(std::make_unique<MemoryKeyValues>(kept), 4).ok());
  EXPECT_FALSE(Settled::open(std::make_unique<MemoryKeyValues>(kept), 8).ok());
}

// Two stores that hold the same have the same leaves, by whatever way they came there; and others have others.
TEST(SettledProperty, TheDigestIsOfWhatIsThereAndNotOfHowItCame) {
  rc::check([] {
    const auto writes =
        *rc::gen::container<std::vector<std::pair<int, int>>>(rc::gen::pair(rc::gen::inRange(0, 5), rc::gen::inRange(1, 30)));
    const auto one = settled_in_memory(3), other = settled_in_memory(3);
    std::map<std::string, std::uint64_t> newest;
    for (const auto& [key, time] : writes) {
      const std::string name = "k" + std::to_string(key);
      settle(*one, 100, name, static_cast<std::uint64_t>(time), "v");
      newest[name] = std::max(newest[name], static_cast<std::uint64_t>(time));
    }
    for (auto at = newest.rbegin(); at != newest.rend(); ++at) settle(*other, 100, at->first, at->second, "v");
    RC_ASSERT(one->state().leaves == other->state().leaves || writes.empty());
    settle(*other, 100, "k0", 40, "v");
    RC_ASSERT(root_of(one->state().leaves) != root_of(other->state().leaves));
  });
}

TEST(StateDigest, ItTellsKeysVersionsWritersAndValuesApart) {
  const auto digest = [](const std::string& key, const SettledVersion& of) {
    StateDigest all(1);
    all.add(key, of);
    return all.leaves().front();
  };
  const SettledVersion base{{5, ClientId(1)}, id_of(5), "v"};
  std::set<Hash> seen{digest("k", base), digest("l", base)};
  for (const auto& other : {SettledVersion{{6, ClientId(1)}, id_of(5), "v"}, SettledVersion{{5, ClientId(2)}, id_of(5), "v"},
                            SettledVersion{{5, ClientId(1)}, id_of(6), "v"}, SettledVersion{{5, ClientId(1)}, id_of(5), "w"},
                            SettledVersion{{5, ClientId(1)}, id_of(5), ""}, SettledVersion{{5, ClientId(1)}, id_of(5), std::nullopt}})
    seen.insert(digest("k", other));
  EXPECT_EQ(seen.size(), 8U);
}

TEST(StateDigest, WhatWasAddedAndTakenAwayLeavesNothing) {
  StateDigest digest(2);
  const auto empty = digest.leaves();
  digest.add("k", version(5, "v"));
  EXPECT_NE(digest.leaves(), empty);
  digest.remove("k", version(5, "v"));
  EXPECT_EQ(digest.leaves(), empty);
}

}  // namespace
}  // namespace isobar::db
