#include "db/key_turns.h"

#include <gtest/gtest.h>

namespace isobar::db {
namespace {

const TxHandle kA(1), kB(2), kC(3);

Instant at(int ms) { return Instant() + std::chrono::milliseconds(ms); }

std::vector<std::pair<TxHandle, std::string>> flat(const std::vector<KeyTurns::Turn>& turns) {
  std::vector<std::pair<TxHandle, std::string>> list;
  for (const auto& turn : turns) list.emplace_back(turn.tx, turn.key);
  return list;
}
using Turns = std::vector<std::pair<TxHandle, std::string>>;

TEST(KeyTurns, ComeInTheOrderOfAsking) {
  KeyTurns turns;
  EXPECT_TRUE(turns.take("x", kA, at(20)));
  EXPECT_TRUE(turns.take("y", kB, at(20)));
  EXPECT_FALSE(turns.take("x", kB, at(20)));
  EXPECT_FALSE(turns.take("x", kC, at(20)));
  EXPECT_EQ(flat(turns.release(kA)), (Turns{{kB, "x"}}));
  EXPECT_EQ(flat(turns.release(kB)), (Turns{{kC, "x"}}));
  EXPECT_EQ(flat(turns.release(kC)), Turns{});
  EXPECT_TRUE(turns.take("x", kA, at(40)));
}

TEST(KeyTurns, WhoGivesUpWhileItWaitsIsLeftOut) {
  KeyTurns turns;
  EXPECT_TRUE(turns.take("x", kA, at(20)));
  EXPECT_FALSE(turns.take("x", kB, at(20)));
  EXPECT_FALSE(turns.take("x", kC, at(20)));
  EXPECT_EQ(flat(turns.release(kB)), Turns{});
  EXPECT_EQ(flat(turns.release(kA)), (Turns{{kC, "x"}}));
}

TEST(KeyTurns, TwoThatWaitForOneAnotherGoOn) {
  KeyTurns turns;
  EXPECT_TRUE(turns.take("x", kA, at(20)));
  EXPECT_TRUE(turns.take("y", kB, at(20)));
  EXPECT_FALSE(turns.take("y", kA, at(21)));
  EXPECT_FALSE(turns.take("x", kB, at(22)));
  EXPECT_EQ(turns.next_expiry(), at(21));
  EXPECT_EQ(flat(turns.expire(at(20))), Turns{});
  EXPECT_EQ(flat(turns.expire(at(21))), (Turns{{kA, "y"}}));
  EXPECT_EQ(flat(turns.release(kA)), (Turns{{kB, "x"}}));
  EXPECT_EQ(flat(turns.expire(at(30))), Turns{});
  EXPECT_EQ(flat(turns.release(kB)), Turns{});
  EXPECT_TRUE(turns.take("x", kC, at(50)));
  EXPECT_TRUE(turns.take("y", kC, at(50)));
}

}  // namespace
}  // namespace isobar::db
