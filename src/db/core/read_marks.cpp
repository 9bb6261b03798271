#include "db/read_marks.h"

#include <algorithm>

#include "db/seeded_bugs.h"

namespace isobar::db {

namespace {
constexpr unsigned kDoublings = 5;
constexpr std::size_t kRestsMost = 1U << 16;
}  // namespace

void ReadMarks::note(const std::string& key, const Timestamp& at, Instant now) {
  const auto rest = rests_.find({at.client, key});
  if (rest != rests_.end() && now < rest->second.until && !seeded(Bug::kMarksNeverRest)) return;
  if (!readers_[key].emplace(at, now).second) return;
  auto& marks = of_client_[at.client];
  marks.push_back({key, at, now});
  while (marks.size() > limits_.each_client_most) {
    const Mark oldest = std::move(marks.front());
    marks.pop_front();
    give_up(oldest.key, oldest.at, now);
  }
}

void ReadMarks::erase(const std::string& key, const Timestamp& at) {
  const auto found = readers_.find(key);
  if (found == readers_.end()) return;
  found->second.erase(at);
  if (found->second.empty()) readers_.erase(found);
}

void ReadMarks::take_over(const std::string& key, const Timestamp& at) {
  const auto found = readers_.find(key);
  if (found == readers_.end() || !found->second.contains(at)) return;
  erase(key, at);
  rests_.erase({at.client, key});
}

void ReadMarks::give_up(const std::string& key, const Timestamp& at, Instant now) {
  const auto found = readers_.find(key);
  const auto mark = found == readers_.end() ? std::map<Timestamp, Instant>::iterator() : found->second.find(at);
  if (found == readers_.end() || mark == found->second.end()) return;
  const Duration lived = now - mark->second;
  erase(key, at);
  if (rests_.size() >= kRestsMost && !rests_.contains({at.client, key})) return;
  Rest& rest = rests_[{at.client, key}];
  if (now < rest.until) return;  // of several that it had at once: the first one's end counts
  rest.until = now + lived * (1 << std::min(rest.vain++, kDoublings));
}

bool ReadMarks::read_after(const std::string& key, const Timestamp& at) const {
  const auto found = readers_.find(key);
  return found != readers_.end() && at < found->second.rbegin()->first;
}

void ReadMarks::expire(Instant now) {
  for (auto client = of_client_.begin(); client != of_client_.end();) {
    auto& marks = client->second;
    while (!marks.empty() && marks.front().since + limits_.life <= now) {
      const Mark oldest = std::move(marks.front());
      marks.pop_front();
      give_up(oldest.key, oldest.at, now);
    }
    client = marks.empty() ? of_client_.erase(client) : std::next(client);
  }
  // Who behaved for long is forgiven.
  std::erase_if(rests_, [&](const auto& entry) { return entry.second.until + limits_.life * (1 << kDoublings) <= now; });
}

}  // namespace isobar::db
