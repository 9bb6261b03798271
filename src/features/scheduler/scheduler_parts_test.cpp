// The parts the scheduler stands on: the heap, the table of keys, the allowance, losses.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <map>

#include "base/random.h"
#include "features/allowance.h"
#include "features/loss.h"
#include "indexed_heap.h"
#include "key_table.h"

namespace isobar::features {
namespace {

using testing::HasSubstr;

struct LowerSlot {
  bool operator()(std::uint32_t a, std::uint32_t b) const { return a < b; }
};

TEST(IndexedHeap, IsAMapSortedByScoreUnderAnyChanges) {
  EXPECT_TRUE(rc::check([] {
    IndexedHeap<LowerSlot> heap({});
    std::map<std::uint32_t, double> slow;
    for (const auto& [slot, move] : *rc::gen::container<std::vector<std::pair<std::uint8_t, int>>>(
             rc::gen::pair(rc::gen::inRange<std::uint8_t>(0, 40), rc::gen::inRange(-4, 12)))) {
      if (move < 0 && slow.contains(slot)) {
        heap.remove(slot);
        slow.erase(slot);
      } else if (move >= 0) {
        heap.set(slot, move);
        slow[slot] = move;
      }
      RC_ASSERT(heap.size() == slow.size());
      if (slow.empty()) continue;
      const auto best = std::min_element(slow.begin(), slow.end(), [](const auto& a, const auto& b) {
        return std::pair(-a.second, a.first) < std::pair(-b.second, b.first);
      });
      RC_ASSERT(heap.top() == best->first);
      if (slow.contains(slot)) RC_ASSERT(heap.score(slot) == slow[slot]);
    }
  }));
}

TEST(IndexedHeap, R7AChangeOfScoreTakesLogarithmicallyManyComparisons) {
  IndexedHeap<LowerSlot> heap({});
  Random random(7);
  constexpr std::uint32_t kSlots = 1 << 16;  // 8 levels of four children
  for (std::uint32_t slot = 0; slot < kSlots; ++slot) heap.set(slot, random.uniform());
  const auto before = heap.comparisons();
  constexpr int kChanges = 20'000;
  for (int i = 0; i < kChanges; ++i) heap.set(static_cast<std::uint32_t>(random.below(kSlots)), random.uniform());
  EXPECT_LE(heap.comparisons() - before, kChanges * 8U * 4U);
}

TEST(KeyTable, FindsWhatWasAddedAndNotWhatWasRemoved) {
  EXPECT_TRUE(rc::check([] {
    KeyTable table(*rc::gen::arbitrary<std::uint64_t>());
    std::map<std::string, std::uint32_t> slow;
    const auto bytes = rc::gen::container<std::string>(rc::gen::element('a', 'b', '\0', '\xff'));
    for (const auto& [key, add] :
         *rc::gen::container<std::vector<std::pair<std::string, bool>>>(rc::gen::pair(bytes, rc::gen::arbitrary<bool>()))) {
      if (add && !slow.contains(key)) slow[key] = *table.add(key);
      if (!add && slow.contains(key)) {
        table.remove(slow[key]);
        slow.erase(key);
      }
    }
    RC_ASSERT(table.size() == slow.size());
    for (const auto& [key, slot] : slow) RC_ASSERT(table.find(key) == slot && table.key_of(slot) == key);
    RC_ASSERT(!table.find("c"));
  }));
}

TEST(KeyTable, HoldsEmptyKeysBytesOfZeroAndSixtyFourKibibytes) {
  KeyTable table(1);
  const std::string keys[] = {"", std::string(1, '\0'), std::string(254, 'x'), std::string(255, 'x'), std::string(65536, 'y')};
  for (const auto& key : keys) ASSERT_TRUE(table.add(key).ok());
  for (std::uint32_t slot = 0; slot < 5; ++slot) EXPECT_TRUE(table.key_of(slot) == keys[slot] && table.find(keys[slot]) == slot) << slot;
}

TEST(KeyTable, ComingAndGoingKeysTakeNoMoreAndMoreRoom) {
  KeyTable table(1);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(table.add(std::to_string(i)).ok());
  std::size_t settled = 0;
  for (int i = 1000; i < 50'000; ++i) {
    table.remove(*table.find(std::to_string(i - 1000)));
    ASSERT_TRUE(table.add(std::to_string(i)).ok());
    if (i == 5000) settled = table.memory_bytes();
  }
  EXPECT_EQ(table.size(), 1000U);
  EXPECT_LE(table.memory_bytes(), settled * 2);
}

Instant after(double seconds) { return Instant::from_unix_nanos(static_cast<std::int64_t>(seconds * 1e9)); }

TEST(Allowance, AccruesWithTimeUpToItsBurst) {
  Allowance allowance = *Allowance::create({CostUnit::kRefreshes, 0.1, 3});
  allowance.advance(after(0));
  EXPECT_TRUE(allowance.affords(3));
  allowance.charge(3);
  EXPECT_FALSE(allowance.affords(1));
  EXPECT_EQ(allowance.when_affordable(1), after(10));
  for (int i = 1; i <= 100; ++i) allowance.advance(after(i * 0.1));
  EXPECT_TRUE(allowance.affords(1)) << "many small steps are as good as one";
  allowance.advance(after(1e6));
  EXPECT_EQ(allowance.balance(), 3);
  allowance.advance(after(5));
  EXPECT_EQ(allowance.balance(), 3) << "time that goes back changes nothing";
}

TEST(Allowance, WhatCostsMoreThanTheBurstBeginsWhenTheBurstIsThereAndIsPaidOff) {
  Allowance allowance = *Allowance::create({CostUnit::kCpuSeconds, 0.5, 1});
  allowance.advance(after(0));
  EXPECT_TRUE(allowance.affords(5));
  allowance.charge(5);
  EXPECT_EQ(allowance.when_affordable(0.5), after(9));
}

TEST(Loss, IsWhatItIsCalled) {
  EXPECT_EQ(*loss_of(Loss::kAbsolute, 3, 5), 2);
  EXPECT_EQ(*loss_of(Loss::kSquared, 3, 5), 4);
  EXPECT_EQ(*loss_of(Loss::kZeroOne, 3, 5), 1);
  EXPECT_EQ(*loss_of(Loss::kZeroOne, 3, 3), 0);
  EXPECT_EQ(*loss_of(Loss::kScaled, 3, 5, 4), 0.5);
  EXPECT_EQ(*loss_of(Loss::kScaled, 3, 5, 0), 2);
  EXPECT_FALSE(loss_of(Loss::kAbsolute, std::nan(""), 5).ok());
  EXPECT_FALSE(loss_of(Loss::kScaled, 3, 5, -1).ok());
  EXPECT_EQ(*parse_loss("zero-one"), Loss::kZeroOne);
  EXPECT_THAT(parse_loss("mase").error().message(), HasSubstr("there are absolute, squared, zero-one, scaled"));
}

}  // namespace
}  // namespace isobar::features
