// What comes over links: passed on, written here, or both.

#include <algorithm>

#include "gateway_core.h"

namespace isobar::transfer {

namespace {

// Receipts that are kept for a chunk that comes a second time, because the first receipt was lost on its way.
constexpr std::size_t kReceiptsKept = 65'536;

}  // namespace

void GatewayCore::take_chunk(LinkId id, const FrameHeader& header) {
  Link& link = links_.at(id);
  const std::uint64_t room = room_of(header.total_bytes);
  if (link.taken + room > limits_.window_bytes) return close(id, "more came than there was room for");
  if (passing_.count(header.chunk) != 0 || header.chunk.sender == sender_) return close(id, "a chunk was begun twice");
  link.taken += room;
  Passing passing;
  passing.in = id;
  passing.total = header.total_bytes;
  passing.room_left = room;
  passing.progress = now_;
  std::map<std::string, std::uint64_t> sends;
  const RouteNode* node = routes_.of(header.partition);
  if (!node || header.targets == 0 || !pick_legs(*node, header.targets, room, false, sends, passing.writing)) {
    hand(id,
         {.kind = FrameKind::kNack, .detail = static_cast<std::uint8_t>(Nack::kNoRoute), .chunk = header.chunk, .targets = header.targets},
         nullptr);
    return grant(link, id, room);
  }
  for (const auto& [peer, targets] : sends) {
    Leg& leg = passing.legs[peer];
    leg.targets = targets;
    leg.total = header.total_bytes;
    leg.progress = now_;
  }
  const auto& legs = passing_.emplace(header.chunk, std::move(passing)).first->second.legs;
  for (const auto& [peer, leg] : legs) {
    peers_[peer].waiting.push_back(header.chunk);
    offer_waiting(peer);
  }
}

// Chunks that wait for room on any of a peer's links, first come first served.
void GatewayCore::offer_waiting(const std::string& id) {
  Peer& peer = peers_[id];
  while (!peer.waiting.empty()) {
    const LegRef ref{peer.waiting.front(), id};
    Leg* leg = leg_of(ref);
    if (leg && leg->targets != 0 && !leg->link) {
      // The link with the most room: a slow one gives room back late.
      std::optional<LinkId> best;
      for (const LinkId one : peer.links) {
        const Link& link = links_.at(one);
        if (link.up && link.room >= room_of(leg->total) && (!best || link.room > links_.at(*best).room)) best = one;
      }
      if (!best) return;
      begin_leg(ref, *leg, *best);
      pump(*best);
    }
    peer.waiting.pop_front();
  }
}

void GatewayCore::take_frame(LinkId id, const FrameHeader& header, const Payload& body) {
  const auto found = passing_.find(header.chunk);
  if (found == passing_.end()) return;  // given up before, which its sender was told or will be
  Passing& passing = found->second;
  if (passing.in != id) return close(id, "a frame came over another link than its chunk");
  const std::uint64_t bytes = plain_bytes(header);
  if (header.offset != passing.received || bytes > passing.total - passing.received || (bytes == 0 && passing.total != 0))
    return close(id, "a chunk's frames came out of order");
  passing.received += bytes;
  passing.progress = now_;
  const bool complete_now = passing.received == passing.total;
  // Parts of a chunk that are all of the same size, but for the last: what the source seals by offset depends on it.
  if (!complete_now && bytes != kFrameBytes) return close(id, "a frame is shorter than it must be");
  if (passing.writing != 0) effects_.push_back(Gather{header, body});
  for (auto& [peer, leg] : passing.legs) {
    if (leg.targets == 0) continue;
    FrameHeader onward = header;
    if (onward.kind == FrameKind::kChunk) onward.targets = leg.targets;
    leg.frames.emplace_back(onward, body);
    if (!leg.link) continue;
    if (!leg.queued) {
      leg.queued = true;
      links_.at(*leg.link).busy.push_back({header.chunk, peer});
    }
    pump(*leg.link);
  }
  if (complete_now) complete(header.chunk, passing);
}

void GatewayCore::complete(const ChunkKey& key, Passing& passing) {
  if (passing.writing == 0) return;
  std::uint64_t to_write = 0;
  for (int target = 0; target < static_cast<int>(kTargetsMost); ++target)
    if ((passing.writing >> target & 1) != 0 && !write_or_join(key, target)) to_write |= std::uint64_t{1} << target;
  if (to_write != 0) effects_.push_back(WriteChunk{key, to_write});
  else effects_.push_back(DropChunk{key});
  settle(key);
}

// A chunk that comes again, because its receipt was lost or late, is not written again. True: it is, or is being, written.
bool GatewayCore::write_or_join(const ChunkKey& key, int target) {
  Writing& writing = writing_[{key.sender, key.serial, target}];
  if (writing.receipt) {
    answer(key, FrameKind::kAck, 0, std::uint64_t{1} << target, writing.receipt);
    passing_.at(key).writing &= ~(std::uint64_t{1} << target);
    return true;
  }
  writing.waiting.push_back(key);
  return writing.waiting.size() > 1;
}

void GatewayCore::on(ChunkWritten& event) {
  const WriteKey key{event.chunk.sender, event.chunk.serial, event.target};
  const auto found = writing_.find(key);
  if (found == writing_.end()) return;
  const std::uint64_t bit = std::uint64_t{1} << event.target;
  const auto waiting = std::exchange(found->second.waiting, {});
  if (event.verdict == ChunkWritten::Verdict::kWritten) {
    found->second.receipt = event.receipt;
    written_.push_back(key);
    if (written_.size() > kReceiptsKept) {
      writing_.erase(written_.front());
      written_.pop_front();
    }
  } else {
    writing_.erase(found);
  }
  for (const auto& chunk : waiting) {
    const auto passing = passing_.find(chunk);
    if (passing == passing_.end()) continue;
    passing->second.writing &= ~bit;
    if (event.verdict == ChunkWritten::Verdict::kCorrupt)
      answer(chunk, FrameKind::kNack, static_cast<std::uint8_t>(Nack::kCorrupt), bit, nullptr);
    else answer(chunk, FrameKind::kAck, 0, bit, event.receipt);
    settle(chunk);
  }
}

// What a sink or a relay further on says of a chunk goes back the way the chunk came.
void GatewayCore::verdict(const ChunkKey& key, const FrameHeader& header, const Payload& body) {
  const auto passing = passing_.find(key);
  if (passing == passing_.end()) return;
  for (auto& [peer, leg] : passing->second.legs) {
    const std::uint64_t told = leg.targets & header.targets;
    if (told == 0) continue;
    leg.targets &= ~told;
    if (leg.targets == 0) end_leg({key, peer}, leg, header.kind == FrameKind::kAck);
    answer(key, header.kind, header.detail, told, body);
    break;
  }
  settle(key);
}

void GatewayCore::answer(const ChunkKey& key, FrameKind kind, std::uint8_t detail, std::uint64_t targets, Payload receipt) {
  const auto passing = passing_.find(key);
  if (passing == passing_.end() || !passing->second.in) return;
  FrameHeader header{.kind = kind, .detail = detail, .chunk = key, .targets = targets};
  hand(*passing->second.in, header, std::move(receipt));
}

void GatewayCore::legs_lost(const ChunkKey& key, const std::string& peer, Nack why) {
  const auto passing = passing_.find(key);
  if (passing == passing_.end()) return;
  const auto leg = passing->second.legs.find(peer);
  if (leg == passing->second.legs.end()) return;
  const std::uint64_t targets = std::exchange(leg->second.targets, 0);
  end_leg({key, peer}, leg->second, false);
  if (targets != 0) answer(key, FrameKind::kNack, static_cast<std::uint8_t>(why), targets, nullptr);
  settle(key);
}

// Who sends wants no verdict any more. What is whole and being written is written to its end, as it cannot be called back.
void GatewayCore::take_abort(const FrameHeader& header) {
  const auto found = passing_.find(header.chunk);
  if (found == passing_.end()) return;
  for (auto& [peer, leg] : found->second.legs) {
    if (leg.link) hand(*leg.link, {.kind = FrameKind::kAbort, .chunk = header.chunk}, nullptr);
    leg.targets = 0;
    end_leg({header.chunk, peer}, leg, false);
  }
  const bool whole = found->second.received == found->second.total;
  if (!whole && std::exchange(found->second.writing, 0) != 0) effects_.push_back(DropChunk{header.chunk});
  settle(header.chunk);
}

void GatewayCore::inward_lost(LinkId id) {
  std::vector<ChunkKey> cut;
  for (auto& [key, passing] : passing_) {
    if (passing.in != id) continue;
    if (passing.received != passing.total) cut.push_back(key);
    passing.in.reset();
  }
  for (const auto& key : cut) take_abort({.kind = FrameKind::kAbort, .chunk = key});
}

// Chunks whose rest does not come though their link is alive: whoever sends them has forgotten them, or keeps them back. Their source
// has given the attempt up by then; what they take of the link's room is for others.
void GatewayCore::drop_stale() {
  std::vector<std::pair<ChunkKey, std::uint64_t>> stale;
  for (const auto& [key, passing] : passing_) {
    if (passing.received == passing.total || now_ - passing.progress < 2 * limits_.chunk_patience) continue;
    std::uint64_t targets = passing.writing;
    for (const auto& [peer, leg] : passing.legs) targets |= leg.targets;
    stale.emplace_back(key, targets);
  }
  for (const auto& [key, targets] : stale) {
    answer(key, FrameKind::kNack, static_cast<std::uint8_t>(Nack::kOverdue), targets, nullptr);
    take_abort({.kind = FrameKind::kAbort, .chunk = key});
  }
}

void GatewayCore::return_room(Passing& passing, std::uint64_t bytes) {
  passing.room_left -= bytes;
  if (!passing.in) return;
  const auto link = links_.find(*passing.in);
  if (link != links_.end()) grant(link->second, *passing.in, bytes);
}

// Forgets a chunk about which nothing more is to be said.
void GatewayCore::settle(const ChunkKey& key) {
  const auto found = passing_.find(key);
  if (found == passing_.end()) return;
  Passing& passing = found->second;
  const bool open = passing.writing != 0 ||
                    std::any_of(passing.legs.begin(), passing.legs.end(), [](const auto& leg) { return leg.second.targets != 0; });
  if (open) return;
  return_room(passing, passing.room_left);
  passing_.erase(found);
}

}  // namespace isobar::transfer
