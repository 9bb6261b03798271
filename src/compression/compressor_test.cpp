#include "compression/compressor.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "base/random.h"
#include "compression/sample.h"

namespace isobar::compression {
namespace {

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

RC_GTEST_PROP(Sample, IsASmallPartOfTheBytes, (std::uint32_t more)) {
  const std::string raw = text_of(kPackedLeast + more % (3 << 20));
  const std::string sample = sample_of(raw);
  RC_ASSERT(sample.size() <= 64U << 10);
  RC_ASSERT(sample.size() >= 4U << 10);
  RC_ASSERT(sample.size() <= std::max<std::size_t>(raw.size() / 16, 4 << 10));
  RC_ASSERT(raw.ends_with(sample.substr(sample.size() - 1024)));
}

RC_GTEST_PROP(Compressor, BytesComeOutAsTheyWere, (const std::string& some, const std::vector<std::uint8_t>& repeats)) {
  std::string raw;
  for (const auto count : repeats)
    for (int i = 0; i < count; ++i) raw += some.substr(0, 64);
  Compressor compressor;
  for (const Codec codec : {Codec::kZstd, Codec::kLz4}) {
    std::string packed(raw.size() + raw.size() / 100 + 1024, '\0'), back(raw.size(), '\0');
    const auto bytes = compressor.pack(codec, raw, packed);
    RC_ASSERT(bytes.has_value());
    RC_ASSERT(compressor.unpack(codec, std::string_view(packed).substr(0, *bytes), back).ok());
    RC_ASSERT(back == raw);
  }
}

TEST(Compressor, UnpacksToNothingButTheLengthThatWasSaid) {
  Compressor compressor;
  const std::string raw = text_of(1 << 20);
  for (const Codec codec : {Codec::kZstd, Codec::kLz4}) {
    std::string packed(raw.size(), '\0');
    packed.resize(compressor.pack(codec, raw, packed).value_or(0));
    // A guard behind each buffer would be overwritten by what does not fit.
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, raw.size() / 2, raw.size() - 1, raw.size() + 1, 2 * raw.size()}) {
      std::string into(bytes + 4096, '#');
      const Status unpacked = compressor.unpack(codec, packed, {into.data(), bytes});
      ASSERT_FALSE(unpacked.ok()) << bytes;
      EXPECT_EQ(unpacked.error().code(), Code::kDataLoss);
      EXPECT_EQ(into.substr(bytes), std::string(4096, '#'));
    }
    std::string into(raw.size(), '\0');
    EXPECT_FALSE(compressor.unpack(codec, packed.substr(0, packed.size() / 2), into).ok());
    EXPECT_FALSE(compressor.unpack(Codec::kNone, packed, into).ok());
  }
}

TEST(Sample, FindsOutWhatDoesNotShrink) {
  Compressor compressor;
  for (const Codec codec : {Codec::kZstd, Codec::kLz4}) {
    EXPECT_TRUE(worth_packing(compressor, codec, text_of(1 << 20)));
    EXPECT_FALSE(worth_packing(compressor, codec, noise_of(1 << 20)));
    EXPECT_FALSE(worth_packing(compressor, codec, text_of(kPackedLeast - 1)));
    EXPECT_FALSE(worth_packing(compressor, codec, ""));
  }
}

}  // namespace
}  // namespace isobar::compression
