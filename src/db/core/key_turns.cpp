#include "db/key_turns.h"

#include <algorithm>

namespace isobar::db {

bool KeyTurns::take(const std::string& key, TxHandle tx, Instant until) {
  places_.emplace(tx, key);
  const auto [line, is_free] = lines_.try_emplace(key, Line{tx, {}});
  if (is_free) return true;
  line->second.waiting.push_back({tx, until});
  expiries_.emplace(until, Turn{tx, key});
  return false;
}

std::vector<KeyTurns::Turn> KeyTurns::release(TxHandle tx) {
  std::vector<Turn> next;
  const auto [first, last] = places_.equal_range(tx);
  for (auto place = first; place != last; ++place) {
    const auto line = lines_.find(place->second);
    auto& [holder, waiting] = line->second;
    if (holder != tx) {
      std::erase_if(waiting, [tx](const Waiter& waiter) { return waiter.tx == tx; });
    } else if (waiting.empty()) {
      lines_.erase(line);
    } else {
      holder = waiting.front().tx;
      waiting.pop_front();
      next.push_back({holder, place->second});
    }
  }
  places_.erase(first, last);
  return next;
}

std::vector<KeyTurns::Turn> KeyTurns::expire(Instant now) {
  std::vector<Turn> tired;
  for (; !expiries_.empty() && expiries_.begin()->first <= now; expiries_.erase(expiries_.begin())) {
    auto& turn = expiries_.begin()->second;
    const auto line = lines_.find(turn.key);
    if (line == lines_.end()) continue;
    const auto left = std::erase_if(line->second.waiting, [&](const Waiter& waiter) { return waiter.tx == turn.tx; });
    if (left == 0) continue;
    const auto [first, last] = places_.equal_range(turn.tx);
    places_.erase(std::find_if(first, last, [&](const auto& place) { return place.second == turn.key; }));
    tired.push_back(std::move(turn));
  }
  return tired;
}

std::optional<Instant> KeyTurns::next_expiry() const {
  if (expiries_.empty()) return std::nullopt;
  return expiries_.begin()->first;
}

}  // namespace isobar::db
