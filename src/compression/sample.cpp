#include "compression/sample.h"

#include <algorithm>

namespace isobar::compression {

namespace {

constexpr std::uint64_t kSlices = 4, kSliceLeast = 1 << 10, kSliceMost = 16 << 10;

}  // namespace

std::string sample_of(std::string_view raw) {
  const std::uint64_t slice = std::clamp(raw.size() / (16 * kSlices), kSliceLeast, kSliceMost);
  std::string sample;
  sample.reserve(kSlices * slice);
  for (std::uint64_t i = 0; i < kSlices; ++i) sample += raw.substr(i * (raw.size() - slice) / (kSlices - 1), slice);
  return sample;
}

bool worth_packing(Compressor& compressor, Codec codec, std::string_view raw) {
  if (raw.size() < kPackedLeast) return false;
  const std::string sample = sample_of(raw);
  std::string packed(sample.size(), '\0');
  const auto bytes = compressor.pack(codec, sample, packed);
  return bytes && shrinks(sample.size(), *bytes);
}

}  // namespace isobar::compression
