#include "one_way_link.h"

#include <algorithm>
#include <cmath>

namespace isobar::transfer {

// A bit at one Gbit/s takes a nanosecond.
Duration OneWayLink::sending(std::uint64_t bytes) const {
  if (!shape_.gbps) return Duration::zero();
  return Duration(std::llround(static_cast<double>(bytes) * 8 / *shape_.gbps));
}

OneWayLink::Fate OneWayLink::fate_of(const FrameSize& size, Duration now) {
  if (severed_) return Fate::kSevered;
  if (shape_.loss > 0 && random_.chance(1 - std::pow(1 - shape_.loss, size.segments))) return Fate::kLost;
  const Duration backlog = free_at_ - now;
  if (backlog > Duration::zero() && backlog + sending(size.wire_bytes) > sending(shape_.queue.value)) return Fate::kQueueFull;
  return Fate::kUnderWay;
}

OneWayLink::Fate OneWayLink::offer(Frame frame, Duration now) {
  const FrameSize size = measure_frame(frame);
  const Fate fate = fate_of(size, now);
  if (fate == Fate::kLost) traffic_.lost_segments += size.segments;
  if (fate == Fate::kQueueFull) traffic_.queue_segments += size.segments;
  if (fate == Fate::kSevered) traffic_.severed_segments += size.segments;
  if (fate != Fate::kUnderWay) return fate;
  free_at_ = std::max(free_at_, now) + sending(size.wire_bytes);
  under_way_.push_back({free_at_ + shape_.delay, size, std::move(frame)});
  return fate;
}

std::optional<Duration> OneWayLink::next_due() const {
  if (under_way_.empty()) return std::nullopt;
  return under_way_.front().due;
}

std::optional<Frame> OneWayLink::take_due(Duration now) {
  if (under_way_.empty() || under_way_.front().due > now) return std::nullopt;
  UnderWay first = std::move(under_way_.front());
  under_way_.pop_front();
  traffic_.wire_bytes += first.size.wire_bytes;
  traffic_.payload_bytes += first.size.payload_bytes;
  traffic_.segments += first.size.segments;
  return std::move(first.frame);
}

void OneWayLink::cut() {
  severed_ = true;
  for (const auto& lost : under_way_) traffic_.severed_segments += lost.size.segments;
  under_way_.clear();
  free_at_ = Duration::zero();
}

}  // namespace isobar::transfer
