// Links, time, and which way a chunk goes. What becomes of chunks is in passing.cpp and own_chunks.cpp.

#include "gateway_core.h"

#include <algorithm>

namespace isobar::transfer {

namespace {

constexpr std::uint64_t kRoomMost = 1ULL << 40;
// What may be under way to a peer, in the time that its last receipts say it takes. A slow way must not hold more than that when a job
// ends: the fast one could have carried it meanwhile.
constexpr std::uint64_t kSpansUnderWay = 3;

}  // namespace

GatewayCore::GatewayCore(std::uint64_t sender, GatewayLimits limits) : sender_(sender), limits_(limits) {}

std::vector<GatewayEffect> GatewayCore::step(GatewayEvent event, Instant now) {
  now_ = now;
  std::visit([this](auto& one) { on(one); }, event);
  dispatch();
  send_lagging_again();
  return std::exchange(effects_, {});
}

void GatewayCore::wake_at(Instant at) {
  if (!next_timer_ || at < *next_timer_) next_timer_ = at;
}

bool GatewayCore::only_passes(const FrameHeader& header) const {
  if (header.kind == FrameKind::kChunk) return routes_.only_relays(header.partition);
  const auto passing = passing_.find(header.chunk);
  return header.kind == FrameKind::kData && passing != passing_.end() && passing->second.writing == 0 && passing->second.legs.size() == 1;
}

std::map<std::string, std::uint64_t> GatewayCore::acknowledged() const {
  std::map<std::string, std::uint64_t> bytes;
  for (const auto& [id, peer] : peers_) bytes[id] = peer.acknowledged;
  return bytes;
}

bool GatewayCore::hungry() const {
  if (!ready_.empty()) return false;
  bool open = false;
  std::uint64_t unsent = 0;
  for (const auto& [id, link] : links_) {
    if (!link.outward || !link.up || link.window == 0) continue;
    open = true;
    unsent += link.unsent;
    for (const auto& ref : link.busy) unsent += unsent_of_own(ref);
  }
  std::uint64_t under_way = 0, recent = 0;
  for (const auto& [id, peer] : peers_) {
    under_way += peer.in_flight;
    recent += peer.recent.bytes(now_);
  }
  return open && unsent < limits_.hungry_below && under_way < std::max(limits_.hungry_below, recent);
}

// Bytes of a leg that are not even handed to the driver.
std::uint64_t GatewayCore::unsent_of_own(const LegRef& ref) const {
  const auto own = own_.find(ref.chunk.serial);
  if (ref.chunk.sender != sender_ || own == own_.end()) return 0;
  const auto attempt = own->second.attempts.find(ref.chunk.attempt);
  if (attempt == own->second.attempts.end()) return 0;
  const auto leg = attempt->second.legs.find(ref.peer);
  return leg == attempt->second.legs.end() ? 0 : leg->second.total - leg->second.next;
}

std::uint64_t GatewayCore::room_taken() const {
  std::uint64_t bytes = 0;
  for (const auto& [id, link] : links_) bytes += link.taken;
  return bytes;
}

// --- Links

void GatewayCore::on(RoutesChanged& event) {
  routes_ = std::move(event.routes);
  // Other partitions than before, though their numbers are the same: shares count from now on.
  assigned_.assign(routes_.shares().size(), 0);
  for (auto& [id, peer] : peers_) peer.wanted = 0;
  for (const auto& [id, count] : routes_.connections()) {
    const auto [known, made] = peers_.try_emplace(id);
    if (made) known->second.lost_since = now_;
    known->second.wanted = count;
  }
  dial_missing();
  wake_at(now_ + limits_.ping_after);
}

void GatewayCore::dial_missing() {
  for (auto& [id, peer] : peers_) {
    if (static_cast<int>(peer.links.size()) >= peer.wanted) continue;
    if (now_ < peer.redial_at) {
      wake_at(peer.redial_at);
      continue;
    }
    while (static_cast<int>(peer.links.size()) < peer.wanted) {
      const LinkId link(++last_link_);
      Link& made = links_[link];
      made.peer = id;
      made.outward = true;
      peer.links.insert(link);
      effects_.push_back(Dial{link, id});
    }
  }
}

void GatewayCore::on(const LinkUp& event) {
  const auto found = links_.find(event.link);
  if (found == links_.end()) return;
  Link& link = found->second;
  link.up = true;
  link.heard = link.spoke = now_;
  Peer& peer = peers_[link.peer];
  peer.redial = {};
  peer.lost_since = {};
  if (std::exchange(peer.told_lost, false)) effects_.push_back(EdgeChanged{link.peer, true});
  wake_at(now_ + limits_.ping_after);
}

void GatewayCore::on(const LinkAccepted& event) {
  Link& link = links_[event.link];
  link.peer = event.peer;
  link.up = true;
  link.heard = link.spoke = now_;
  FrameHeader credit{.kind = FrameKind::kCredit, .total_bytes = limits_.window_bytes};
  hand(event.link, credit, nullptr);
  wake_at(now_ + limits_.ping_after);
}

void GatewayCore::close(LinkId id, const std::string& why) {
  effects_.push_back(HangUp{id, why});
  lose(id);
}

void GatewayCore::on(LinkLost& event) { lose(event.link); }

void GatewayCore::lose(LinkId id) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  Link link = std::move(found->second);
  links_.erase(found);
  if (!link.outward) return inward_lost(id);
  Peer& peer = peers_[link.peer];
  peer.links.erase(id);
  const bool any = std::any_of(peer.links.begin(), peer.links.end(), [this](LinkId one) { return links_.at(one).up; });
  if (!any && peer.lost_since == Instant()) peer.lost_since = now_;
  peer.redial = std::clamp(peer.redial * 2, limits_.redial_least, limits_.redial_most);
  peer.redial_at = now_ + peer.redial;
  wake_at(peer.redial_at);
  for (const auto& chunk : link.unacked) {
    const LegRef ref{chunk, link.peer};
    Leg* leg = leg_of(ref);
    if (!leg || leg->link != id) continue;
    // The link is gone with all that was on it.
    peer.in_flight -= leg->total;
    leg->link.reset();
    if (chunk.sender == sender_) own_failed(chunk, link.peer, leg->targets, Nack::kLinkLost);
    else legs_lost(chunk, link.peer, Nack::kLinkLost);
  }
}

void GatewayCore::on(const GatewayTick&) {
  next_timer_.reset();
  keep_alive();
  dial_missing();
  for (auto it = retries_.begin(); it != retries_.end() && it->first <= now_; it = retries_.erase(it)) enqueue(it->second);
  if (!retries_.empty()) wake_at(retries_.begin()->first);
  look_for_overdue();
}

void GatewayCore::keep_alive() {
  std::vector<LinkId> dead;
  for (auto& [id, link] : links_) {
    if (!link.up) continue;
    if (now_ - link.heard >= limits_.dead_after) {
      dead.push_back(id);
      continue;
    }
    if (now_ - link.spoke >= limits_.ping_after) hand(id, {.kind = FrameKind::kPing}, nullptr);
    wake_at(std::min(link.heard + limits_.dead_after, link.spoke + limits_.ping_after));
  }
  for (const LinkId id : dead) close(id, "nothing was heard on it");
  for (auto& [id, peer] : peers_) {
    if (peer.penalty_until > now_) wake_at(peer.penalty_until);
    if (peer.wanted == 0 || peer.told_lost || peer.lost_since == Instant()) continue;
    if (now_ - peer.lost_since >= limits_.edge_lost_after) {
      peer.told_lost = true;
      effects_.push_back(EdgeChanged{id, false});
    } else {
      wake_at(peer.lost_since + limits_.edge_lost_after);
    }
  }
}

void GatewayCore::hand(LinkId id, FrameHeader header, Payload body) {
  const auto link = links_.find(id);
  if (link == links_.end() || !link->second.up) return;
  link->second.handed.push_back({});
  link->second.spoke = now_;
  effects_.push_back(SendFrame{id, header, std::move(body)});
}

void GatewayCore::heard(LinkId id, Instant now) {
  if (const auto link = links_.find(id); link != links_.end()) link->second.heard = now;
}

// Room is given back an eighth of the window at a time, since each grant is a frame, and whatever is left when nothing is held.
void GatewayCore::grant(Link& link, LinkId id, std::uint64_t bytes) {
  link.taken -= bytes;
  link.owed += bytes;
  if (link.owed < limits_.window_bytes / 8 && link.taken > 0) return;
  hand(id, {.kind = FrameKind::kCredit, .total_bytes = std::exchange(link.owed, 0)}, nullptr);
}

void GatewayCore::on(const FramesSent& event) {
  const auto found = links_.find(event.link);
  if (found == links_.end()) return;
  Link& link = found->second;
  for (std::size_t i = 0; i < event.frames && !link.handed.empty(); ++i) {
    const auto [chunk, bytes] = link.handed.front();
    link.handed.pop_front();
    link.unsent -= bytes;
    if (bytes == 0 || chunk.sender == sender_) continue;
    const auto passing = passing_.find(chunk);
    if (passing == passing_.end()) continue;
    const auto leg = passing->second.legs.find(link.peer);
    if (leg == passing->second.legs.end()) continue;
    leg->second.sent_bytes += bytes;
    if (passing->second.writing != 0) continue;
    std::uint64_t gone = leg->second.sent_bytes;
    for (const auto& [peer, other] : passing->second.legs)
      if (other.targets != 0) gone = std::min(gone, other.sent_bytes);
    // The bookkeeping's share is given back when the chunk is settled.
    const std::uint64_t held = passing->second.room_left - (room_of(passing->second.total) - passing->second.total);
    const std::uint64_t still = passing->second.total - gone;
    if (held > still) return_room(passing->second, held - still);
  }
  pump(event.link);
}

void GatewayCore::on(FrameArrived& event) {
  const auto found = links_.find(event.link);
  if (found == links_.end()) return;
  Link& link = found->second;
  link.heard = now_;
  const FrameHeader& header = event.header;
  switch (header.kind) {
    case FrameKind::kPing: return;
    case FrameKind::kCredit:
      if (!link.outward) return close(event.link, "room was granted by who sends");
      if (link.window == 0) link.window = std::min(header.total_bytes, kRoomMost);
      link.room = std::min(link.room + std::min(header.total_bytes, kRoomMost), kRoomMost);
      offer_waiting(link.peer);
      return;
    case FrameKind::kAck:
    case FrameKind::kNack:
      if (!link.outward) return close(event.link, "a verdict came from who sends");
      if (link.unacked.count(header.chunk) == 0) return;  // told before
      if (header.chunk.sender == sender_) return own_verdict(header.chunk, link.peer, header, event.body);
      return verdict(header.chunk, header, event.body);
    case FrameKind::kChunk:
      if (link.outward) return close(event.link, "a chunk came from who receives");
      take_chunk(event.link, header);
      return take_frame(event.link, header, event.body);
    case FrameKind::kData:
      if (link.outward) return close(event.link, "a chunk came from who receives");
      return take_frame(event.link, header, event.body);
    case FrameKind::kAbort:
      if (link.outward) return close(event.link, "a chunk came from who receives");
      return take_abort(header);
  }
}

// --- Which way

// Whether there is a link to the peer, and one that can ever have so much room.
bool GatewayCore::reachable(const std::string& id, std::uint64_t room) const {
  const auto peer = peers_.find(id);
  return peer != peers_.end() && now_ >= peer->second.penalty_until &&
         std::any_of(peer->second.links.begin(), peer->second.links.end(),
                     [this, room](LinkId link) { return links_.at(link).window >= room; });
}

bool GatewayCore::viable(const RouteNode& node, std::uint64_t targets, std::uint64_t room) const {
  const auto child_viable = [&](const RouteNode& child) {
    return (child.targets & targets) == 0 || viable(child, child.targets & targets, room);
  };
  if ((node.targets & targets) != targets) return false;
  switch (node.kind) {
    case Operator::Kind::kSend: return reachable(node.peer, room);
    case Operator::Kind::kMuxAnd: return std::all_of(node.children.begin(), node.children.end(), child_viable);
    case Operator::Kind::kMuxOr:
      return std::any_of(node.children.begin(), node.children.end(), [&](const RouteNode& child) { return viable(child, targets, room); });
    default: return node.kind == Operator::Kind::kWrite;
  }
}

// How much is under way for each connection, the fullest branch counting.
double GatewayCore::load(const RouteNode& node) const {
  double most = 0;
  if (node.kind == Operator::Kind::kSend) {
    const auto peer = peers_.find(node.peer);
    if (peer != peers_.end())
      most =
          static_cast<double>(peer->second.in_flight) / std::max(1, peer->second.wanted) + static_cast<double>(peer->second.waiting.size());
  }
  for (const auto& child : node.children) most = std::max(most, load(child));
  return most;
}

const RouteNode* GatewayCore::choose(const RouteNode& mux, std::uint64_t targets, std::uint64_t room, bool must_have_room) const {
  const RouteNode* best = nullptr;
  double best_load = 0;
  for (const auto& child : mux.children) {
    if (!viable(child, targets, room)) continue;
    if (must_have_room) {
      std::map<std::string, std::uint64_t> sends;
      std::uint64_t writes = 0;
      if (!pick_legs(child, targets, room, true, sends, writes)) continue;
    }
    const double child_load = load(child);
    if (!best || child_load < best_load) best = &child, best_load = child_load;
  }
  return best;
}

// To which peers a chunk is sent, and which targets are written here. False: there is no way, or no room on it.
bool GatewayCore::pick_legs(const RouteNode& node, std::uint64_t targets, std::uint64_t room, bool must_have_room,
                            std::map<std::string, std::uint64_t>& sends, std::uint64_t& writes) const {
  switch (node.kind) {
    case Operator::Kind::kWrite: writes |= targets; return true;
    case Operator::Kind::kSend:
      if (must_have_room ? !roomy_link(node.peer, room) : !reachable(node.peer, room)) return false;
      sends[node.peer] |= targets;
      return true;
    case Operator::Kind::kMuxOr: {
      const RouteNode* child = choose(node, targets, room, must_have_room);
      return child != nullptr && pick_legs(*child, targets, room, must_have_room, sends, writes);
    }
    case Operator::Kind::kMuxAnd:
      for (const auto& child : node.children)
        if (const auto bits = child.targets & targets; bits != 0 && !pick_legs(child, bits, room, must_have_room, sends, writes))
          return false;
      return (node.targets & targets) == targets;
    default: return false;
  }
}

std::optional<LinkId> GatewayCore::roomy_link(const std::string& id, std::uint64_t room) const {
  const auto peer = peers_.find(id);
  if (peer == peers_.end() || now_ < peer->second.penalty_until) return std::nullopt;
  const std::uint64_t most = std::max(limits_.under_way_least, kSpansUnderWay * peer->second.recent.bytes(now_));
  // Where there is but one way nothing is won by holding back.
  if (routes_.shares().size() > 1 && peer->second.in_flight > 0 && peer->second.in_flight + room > most) return std::nullopt;
  std::optional<LinkId> best;
  std::uint64_t least = limits_.unsent_bytes_most;
  for (const LinkId one : peer->second.links) {
    const Link& link = links_.at(one);
    if (!link.up || link.room < room || !link.busy.empty() || link.unsent >= least) continue;
    best = one;
    least = link.unsent;
    if (least == 0) break;
  }
  return best;
}

void GatewayCore::penalize(const std::string& id) {
  Peer& peer = peers_[id];
  if (now_ < peer.penalty_until) return;  // one fault of a wave counts
  peer.penalty = std::clamp(peer.penalty * 2, limits_.penalty_least, limits_.penalty_most);
  peer.penalty_until = now_ + peer.penalty;
  wake_at(peer.penalty_until);
}

// --- Legs

GatewayCore::Leg* GatewayCore::leg_of(const LegRef& ref) {
  std::map<std::string, Leg>* legs = nullptr;
  if (ref.chunk.sender == sender_) {
    const auto own = own_.find(ref.chunk.serial);
    if (own == own_.end()) return nullptr;
    const auto attempt = own->second.attempts.find(ref.chunk.attempt);
    if (attempt == own->second.attempts.end()) return nullptr;
    legs = &attempt->second.legs;
  } else {
    const auto passing = passing_.find(ref.chunk);
    if (passing == passing_.end()) return nullptr;
    legs = &passing->second.legs;
  }
  const auto leg = legs->find(ref.peer);
  return leg == legs->end() ? nullptr : &leg->second;
}

void GatewayCore::begin_leg(const LegRef& ref, Leg& leg, LinkId id) {
  Link& link = links_.at(id);
  link.room -= room_of(leg.total);
  link.unacked.insert(ref.chunk);
  peers_[ref.peer].in_flight += leg.total;
  leg.link = id;
  leg.progress = now_;
  leg.queued = true;
  link.busy.push_back(ref);
}

void GatewayCore::end_leg(const LegRef& ref, Leg& leg, bool acknowledged) {
  leg.frames.clear();
  if (!leg.link) return;
  Peer& peer = peers_[ref.peer];
  peer.in_flight -= leg.total;
  if (acknowledged) {
    peer.acknowledged += leg.total;
    peer.recent.add(now_, leg.total);
    peer.penalty = {};
  }
  links_.at(*leg.link).unacked.erase(ref.chunk);
  leg.link.reset();
}

void GatewayCore::pump(LinkId id) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  Link& link = found->second;
  while (!link.busy.empty() && link.unsent < limits_.unsent_bytes_most) {
    const LegRef ref = link.busy.front();
    Leg* leg = leg_of(ref);
    const bool own = ref.chunk.sender == sender_;
    const bool has_frame = leg && leg->link == id && (own || !leg->frames.empty());
    if (!has_frame) {
      if (leg) leg->queued = false;
      link.busy.pop_front();
      continue;
    }
    send_next(ref, *leg, id);
    // Chunks of our own go one after another, so that each is soon complete; those that pass take turns as they come in.
    const bool more = own ? leg->next < leg->total : !leg->frames.empty();
    if (own && more) continue;
    link.busy.pop_front();
    leg->queued = more;
    if (more) link.busy.push_back(ref);
  }
}

void GatewayCore::send_next(const LegRef& ref, Leg& leg, LinkId id) {
  Link& link = links_.at(id);
  std::uint64_t bytes = 0;
  if (ref.chunk.sender == sender_) {
    bytes = std::min<std::uint64_t>(kFrameBytes, leg.total - leg.next);
    FrameHeader header{.kind = leg.next == 0 ? FrameKind::kChunk : FrameKind::kData,
                       .chunk = ref.chunk,
                       .partition = own_.at(ref.chunk.serial).attempts.at(ref.chunk.attempt).partition,
                       .targets = leg.targets,
                       .offset = leg.next,
                       .total_bytes = leg.next == 0 ? leg.total : 0};
    leg.next += bytes;
    effects_.push_back(SendOwn{id, header, bytes});
  } else {
    auto [header, body] = std::move(leg.frames.front());
    leg.frames.pop_front();
    bytes = plain_bytes(header);
    effects_.push_back(SendFrame{id, header, std::move(body)});
  }
  leg.progress = link.spoke = now_;
  link.unsent += bytes;
  link.handed.push_back({ref.chunk, bytes});
}

}  // namespace isobar::transfer
