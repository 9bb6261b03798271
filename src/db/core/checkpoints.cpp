#include "db/checkpoints.h"

#include <algorithm>

#include "db/now.h"
#include "db/seeded_bugs.h"
#include "quorums.h"

namespace isobar::db {

std::uint64_t Checkpoints::stable(ShardId shard) const {
  const auto found = stable_.find(shard);
  return found == stable_.end() ? 0 : found->second.statement().until;
}

const StableCheckpoint* Checkpoints::stable_of(ShardId shard) const {
  const auto found = stable_.find(shard);
  return found == stable_.end() ? nullptr : &found->second;
}

std::uint64_t Checkpoints::forgotten(ShardId shard) const {
  const auto found = forgotten_.find(shard);
  return found == forgotten_.end() ? 0 : found->second;
}

bool Checkpoints::gone(const Transaction& tx) const {
  if (seeded(Bug::kForgetsBeforeOthers)) return tx.timestamp.time <= forgotten(self_.shard);
  return std::all_of(tx.participants.begin(), tx.participants.end(),
                     [&](const ShardId& shard) { return tx.timestamp.time <= forgotten(shard); });
}

std::uint64_t Checkpoints::grid(std::uint64_t time) const {
  const auto interval = static_cast<std::uint64_t>(config_.interval.count());
  return time / interval * interval;
}

bool Checkpoints::close(Instant wall, std::uint64_t newest) {
  const std::uint64_t before = closed_;
  closed_ = std::max(closed_, grid(std::min(nanos_of(wall - config_.grace), newest)));
  return closed_ > before;
}

std::optional<std::uint64_t> Checkpoints::due(std::optional<std::uint64_t> oldest_open, bool late) const {
  if (settling_) return std::nullopt;
  std::uint64_t until = oldest_open ? std::min(closed_, grid(std::max<std::uint64_t>(*oldest_open, 1) - 1)) : closed_;
  if (seeded(Bug::kSignsUnclean)) until = closed_;
  // Where others are certain already, what is open here will either come from them or never be committed.
  until = std::max({until, stable(self_.shard), settled_});
  return until > settled_ || late ? std::optional(until) : std::nullopt;
}

void Checkpoints::settled(const SettledState& state) {
  settling_ = false;
  settled_ = state.until;
  if (settled_ != grid(settled_)) return;  // a part of what is to come to rest
  leaves_[state.until] = state.leaves;
  if (leaves_.size() > kRemembered) leaves_.erase(leaves_.begin());
}

std::optional<CheckpointStatement> Checkpoints::to_sign(std::optional<std::uint64_t> oldest_open, bool late) {
  const bool undecided = oldest_open && *oldest_open <= settled_ && !seeded(Bug::kSignsUnclean);
  if (settling_ || late || undecided || settled_ <= stable(self_.shard) || settled_ != grid(settled_)) return std::nullopt;
  const CheckpointStatement statement{settled_, root_of(*leaves_at(settled_))};
  if (last_signed_ == statement) return std::nullopt;
  return last_signed_ = statement;
}

void Checkpoints::begin(const SettledState& state) {
  if (state.until == 0) return;
  settled_ = state.until;
  closed_ = std::max(closed_, settled_);
  leaves_[state.until] = state.leaves;
}

bool Checkpoints::add(const Checkpoint& checkpoint) {
  const CheckpointStatement& said = checkpoint.statement;
  if (said.until <= stable(self_.shard)) return false;
  std::size_t by_it = 0;
  auto oldest = signed_.end();
  for (auto at = signed_.begin(); at != signed_.end(); ++at)
    if (at->second.contains(checkpoint.signer.index) && ++by_it == 1) oldest = at;
  if (by_it >= kSignedByEach) oldest->second.erase(checkpoint.signer.index);
  auto& at = signed_[said.until];
  at[checkpoint.signer.index] = checkpoint;
  StableCheckpoint stable;
  for (const auto& [index, other] : at)
    if (other.statement == said) stable.signed_by.push_back(other);
  return stable.signed_by.size() >= stable_quorum(members_.budget) && add(stable);
}

bool Checkpoints::add(const StableCheckpoint& news) {
  const ShardId shard = news.shard();
  if (news.statement().until <= stable(shard)) return false;
  stable_[shard] = news;
  if (shard != self_.shard) return true;
  closed_ = std::max(closed_, news.statement().until);
  signed_.erase(signed_.begin(), signed_.upper_bound(news.statement().until));
  return true;
}

const std::vector<Hash>* Checkpoints::leaves_at(std::uint64_t until) const {
  const auto found = leaves_.find(until);
  return found == leaves_.end() ? nullptr : &found->second;
}

Checkpoints::Leaves Checkpoints::leaves_about(std::uint64_t until) const {
  auto found = leaves_.find(until);
  if (found == leaves_.end() && !leaves_.empty()) found = std::prev(leaves_.end());
  return found == leaves_.end() ? Leaves{} : Leaves{found->first, &found->second};
}

bool Checkpoints::match() {
  const StableCheckpoint* stable = stable_of(self_.shard);
  if (!stable || stable->statement().until <= matched_) return false;
  const auto* own = leaves_at(stable->statement().until);
  if (!own || (root_of(*own) != stable->statement().root && !seeded(Bug::kMatchesAnything))) return false;
  matched_ = stable->statement().until;
  return true;
}

bool Checkpoints::differs() const {
  const StableCheckpoint* stable = stable_of(self_.shard);
  const auto* own = stable ? leaves_at(stable->statement().until) : nullptr;
  return own && root_of(*own) != stable->statement().root;
}

bool Checkpoints::advance() {
  const auto retention = static_cast<std::uint64_t>(config_.retention.count());
  bool further = false;
  const auto raise = [&](ShardId shard, std::uint64_t to) {
    if (to <= retention || to - retention <= forgotten(shard)) return;
    forgotten_[shard] = to - retention;
    further = true;
  };
  for (const auto& [shard, known] : stable_) raise(shard, shard == self_.shard ? matched_ : known.statement().until);
  return further;
}

CheckpointRecord Checkpoints::record() const {
  CheckpointRecord record{closed_, matched_, 0, {}, {}};
  for (const auto& [shard, until] : forgotten_) record.forgotten.push_back({shard, until});
  for (const auto& [shard, known] : stable_) record.stable.push_back(known);
  return record;
}

void Checkpoints::restore(const CheckpointRecord& record) {
  closed_ = std::max(closed_, record.closed);
  matched_ = std::max(matched_, record.matched);
  for (const auto& [shard, until] : record.forgotten) forgotten_[shard] = std::max(forgotten(shard), until);
  for (const auto& known : record.stable)
    if (!known.signed_by.empty()) stable_[known.shard()] = known;
}

void Checkpoints::canonical_state(Encoder& out) const {
  out(closed_)(settled_)(matched_)(settling_);
  for (const auto& [until, leaves] : leaves_) out(until)(root_of(leaves));
  for (const auto& [shard, known] : stable_) out(shard)(known.statement());
  for (const auto& [shard, until] : forgotten_) out(shard)(until);
}

}  // namespace isobar::db
