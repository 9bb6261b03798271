#include "db/read_marks.h"

namespace isobar::db {

void ReadMarks::note(const std::string& key, const Timestamp& at, Instant now) {
  if (!readers_[key].insert(at).second) return;
  auto& marks = of_client_[at.client];
  marks.push_back({key, at, now});
  while (marks.size() > limits_.each_client_most) {
    release(marks.front().key, marks.front().at);
    marks.pop_front();
  }
}

void ReadMarks::release(const std::string& key, const Timestamp& at) {
  const auto found = readers_.find(key);
  if (found == readers_.end()) return;
  found->second.erase(at);
  if (found->second.empty()) readers_.erase(found);
}

bool ReadMarks::read_after(const std::string& key, const Timestamp& at) const {
  const auto found = readers_.find(key);
  return found != readers_.end() && at < *found->second.rbegin();
}

void ReadMarks::expire(Instant now) {
  for (auto client = of_client_.begin(); client != of_client_.end();) {
    auto& marks = client->second;
    while (!marks.empty() && marks.front().since + limits_.life <= now) {
      release(marks.front().key, marks.front().at);
      marks.pop_front();
    }
    client = marks.empty() ? of_client_.erase(client) : std::next(client);
  }
}

}  // namespace isobar::db
