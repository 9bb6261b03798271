#include "crypto/expand.h"

#include <gtest/gtest.h>

namespace isobar::crypto {
namespace {

// RFC 8439, appendix A.1, test vector 1: the key stream of an all-zero key and nonce.
TEST(Expand, IsTheStreamThatTheStandardGives) {
  std::array<std::uint8_t, 16> out{};
  expand({}, out);
  const std::array<std::uint8_t, 16> expected{0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90,
                                              0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28};
  EXPECT_EQ(out, expected);
}

TEST(Expand, OtherSeedsGiveOtherBytes) {
  std::array<std::uint8_t, 64> one{}, other{};
  expand({1}, one);
  expand({2}, other);
  EXPECT_NE(one, other);
}

}  // namespace
}  // namespace isobar::crypto
