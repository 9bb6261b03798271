#include "db/read_holds.h"

#include <iterator>

namespace isobar::db {

namespace {
/// Nothing lies between a key and itself with a zero behind it.
bool is_one_key(std::string_view from, std::string_view until) {
  return until.size() == from.size() + 1 && until.back() == '\0' && until.starts_with(from);
}
}  // namespace

bool ReadHolds::grant(const std::string& from, const std::string& until, const Timestamp& at) {
  if (size() >= most_) return false;
  if (is_one_key(from, until)) {
    Timestamp& latest = keys_[from];
    latest = std::max(latest, at);
    return true;
  }
  const auto [known, is_new] = ranges_.try_emplace({from, until}, at);
  if (!is_new && at <= known->second) return true;
  if (!is_new) {
    auto [first, end] = by_time_.equal_range(known->second);
    while (first != end && first->second != known->first) ++first;
    if (first != end) by_time_.erase(first);
    known->second = at;
  }
  by_time_.emplace(at, known->first);
  return true;
}

bool ReadHolds::stands_against(const std::string& key, const Timestamp& at) const {
  if (const auto one = keys_.find(key); one != keys_.end() && at < one->second) return true;
  for (auto later = by_time_.upper_bound(at); later != by_time_.end(); ++later)
    if (later->second.first <= key && key < later->second.second) return true;
  return false;
}

void ReadHolds::close(std::uint64_t time) {
  std::erase_if(keys_, [time](const auto& each) { return each.second.time <= time; });
  while (!by_time_.empty() && by_time_.begin()->first.time <= time) {
    ranges_.erase(by_time_.begin()->second);
    by_time_.erase(by_time_.begin());
  }
}

}  // namespace isobar::db
