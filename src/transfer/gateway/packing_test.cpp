// Packing of chunks: what is chosen, that it comes out again as it was, and that nothing grows, overflows or waits for ever.

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <condition_variable>
#include <mutex>

#include "base/random.h"
#include "crypto/crc32c.h"
#include "unpacker.h"

namespace isobar::transfer {
namespace {

constexpr std::uint64_t kMost = 64 << 20;

Instant at(Duration since_start) { return Instant::from_unix_seconds(1'000'000) + since_start; }

std::string text_of(std::size_t bytes) {
  std::string text;
  Random random(bytes);
  while (text.size() < bytes) text += "line " + std::to_string(random.below(100'000)) + ": all is well\n";
  text.resize(bytes);
  return text;
}

std::string noise_of(std::size_t bytes) {
  std::string noise(bytes, '\0');
  Random random(bytes);
  for (auto& byte : noise) byte = static_cast<char>(random.next());
  return noise;
}

ChunkBytes chunk_of(std::string_view bytes) {
  ChunkBytes chunk{std::shared_ptr<char[]>(new char[std::max<std::size_t>(bytes.size(), 1)]), bytes.size()};
  std::copy(bytes.begin(), bytes.end(), chunk.memory.get());
  return chunk;
}

// --- What is chosen

TEST(PackingPolicy, TriesNeitherSmallChunksNorSuchAsSinksDoNotUnpack) {
  const PackingPolicy policy(Compression::kAuto, 2, 1 << 20);
  EXPECT_FALSE(policy.tries(0));
  EXPECT_FALSE(policy.tries(kPackedLeast - 1));
  EXPECT_TRUE(policy.tries(kPackedLeast));
  EXPECT_TRUE(policy.tries(1 << 20));
  EXPECT_FALSE(policy.tries((1 << 20) + 1));
  EXPECT_FALSE(PackingPolicy(Compression::kOff, 2, 1 << 20).tries(8192));
}

TEST(PackingPolicy, SendsTheOldestRawWhenTheNetworkIsHungryAndEveryPackerIsBusy) {
  PackingPolicy policy(Compression::kAuto, 1, kMost);
  for (const std::uint64_t serial : {1, 2, 3}) policy.add(serial, 8 << 20, at(0s));
  EXPECT_EQ(policy.next_to_send_raw(at(10s)), std::nullopt) << "a packer is free";
  EXPECT_EQ(policy.next_to_pack()->serial, 1U);
  EXPECT_FALSE(policy.next_to_pack().has_value());
  EXPECT_EQ(policy.next_to_send_raw(at(10ms)), std::nullopt) << "the first packed chunk will be there soon";
  EXPECT_EQ(policy.next_to_send_raw(at(100ms)), 2U);
  policy.remove(3);
  EXPECT_TRUE(policy.empty());
  EXPECT_EQ(policy.next_to_send_raw(at(200ms)), std::nullopt);
}

TEST(PackingPolicy, PacksInHasteAfterAChunkWentRawAndThenThoroughlyAgain) {
  PackingPolicy policy(Compression::kAuto, 1, kMost);
  for (std::uint64_t serial = 1; serial <= 40; ++serial) policy.add(serial, 1 << 20, at(0s));
  EXPECT_EQ(policy.next_to_pack()->codec, Codec::kZstd);
  EXPECT_TRUE(policy.next_to_send_raw(at(1s)));
  int hasty = 0;
  std::optional<Codec> last;
  for (policy.packed(); const auto order = policy.next_to_pack(); policy.packed()) {
    hasty += order->codec == Codec::kLz4;
    last = order->codec;
  }
  EXPECT_GT(hasty, 4);
  EXPECT_LT(hasty, 30);
  EXPECT_EQ(last, Codec::kZstd);
}

TEST(PackingPolicy, WhatTheUserChoseIsKeptThoughTheNetworkWaits) {
  for (const auto& [choice, codec] : {std::pair(Compression::kZstd, Codec::kZstd), std::pair(Compression::kLz4, Codec::kLz4)}) {
    PackingPolicy policy(choice, 1, kMost);
    policy.add(1, 8192, at(0s));
    policy.add(2, 8192, at(0s));
    EXPECT_EQ(policy.next_to_pack()->codec, codec);
    EXPECT_EQ(policy.next_to_send_raw(at(100s)), std::nullopt);
  }
}

// --- Threads

// A loop that the test turns by hand.
class Loop {
 public:
  Packer::Post post() {
    return [this](std::function<void()> work) {
      const std::scoped_lock lock(mutex_);
      works_.push_back(std::move(work));
      changed_.notify_one();
    };
  }
  // False: nothing came for so long.
  bool turn(Duration patience = 20s) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [this] { return !works_.empty(); })) return false;
    const auto work = std::move(works_.front());
    works_.pop_front();
    lock.unlock();
    work();
    return true;
  }
  bool turn_until(const std::function<bool()>& reached) {
    while (!reached())
      if (!turn()) return false;
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> works_;
};

struct Packing {
  explicit Packing(Compression choice = Compression::kAuto, std::size_t packers = 2)
      : packer(
            choice, kMost, packers, loop.post(), [this] { return hungry; },
            [this](std::uint64_t serial, PackedChunk chunk) { ready[serial] = std::move(chunk); }) {}
  bool take(std::uint64_t serial, const std::string& raw) { return packer.take(serial, chunk_of(raw), at(0s)); }
  Loop loop;
  bool hungry = true;
  std::map<std::uint64_t, PackedChunk> ready;
  Packer packer;
};

TEST(Packer, LeavesAloneWhatDoesNotShrink) {
  Packing packing;
  EXPECT_FALSE(packing.take(1, noise_of(1 << 20)));
  EXPECT_FALSE(packing.take(2, ""));
  EXPECT_FALSE(packing.take(3, text_of(kPackedLeast - 1)));
  EXPECT_FALSE(packing.loop.turn(1ms));
}

TEST(Packer, PacksTextSmaller) {
  for (const auto choice : {Compression::kAuto, Compression::kZstd, Compression::kLz4}) {
    Packing packing(choice);
    const std::string raw = text_of(1 << 20);
    ASSERT_TRUE(packing.take(1, raw));
    ASSERT_TRUE(packing.loop.turn_until([&] { return packing.ready.contains(1); }));
    EXPECT_EQ(packing.ready[1].codec, choice == Compression::kLz4 ? Codec::kLz4 : Codec::kZstd);
    EXPECT_LT(packing.ready[1].bytes.bytes, raw.size() / 2);
  }
}

TEST(Packer, AChunkWhoseSampleDeceivedGoesAsItIs) {
  std::string raw = noise_of(8 << 20);
  const std::size_t slice = 16 << 10, step = (raw.size() - slice) / 3;
  for (std::size_t i = 0; i < 4; ++i) raw.replace(i * step, slice, slice, 'z');
  Packing packing;
  ASSERT_TRUE(packing.take(1, raw));
  ASSERT_TRUE(packing.loop.turn_until([&] { return packing.ready.contains(1); }));
  EXPECT_EQ(packing.ready[1].codec, Codec::kNone);
  EXPECT_EQ(packing.ready[1].bytes.view(), raw);
}

TEST(Packer, NothingIsToldOfAChunkThatWasWithdrawnWhileItWasPacked) {
  Packing packing(Compression::kZstd, 1);
  ASSERT_TRUE(packing.take(1, text_of(8 << 20)));
  ASSERT_TRUE(packing.take(2, text_of(8 << 20)));
  packing.packer.withdraw(1);
  packing.packer.withdraw(2);
  // The same serial again is another chunk.
  const std::string raw = text_of(100'000);
  ASSERT_TRUE(packing.take(1, raw));
  ASSERT_TRUE(packing.loop.turn_until([&] { return packing.ready.contains(1); }));
  std::string back(raw.size(), '\0');
  EXPECT_TRUE(Compressor().unpack(packing.ready[1].codec, packing.ready[1].bytes.view(), back).ok());
  EXPECT_EQ(back, raw);
  EXPECT_FALSE(packing.loop.turn(10ms));
  EXPECT_EQ(packing.ready.size(), 1U);
}

TEST(Packer, AChunkThatWentRawIsNotToldAgain) {
  Packing packing(Compression::kAuto, 1);
  for (const std::uint64_t serial : {1, 2, 3}) ASSERT_TRUE(packing.take(serial, text_of(1 << 20)));
  packing.hungry = false;
  EXPECT_EQ(packing.packer.take_raw(at(1s)), std::nullopt);
  packing.hungry = true;
  EXPECT_EQ(packing.packer.take_raw(at(1s)), 2U);
  ASSERT_TRUE(packing.loop.turn_until([&] { return packing.ready.size() == 2; }));
  EXPECT_FALSE(packing.loop.turn(10ms));
  EXPECT_FALSE(packing.ready.contains(2));
}

TEST(Packer, EndsWhileItPacks) {
  Packing packing;
  for (std::uint64_t serial = 1; serial <= 20; ++serial) ASSERT_TRUE(packing.take(serial, text_of(2 << 20)));
}

// --- The sink's side

struct Unpacking {
  explicit Unpacking(std::uint64_t room, std::uint64_t most = kMost) : unpacker(room, most, 2, loop.post()) {}
  void take(std::uint64_t serial, PackedChunk chunk, std::uint64_t raw_bytes, std::uint32_t crc32c) {
    unpacker.take(std::move(chunk), raw_bytes, crc32c,
                  [this, serial](Result<ChunkBytes> bytes) { done.emplace(serial, std::move(bytes)); });
  }
  Loop loop;
  Unpacker unpacker;
  std::map<std::uint64_t, Result<ChunkBytes>> done;
};

PackedChunk packed_of(const std::string& raw, Codec codec = Codec::kZstd) {
  std::string packed(raw.size() + 1024 + raw.size() / 100, '\0');
  packed.resize(Compressor().pack(codec, raw, packed).value_or(0));
  return {codec, chunk_of(packed)};
}

RC_GTEST_PROP(Unpacker, WhatWasPackedComesOutAsItWas, (std::uint64_t seed)) {
  Random random(seed);
  Packing packing(random.chance(0.5) ? Compression::kAuto : Compression::kLz4);
  std::string raw = text_of(kPackedLeast + random.below(600'000));
  if (random.chance(0.5)) raw += noise_of(random.below(100'000));
  if (!packing.take(1, raw)) return;
  RC_ASSERT(packing.loop.turn_until([&] { return packing.ready.contains(1); }));
  const PackedChunk chunk = packing.ready[1];
  RC_ASSERT(chunk.bytes.bytes <= raw.size());
  if (chunk.codec == Codec::kNone) return;
  Unpacking unpacking(1 << 20);
  unpacking.take(1, chunk, raw.size(), crypto::crc32c(raw));
  RC_ASSERT(unpacking.loop.turn_until([&] { return unpacking.done.contains(1); }));
  RC_ASSERT(unpacking.done.at(1).ok());
  RC_ASSERT(unpacking.done.at(1)->view() == raw);
}

TEST(Unpacker, RefusesWhatIsNotWhatItWasSaidToBe) {
  Unpacking unpacking(32 << 20, 4 << 20);
  const std::string raw = text_of(1 << 20), bomb(8 << 20, 'z');
  const std::uint32_t crc = crypto::crc32c(raw);
  auto changed = packed_of(raw);
  changed.bytes.memory[changed.bytes.bytes / 2] ^= 0x55;
  unpacking.take(1, changed, raw.size(), crc);
  unpacking.take(2, packed_of(raw), raw.size(), crc + 1);
  unpacking.take(3, packed_of(raw), raw.size() - 1, crc);
  unpacking.take(4, packed_of(raw), raw.size() + 1, crc);
  unpacking.take(5, packed_of(bomb), bomb.size(), crypto::crc32c(bomb));
  unpacking.take(6, packed_of(bomb), 1000, crc);
  unpacking.take(7, packed_of(raw), 0, 0);
  unpacking.take(8, packed_of(raw), ~0ULL, crc);
  unpacking.take(9, {Codec::kNone, chunk_of(raw)}, raw.size(), crc);
  unpacking.take(10, packed_of(raw, Codec::kLz4), raw.size(), crc);
  ASSERT_TRUE(unpacking.loop.turn_until([&] { return unpacking.done.size() == 10; }));
  for (const auto& [serial, outcome] : unpacking.done) {
    if (serial == 10) {
      EXPECT_TRUE(outcome.ok());
    } else {
      ASSERT_FALSE(outcome.ok()) << serial;
      EXPECT_EQ(outcome.error().code(), Code::kDataLoss) << serial;
    }
  }
  unpacking.done.clear();
  EXPECT_TRUE(unpacking.loop.turn_until([&] { return unpacking.unpacker.taken() == 0; }));
}

TEST(Unpacker, HoldsNoMoreThanItsRoomAndGoesOnWhenSomeIsLetGo) {
  Unpacking unpacking(2 << 20);
  const std::string raw = text_of(1 << 20);
  for (std::uint64_t serial = 1; serial <= 12; ++serial) unpacking.take(serial, packed_of(raw), raw.size(), crypto::crc32c(raw));
  std::uint64_t seen = 0;
  while (seen < 12) {
    ASSERT_TRUE(unpacking.loop.turn_until([&] { return !unpacking.done.empty(); }));
    EXPECT_LE(unpacking.unpacker.taken(), 2U << 20);
    EXPECT_LE(unpacking.done.size(), 2U);
    seen += unpacking.done.size();
    unpacking.done.clear();
  }
  EXPECT_TRUE(unpacking.loop.turn_until([&] { return unpacking.unpacker.taken() == 0; }));
}

TEST(Unpacker, AChunkLargerThanTheRoomIsUnpackedAlone) {
  Unpacking unpacking(64 << 10);
  const std::string small = text_of(40'000), large = text_of(1 << 20);
  unpacking.take(1, packed_of(small), small.size(), crypto::crc32c(small));
  unpacking.take(2, packed_of(large), large.size(), crypto::crc32c(large));
  unpacking.take(3, packed_of(small), small.size(), crypto::crc32c(small));
  for (const std::uint64_t serial : {1, 2, 3}) {
    ASSERT_TRUE(unpacking.loop.turn_until([&] { return unpacking.done.contains(serial); })) << serial;
    EXPECT_EQ(unpacking.done.size(), 1U);
    EXPECT_TRUE(unpacking.done.at(serial).ok());
    unpacking.done.clear();
  }
}

}  // namespace
}  // namespace isobar::transfer
