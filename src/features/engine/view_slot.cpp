#include "view_slot.h"

#include <algorithm>
#include <functional>

namespace isobar::features {

void UnwrittenKeys::mark(std::string_view key, std::uint64_t line, Instant now) {
  if (known_.emplace(key).second) queue_.push_back({std::string(key), line, now});
}

std::optional<UnwrittenKeys::Key> UnwrittenKeys::take(Instant since) {
  if (queue_.empty() || queue_.front().since > since) return std::nullopt;
  Key key = std::move(queue_.front());
  queue_.pop_front();
  known_.erase(key.key);
  return key;
}

Result<std::shared_ptr<ViewSlot>> ViewSlot::create(std::shared_ptr<const Project> of, std::size_t view_index, FeaturizerResources resources,
                                                   Duration drift_every) {
  auto slot = std::make_shared<ViewSlot>();
  slot->project = std::move(of);
  slot->index = view_index;
  slot->resources = std::move(resources);
  slot->drift = std::make_shared<ViewDrift>(slot->view(), drift_every);
  const Definition& definition = slot->project->definition();
  slot->keeps_history =
      std::ranges::any_of(slot->view().view().sources, [&](const auto& source) { return !definition.find_source(source)->key.empty(); });
  for (auto& shard : slot->shards) {
    const MutexLock lock(shard.mutex);
    TRY_ASSIGN(shard.state, ViewState::create(slot->view(), {.resources = slot->resources}));
  }
  return slot;
}

ViewShard& ViewSlot::shard_of(std::string_view key) { return shards[std::hash<std::string_view>{}(key) % kShards]; }

std::uint64_t ViewSlot::written_upto() const {
  std::uint64_t upto = applied;
  for (const auto& shard : shards) {
    const MutexLock lock(shard.mutex);
    if (const auto first = shard.unwritten.first()) upto = std::min(upto, *first - 1);
  }
  return upto;
}

std::size_t ViewSlot::keys() const {
  std::size_t keys = 0;
  for (const auto& shard : shards) {
    const MutexLock lock(shard.mutex);
    keys += shard.state->keys();
  }
  return keys;
}

std::size_t ViewSlot::unwritten() const {
  std::size_t keys = 0;
  for (const auto& shard : shards) {
    const MutexLock lock(shard.mutex);
    keys += shard.unwritten.size();
  }
  return keys;
}

}  // namespace isobar::features
