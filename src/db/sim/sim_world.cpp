#include "sim_world.h"

namespace isobar::db {

void SimWorld::cut(const std::set<Peer>& from, const std::set<Peer>& to) {
  for (const auto& a : from)
    for (const auto& b : to) cuts_.emplace(a, b);
}

void SimWorld::heal() {
  healed_ = true;
  cuts_.clear();
}

void SimWorld::send(const Peer& from, const Peer& to, const Message& message) {
  ++messages_;
  if (!healed_ && (cuts_.contains({from, to}) || random().chance(options_.loss))) return;
  const int copies = !healed_ && random().chance(options_.duplicates) ? 2 : 1;
  // Some go through their bytes, so that what is sent is what was meant.
  Message sent = message;
  if (random().chance(0.05)) sent = decode_message(encode_message(message)).value();
  for (int i = 0; i < copies; ++i) {
    const double mean = static_cast<double>(options_.delay_mean.count()) * (!healed_ && random().chance(0.02) ? 50 : 1);
    const Duration delay(static_cast<std::int64_t>(20'000 + random().exponential(mean)));
    scheduler_.after(delay, [this, from, to, sent] {
      if (const auto receiver = receivers_.find(to); receiver != receivers_.end()) receiver->second(from, sent);
    });
  }
}

}  // namespace isobar::db
