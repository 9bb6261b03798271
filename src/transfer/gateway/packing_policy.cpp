#include "packing_policy.h"

#include <algorithm>
#include <chrono>

namespace isobar::transfer {

namespace {

// A chunk waits for a packer about as long as packing it would take. At the start of a job the network is hungry too, and the first
// packed chunk is on its way already: without this wait a slow network would be filled with raw chunks before it comes.
constexpr double kPackedBytesPerSecond = 200e6;
constexpr Duration kWaitLeast = 20ms, kWaitMost = 500ms;
// Chunks in haste after one went raw.
constexpr int kBehindFor = 16;

Duration patience_for(std::uint64_t raw_bytes) {
  return std::clamp(from_seconds(static_cast<double>(raw_bytes) / kPackedBytesPerSecond), kWaitLeast, kWaitMost);
}

}  // namespace

PackingPolicy::PackingPolicy(Compression choice, std::size_t packers, std::uint64_t raw_bytes_most)
    : choice_(choice), free_(packers), raw_bytes_most_(raw_bytes_most) {}

bool PackingPolicy::tries(std::uint64_t raw_bytes) const {
  return choice_ != Compression::kOff && raw_bytes >= kPackedLeast && raw_bytes <= raw_bytes_most_;
}

Codec PackingPolicy::for_samples() const { return choice_ == Compression::kLz4 ? Codec::kLz4 : Codec::kZstd; }

void PackingPolicy::add(std::uint64_t serial, std::uint64_t raw_bytes, Instant now) { waiting_.push_back({serial, raw_bytes, now}); }

void PackingPolicy::remove(std::uint64_t serial) {
  std::erase_if(waiting_, [serial](const Waiting& one) { return one.serial == serial; });
}

std::optional<PackingPolicy::Order> PackingPolicy::next_to_pack() {
  if (waiting_.empty() || free_ == 0) return std::nullopt;
  const std::uint64_t serial = waiting_.front().serial;
  waiting_.pop_front();
  --free_;
  return Order{serial, next_codec()};
}

void PackingPolicy::packed() { ++free_; }

Codec PackingPolicy::next_codec() {
  const bool in_haste = behind_ > 0;
  if (in_haste) --behind_;
  return choice_ == Compression::kLz4 || (choice_ == Compression::kAuto && in_haste) ? Codec::kLz4 : Codec::kZstd;
}

std::optional<std::uint64_t> PackingPolicy::next_to_send_raw(Instant now) {
  if (choice_ != Compression::kAuto || waiting_.empty() || free_ > 0) return std::nullopt;
  const Waiting& oldest = waiting_.front();
  if (now - oldest.since < patience_for(oldest.raw_bytes)) return std::nullopt;
  const std::uint64_t serial = oldest.serial;
  waiting_.pop_front();
  behind_ = kBehindFor;
  return serial;
}

}  // namespace isobar::transfer
