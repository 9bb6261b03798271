#include "one_way_link.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace isobar::transfer {
namespace {

using Fate = OneWayLink::Fate;

/// A TCP frame with so many payload bytes, `mark` in its first bytes if there are any.
Frame frame_of(std::uint32_t payload, std::uint16_t segment_size = 0, std::uint32_t mark = 0) {
  Frame frame(sizeof(VnetHeader) + 40 + payload);
  VnetHeader header;
  header.segment_size = segment_size;
  std::memcpy(frame.data(), &header, sizeof header);
  std::byte* packet = frame.data() + sizeof header;
  packet[0] = std::byte{0x45};
  packet[9] = std::byte{6};
  packet[20 + 12] = std::byte{0x50};
  if (payload >= sizeof mark) std::memcpy(packet + 40, &mark, sizeof mark);
  return frame;
}

std::uint32_t mark_of(const Frame& frame) {
  std::uint32_t mark = 0;
  std::memcpy(&mark, frame.data() + sizeof(VnetHeader) + 40, sizeof mark);
  return mark;
}

constexpr std::uint32_t kFull = 1460;  // payload of a segment that is 1,500 bytes on the wire

LinkShape gigabit() { return {.gbps = 1, .delay = 40ms, .loss = 0, .queue = {10 * kMiB}}; }

TEST(Frames, AreMeasuredAsTheirSegmentsWouldBeOnAWire) {
  const auto whole = measure_frame(frame_of(kFull));
  EXPECT_EQ(whole.wire_bytes, 1500U);
  EXPECT_EQ(whole.payload_bytes, 1460U);
  EXPECT_EQ(whole.segments, 1U);
  const auto many = measure_frame(frame_of(44 * kFull + 1, kFull));
  EXPECT_EQ(many.segments, 45U);
  EXPECT_EQ(many.payload_bytes, 44U * kFull + 1);
  EXPECT_EQ(many.wire_bytes, 44U * 1500 + 41);
  EXPECT_EQ(measure_frame(frame_of(0)).wire_bytes, 40U);
}

RC_GTEST_PROP(Frames, AnyBytesHaveASize, (const std::vector<std::uint8_t>& bytes)) {
  const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
  const auto size = measure_frame({data, bytes.size()});
  RC_ASSERT(size.segments >= 1U);
  RC_ASSERT(size.payload_bytes <= bytes.size());
  RC_ASSERT(size.wire_bytes >= size.payload_bytes);
}

TEST(OneWayLink, AddsTheTimeOfSendingAndTheDelayExactly) {
  OneWayLink link(gigabit(), 1);
  ASSERT_EQ(link.offer(frame_of(kFull), 7s), Fate::kUnderWay);
  const Duration arrival = 7s + 12us + 40ms;  // 1,500 bytes at 1 Gbit/s take 12 µs
  EXPECT_EQ(link.next_due(), arrival);
  EXPECT_FALSE(link.take_due(arrival - 1ns));
  EXPECT_TRUE(link.take_due(arrival));
  EXPECT_FALSE(link.next_due());
}

TEST(OneWayLink, WithoutARateAddsTheDelayAlone) {
  OneWayLink link({.delay = 5ms}, 1);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(link.offer(frame_of(60'000, kFull), 1s), Fate::kUnderWay);
  EXPECT_EQ(link.next_due(), 1s + 5ms);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(link.take_due(1s + 5ms));
}

RC_GTEST_PROP(OneWayLink, CarriesItsRateOverASecondWhateverTheFrames, ()) {
  const double gbps = *rc::gen::element(0.01, 0.2, 1.0, 10.0);
  const auto payloads = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange(1U, 65'000U)));
  OneWayLink link({.gbps = gbps, .queue = {300 * kKiB}}, 1);
  std::uint64_t bytes = 0;
  std::size_t next = 0;
  // A sender that never lets the queue run dry: what is sent between two of its turns, 125 kB at the most, is less than
  // waits at the least when the next frame no longer fits, the queue without one of the longest frames.
  for (Duration now{0}; now < 1500ms; now += 100us) {
    while (link.offer(frame_of(payloads[next % payloads.size()], kFull), now) == Fate::kUnderWay) ++next;
    while (link.take_due(now)) continue;
    if (now == 500ms) bytes = link.traffic().wire_bytes;
  }
  const double carried = static_cast<double>(link.traffic().wire_bytes - bytes) * 8 / 1e9;
  RC_ASSERT(std::abs(carried - gbps) <= gbps * 0.01 + 67'000 * 8 / 1e9);
}

RC_GTEST_PROP(OneWayLink, KeepsTheOrderAndLosesNothingUntold, ()) {
  const auto gaps = *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange(0U, 3'000'000U));
  const double loss = *rc::gen::element(0.0, 0.2);
  OneWayLink link({.gbps = 0.05, .delay = 1ms, .loss = loss, .queue = {20 * kKiB}}, *rc::gen::arbitrary<std::uint64_t>());
  std::vector<std::uint32_t> taken, arrived;
  Duration now{0};
  for (std::uint32_t i = 0; i < gaps.size(); ++i) {
    now += Duration(gaps[i]);
    if (link.offer(frame_of(kFull, 0, i), now) == Fate::kUnderWay) taken.push_back(i);
    while (const auto frame = link.take_due(now)) arrived.push_back(mark_of(*frame));
  }
  while (const auto frame = link.take_due(now + 1h)) arrived.push_back(mark_of(*frame));
  RC_ASSERT(arrived == taken);
  const auto& traffic = link.traffic();
  RC_ASSERT(traffic.segments == taken.size());
  RC_ASSERT(traffic.segments + traffic.lost_segments + traffic.queue_segments == gaps.size());
}

TEST(OneWayLink, LosesItsShareOfSegmentsAndTheSameOnesForTheSameSeed) {
  const auto fates = [](std::uint64_t seed) {
    OneWayLink link({.loss = 0.01}, seed);
    std::vector<bool> lost;
    for (int i = 0; i < 100'000; ++i) lost.push_back(link.offer(frame_of(kFull), Duration(i)) == Fate::kLost);
    return lost;
  };
  const auto first = fates(1);
  EXPECT_NEAR(std::count(first.begin(), first.end(), true), 1000, 100);  // three standard deviations
  EXPECT_EQ(first, fates(1));
  EXPECT_NE(first, fates(2));
}

TEST(OneWayLink, LosesAFrameWhenAnyOfItsSegmentsIsLost) {
  OneWayLink link({.loss = 0.01}, 1);
  int lost = 0;
  for (int i = 0; i < 10'000; ++i) lost += link.offer(frame_of(40 * kFull, kFull), Duration(i)) == Fate::kLost;
  EXPECT_NEAR(lost, 10'000 * (1 - std::pow(0.99, 40)), 150);
}

TEST(OneWayLink, BoundsWhatWaitsAndTakesAnyFrameWhenNothingDoes) {
  OneWayLink link({.gbps = 1, .queue = {15'000}}, 1);
  ASSERT_EQ(link.offer(frame_of(60'000, kFull), 0s), Fate::kUnderWay) << "longer than the queue, but nothing waits";
  EXPECT_EQ(link.offer(frame_of(kFull), 0s), Fate::kQueueFull);
  const Duration drained = 1s;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(link.offer(frame_of(kFull), drained), Fate::kUnderWay) << i;
  EXPECT_EQ(link.offer(frame_of(kFull), drained), Fate::kQueueFull);
  EXPECT_EQ(link.offer(frame_of(kFull), drained + 12us), Fate::kUnderWay) << "one of them is sent by now";
}

TEST(OneWayLink, CarriesNothingWhileCutAndStartsAfreshWhenHealed) {
  OneWayLink link(gigabit(), 1);
  for (int i = 0; i < 100; ++i) link.offer(frame_of(kFull), 0s);
  link.cut();
  EXPECT_FALSE(link.next_due()) << "what was under way is lost";
  EXPECT_EQ(link.offer(frame_of(kFull), 1ms), Fate::kSevered);
  EXPECT_EQ(link.traffic().severed_segments, 101U);
  link.heal();
  EXPECT_EQ(link.offer(frame_of(kFull), 2ms), Fate::kUnderWay);
  EXPECT_EQ(link.next_due(), 2ms + 12us + 40ms);
}

}  // namespace
}  // namespace isobar::transfer
