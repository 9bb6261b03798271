// Chunks that begin here: which way each goes, and again which way when it did not get through.

#include <fmt/format.h>

#include <algorithm>

#include "gateway_core.h"

namespace isobar::transfer {

namespace {

// How far a partition may run ahead of its share: what is left of the plan when links are not as fast as it thought.
constexpr double kSlackShare = 0.1, kSlackBytes = 32 << 20;
// Chunks without a way that are looked past, so that they do not hold up those that have one.
constexpr std::size_t kLookedPast = 64;
constexpr Duration kRetryLeast = 50ms, kRetryMost = 2s;
constexpr Duration kLookForLagging = 100ms;
// What may be sent a second time while the first is under way, besides a twentieth of all.
constexpr std::uint64_t kSentAgainLeast = 32 << 20;

std::string_view words_of(Nack why) {
  switch (why) {
    case Nack::kNoRoute: return "no way led on from a relay";
    case Nack::kLinkLost: return "a connection broke";
    case Nack::kCorrupt: return "it arrived changed";
    case Nack::kOverdue: break;
  }
  return "nothing was heard of it";
}

}  // namespace

void GatewayCore::on(const ChunkOffered& event) {
  Own& own = own_[event.serial];
  own.total = event.total_bytes;
  own.unsent |= event.targets;
  own.wanted |= event.targets;
  own.failures = 0;
  offered_bytes_ += event.total_bytes;
  own.offered = now_;
  enqueue(event.serial);
}

void GatewayCore::on(const ChunkWithdrawn& event) {
  const auto found = own_.find(event.serial);
  if (found == own_.end()) return;
  drop_attempts(event.serial, found->second);
  own_.erase(found);
}

void GatewayCore::drop_attempts(std::uint64_t serial, Own& own) {
  for (auto& [number, attempt] : own.attempts)
    for (auto& [peer, leg] : attempt.legs) {
      const ChunkKey key{sender_, serial, number};
      if (leg.link) hand(*leg.link, {.kind = FrameKind::kAbort, .chunk = key}, nullptr);
      end_leg({key, peer}, leg, false);
    }
  own.attempts.clear();
}

void GatewayCore::enqueue(std::uint64_t serial) {
  const auto found = own_.find(serial);
  if (found == own_.end() || found->second.queued || found->second.unsent == 0) return;
  found->second.queued = true;
  ready_.push_back(serial);
}

void GatewayCore::dispatch() {
  std::size_t looked_past = 0;
  for (auto it = ready_.begin(); it != ready_.end() && looked_past < kLookedPast;) {
    const auto own = own_.find(*it);
    if (own != own_.end() && own->second.unsent != 0) {
      const auto ways = partitions_to(own->second.unsent, room_of(own->second.total));
      if (ways.empty()) {
        ++looked_past;
        ++it;
        continue;
      }
      if (!try_send(*it, own->second, ways)) return;  // there is a way, and it has no room now
    }
    if (own != own_.end()) own->second.queued = false;
    it = ready_.erase(it);
  }
}

// The partitions that lead to all of these targets, the one that is furthest behind its share first.
std::vector<std::uint32_t> GatewayCore::partitions_to(std::uint64_t targets, std::uint64_t room) const {
  std::vector<std::pair<double, std::uint32_t>> found;
  for (std::uint32_t partition = 0; partition < routes_.shares().size(); ++partition) {
    const RouteNode* node = routes_.of(partition);
    if (node && viable(*node, targets, room))
      found.emplace_back(assigned_[partition] / std::max(routes_.shares()[partition], 1e-9), partition);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::uint32_t> partitions;
  for (const auto& [lead, partition] : found) partitions.push_back(partition);
  return partitions;
}

bool GatewayCore::try_send(std::uint64_t serial, Own& own, const std::vector<std::uint32_t>& ways) {
  double assigned = 0;
  for (const double bytes : assigned_) assigned += bytes;
  for (const std::uint32_t partition : ways) {
    const double ahead = assigned_[partition] - routes_.shares()[partition] * assigned;
    if (partition != ways.front() && ahead > std::max(kSlackBytes, kSlackShare * assigned)) continue;
    std::map<std::string, std::uint64_t> sends;
    std::uint64_t writes = 0;
    if (!pick_legs(*routes_.of(partition), own.unsent, room_of(own.total), true, sends, writes)) continue;
    own.unsent = 0;
    send(serial, own, partition, sends);
    return true;
  }
  return false;
}

void GatewayCore::send(std::uint64_t serial, Own& own, std::uint32_t partition, const std::map<std::string, std::uint64_t>& sends) {
  const ChunkKey key{sender_, serial, own.next_attempt++};
  Attempt& attempt = own.attempts[key.attempt];
  attempt.partition = partition;
  attempt.sent = now_;
  assigned_[partition] += static_cast<double>(own.total);
  for (const auto& [peer, targets] : sends) {
    Leg& leg = attempt.legs[peer];
    leg.targets = targets;
    leg.total = own.total;
    const LinkId link = *roomy_link(peer, room_of(own.total));
    begin_leg({key, peer}, leg, link);
    pump(link);
  }
}

// At a job's end the last chunks may be on connections that have lost so much that they hardly move, while another way has nothing to
// do. What has been under way for longer than that other way takes is sent over it as well; the first receipt counts.
void GatewayCore::send_lagging_again() {
  if (!ready_.empty() || !retries_.empty() || own_.empty() || routes_.shares().size() < 2) return;
  wake_at(now_ + kLookForLagging);
  if (now_ - looked_for_lagging_ < kLookForLagging) return;
  looked_for_lagging_ = now_;
  for (auto& [serial, own] : own_) {
    if (own.sent_twice || own.attempts.size() != 1 || own.wanted == 0) continue;
    if (sent_again_bytes_ + own.total > std::max(kSentAgainLeast, offered_bytes_ / 20)) return;
    if (now_ - own.attempts.begin()->second.sent >= kLookForLagging) send_again(serial, own);
  }
}

bool GatewayCore::send_again(std::uint64_t serial, Own& own) {
  const Attempt& first = own.attempts.begin()->second;
  for (const std::uint32_t partition : partitions_to(own.wanted, room_of(own.total))) {
    if (partition == first.partition) continue;
    std::map<std::string, std::uint64_t> sends;
    std::uint64_t writes = 0;
    if (!pick_legs(*routes_.of(partition), own.wanted, room_of(own.total), true, sends, writes)) continue;
    const bool sooner = std::all_of(sends.begin(), sends.end(), [&](const auto& one) {
      const Peer& peer = peers_.at(one.first);
      return first.legs.count(one.first) == 0 && peer.typical > Duration() && peer.in_flight <= peer.recent.bytes(now_) &&
             now_ - first.sent > peer.typical + kLookForLagging;
    });
    if (!sooner) continue;
    own.sent_twice = true;
    sent_again_bytes_ += own.total;
    send(serial, own, partition, sends);
    return true;
  }
  return false;
}

void GatewayCore::own_verdict(const ChunkKey& key, const std::string& peer, const FrameHeader& header, const Payload& body) {
  const auto own = own_.find(key.serial);
  Leg* leg = leg_of({key, peer});
  if (own == own_.end() || !leg) return;
  const std::uint64_t told = leg->targets & header.targets;
  if (told == 0) return;
  if (header.kind == FrameKind::kNack) return own_failed(key, peer, told, static_cast<Nack>(header.detail));
  leg->targets &= ~told;
  leg->progress = now_;
  // Of a chunk that was sent twice the second receipt tells nothing new.
  const std::uint64_t news = told & std::exchange(own->second.wanted, own->second.wanted & ~told);
  for (int target = 0; target < static_cast<int>(kTargetsMost); ++target)
    if ((news >> target & 1) != 0) effects_.push_back(ChunkDelivered{key.serial, target, body});
  if (leg->targets != 0) return;
  end_leg({key, peer}, *leg, true);
  Attempt& attempt = own->second.attempts.at(key.attempt);
  Duration& typical = peers_[peer].typical;
  typical = typical == Duration() ? now_ - attempt.sent : typical - typical / 8 + (now_ - attempt.sent) / 8;
  attempt.legs.erase(peer);
  if (attempt.legs.empty()) own->second.attempts.erase(key.attempt);
  if (own->second.wanted == 0) drop_attempts(key.serial, own->second);
}

// Some targets of one sending are not reached this way: they are queued again, after a pause that grows.
void GatewayCore::own_failed(const ChunkKey& key, const std::string& peer, std::uint64_t targets, Nack why) {
  const auto found = own_.find(key.serial);
  if (found == own_.end()) return;
  Own& own = found->second;
  if (why != Nack::kLinkLost) penalize(peer);
  if (const auto attempt = own.attempts.find(key.attempt); attempt != own.attempts.end()) {
    const auto leg = attempt->second.legs.find(peer);
    if (leg != attempt->second.legs.end()) {
      leg->second.targets &= ~targets;
      if (leg->second.targets == 0) {
        if (leg->second.link && (leg->second.next < leg->second.total || why == Nack::kOverdue))
          hand(*leg->second.link, {.kind = FrameKind::kAbort, .chunk = key}, nullptr);
        end_leg({key, peer}, leg->second, false);
        attempt->second.legs.erase(leg);
      }
    }
    if (attempt->second.legs.empty()) own.attempts.erase(attempt);
  }
  targets &= own.wanted;
  // Those that another sending may still reach.
  for (const auto& [number, attempt] : own.attempts)
    for (const auto& [other, leg] : attempt.legs)
      if (number != key.attempt) targets &= ~leg.targets;
  if (targets == 0) return;
  // A broken connection is nobody's fault but the connection's; what is told of the chunk itself counts.
  if (why != Nack::kLinkLost) ++own.failures;
  if (own.failures >= limits_.attempts_most)
    return give_up(key.serial, targets,
                   unavailable(fmt::format("the chunk was sent {} times in vain; the last time {}", own.failures, words_of(why))));
  own.unsent |= targets;
  const Duration pause = std::min(kRetryMost, kRetryLeast * (1 << std::min(own.failures, 8)));
  const Instant at = own.failures == 0 ? now_ : now_ + pause;
  retries_.emplace(at, key.serial);
  wake_at(at);
}

void GatewayCore::give_up(std::uint64_t serial, std::uint64_t targets, const Error& why) {
  own_.at(serial).unsent &= ~targets;
  effects_.push_back(ChunkUndelivered{serial, targets, why});
}

Error GatewayCore::no_way(std::uint64_t bytes) const {
  const bool connected = std::any_of(links_.begin(), links_.end(), [](const auto& link) { return link.second.window > 0; });
  const bool fits = std::any_of(links_.begin(), links_.end(), [bytes](const auto& link) { return link.second.window >= room_of(bytes); });
  if (connected && !fits)
    return invalid(fmt::format(
        "a part of {} bytes is more than the gateways hold for a connection; give them more memory, or fewer connections", bytes));
  return unavailable("no way leads to the destination: every gateway on it is out of reach");
}

// Chunks of which nothing is heard any more, and such as no way leads for.
void GatewayCore::look_for_overdue() {
  if (own_.empty() && passing_.empty()) return;
  wake_at(now_ + 1s);
  if (now_ - looked_ < 1s) return;
  looked_ = now_;
  drop_stale();
  struct Overdue {
    ChunkKey key;
    std::string peer;
    std::uint64_t targets;
  };
  std::vector<Overdue> overdue;
  std::vector<std::uint64_t> stuck;
  for (auto& [serial, own] : own_) {
    for (auto& [number, attempt] : own.attempts)
      for (auto& [peer, leg] : attempt.legs)
        if (leg.targets != 0 && now_ - leg.progress >= limits_.chunk_patience)
          overdue.push_back({{sender_, serial, number}, peer, leg.targets});
    if (own.queued && own.attempts.empty() && now_ - own.offered >= limits_.chunk_patience &&
        partitions_to(own.unsent, room_of(own.total)).empty())
      stuck.push_back(serial);
  }
  for (const auto& one : overdue) own_failed(one.key, one.peer, one.targets, Nack::kOverdue);
  for (const auto serial : stuck) give_up(serial, own_.at(serial).unsent, no_way(own_.at(serial).total));
}

}  // namespace isobar::transfer
