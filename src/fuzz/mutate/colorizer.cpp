#include <algorithm>

#include "fuzz/input_to_state.h"

namespace isobar::fuzz {
namespace {

/// Another byte of the same kind: digits stay digits, letters letters, so that texts are still read as what they were.
std::uint8_t repainted(std::uint8_t byte, Random& random) {
  const auto within = [&](std::uint8_t first, std::uint8_t last) {
    const auto others = static_cast<std::uint64_t>(last - first);
    const auto draw = static_cast<std::uint8_t>(first + random.below(others));
    return draw >= byte ? static_cast<std::uint8_t>(draw + 1) : draw;
  };
  if (byte >= '0' && byte <= '9') return within('0', '9');
  if (byte >= 'a' && byte <= 'z') return within('a', 'z');
  if (byte >= 'A' && byte <= 'Z') return within('A', 'Z');
  return within(0, 255);
}

}  // namespace

Colorizer::Colorizer(ByteView input, std::size_t tries_max, Random& random)
    : original_(input.begin(), input.end()), paint_(original_), colored_(original_), attempt_(original_), tries_(tries_max) {
  for (std::uint8_t& byte : paint_) byte = repainted(byte, random);
  if (!original_.empty()) left_.push_back({0, original_.size()});
}

std::optional<ByteView> Colorizer::next() {
  if (left_.empty() || tries_ == 0) return std::nullopt;
  --tries_;
  // The largest first: it is what a try gains most by.
  const auto largest = std::ranges::max_element(left_, {}, [](const Range& range) { return range.end - range.begin; });
  trying_ = *largest;
  *largest = left_.back();
  left_.pop_back();
  attempt_ = colored_;
  std::copy(paint_.begin() + static_cast<std::ptrdiff_t>(trying_.begin), paint_.begin() + static_cast<std::ptrdiff_t>(trying_.end),
            attempt_.begin() + static_cast<std::ptrdiff_t>(trying_.begin));
  return attempt_;
}

void Colorizer::answer(bool same_path) {
  if (same_path) {
    std::swap(colored_, attempt_);
    changed_ = true;
  } else if (const std::size_t size = trying_.end - trying_.begin; size > 1) {
    left_.push_back({trying_.begin, trying_.begin + size / 2});
    left_.push_back({trying_.begin + size / 2, trying_.end});
  }
}

}  // namespace isobar::fuzz
