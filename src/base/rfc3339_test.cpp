#include "base/rfc3339.h"

#include <gtest/gtest.h>

namespace isobar {
namespace {

TEST(Rfc3339, IsReadWithFractionsAndOffsets) {
  const auto at = Instant::from_unix_seconds(1'795'576'078);
  for (const char* text : {"2026-11-25T03:07:58Z", "2026-11-25T03:07:58.123456Z", "2026-11-25T05:07:58+02:00", "2026-11-24T22:07:58-05:00"})
    EXPECT_EQ(parse_rfc3339(text), at) << text;
  for (const char* text :
       {"", "2026-11-25", "2026-11-25T03:07:58", "2026-11-25 03:07:58Z", "2026-11-25T03:07:58.", "tomorrow at noon, please"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

}  // namespace
}  // namespace isobar
