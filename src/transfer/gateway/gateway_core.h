#pragma once

// One gateway as a state machine: which chunk goes over which link, who is told what, and what is done when links break, peers fall
// silent or lie. No socket, clock, key or byte of a chunk inside: bodies are handles that the driver understands. So a whole overlay
// of gateways, some of them hostile, can be run in one thread from a seed.
//
// A source sends a chunk down the programs' tree and keeps it until every target's receipt has come back along the way it went. A relay
// passes frames on as they come and keeps nothing but the way back. A sink gathers a chunk, has it written, and sends the receipt. Who
// loses a link tells it upstream for each chunk that was on it (kNack), and the source sends those again, another way if there is one.
//
// Room is granted in bytes (kCredit), and a chunk takes all of its own before its first frame is sent. So whatever was begun can be
// finished, however many chunks are mixed on a link, and no gateway ever holds more than its window for each link in.

#include <compare>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "recent_bytes.h"
#include "route_table.h"
#include "wire.h"

namespace isobar::transfer {

using LinkId = Id<struct LinkTag>;

// What a frame carries; made and read by the driver alone.
class FrameBody {
 public:
  virtual ~FrameBody() = default;
  virtual std::uint32_t size() const = 0;
};
using Payload = std::shared_ptr<FrameBody>;

struct GatewayLimits {
  std::uint64_t window_bytes = 32 << 20;      // granted to each link in
  std::uint64_t unsent_bytes_most = 1 << 20;  // handed to the driver for a link and not sent yet
  std::uint64_t under_way_least = 32 << 20;   // to a peer may be so many bytes, however slow it is
  std::uint64_t hungry_below = 4 << 20;       // bytes on their way out of here, when more are wanted
  int attempts_most = 8;                      // sendings of a chunk before the job is told that it does not get through
  // Each side says something at least so often; who hears nothing at all for so long takes the link for dead.
  Duration ping_after = std::chrono::seconds(1), dead_after = std::chrono::seconds(4);
  Duration redial_least = std::chrono::milliseconds(250), redial_most = std::chrono::seconds(5);
  Duration edge_lost_after = std::chrono::seconds(1);  // without any link to a peer
  Duration chunk_patience = std::chrono::seconds(60);  // without any progress of a chunk
  Duration penalty_least = std::chrono::milliseconds(500), penalty_most = std::chrono::seconds(20);
};

// Room that a chunk takes of a link's: its bytes and its bookkeeping.
constexpr std::uint64_t room_of(std::uint64_t total_bytes) { return total_bytes + 1024; }

// Events.
struct LinkUp {  // of a Dial
  LinkId link;
};
struct LinkAccepted {
  LinkId link;
  std::string peer;
};
struct LinkLost {
  LinkId link;
  Error why;
};
struct FrameArrived {
  LinkId link;
  FrameHeader header;
  Payload body;
};
// The oldest `frames` of those that were to be sent over the link are with the kernel.
struct FramesSent {
  LinkId link;
  std::size_t frames = 1;
};
// To the source: a chunk is to go to these targets. May come again for targets whose verdict was bad.
struct ChunkOffered {
  std::uint64_t serial = 0, total_bytes = 0, targets = 0;
};
// The job needs the chunk no more.
struct ChunkWithdrawn {
  std::uint64_t serial = 0;
};
struct ChunkWritten {
  enum class Verdict { kWritten, kRefused, kCorrupt };  // kRefused: by the store; the receipt says why
  ChunkKey chunk;
  int target = 0;
  Verdict verdict = Verdict::kWritten;
  Payload receipt;
};
struct RoutesChanged {
  RouteTable routes;
};
struct GatewayTick {};
using GatewayEvent = std::variant<LinkUp, LinkAccepted, LinkLost, FrameArrived, FramesSent, ChunkOffered, ChunkWithdrawn, ChunkWritten,
                                  RoutesChanged, GatewayTick>;

// Effects.
struct Dial {
  LinkId link;
  std::string peer;
};
struct HangUp {
  LinkId link;
  std::string why;
};
struct SendFrame {
  LinkId link;
  FrameHeader header;
  Payload body;
};
// A frame of a chunk of this source: the driver seals `plain_bytes` from header.offset on, and a kChunk's description.
struct SendOwn {
  LinkId link;
  FrameHeader header;
  std::uint64_t plain_bytes = 0;
};
// Gather this frame of a chunk that is to be written here.
struct Gather {
  FrameHeader header;
  Payload body;
};
// All of the chunk is gathered: write it to these targets. Answered by a ChunkWritten for each.
struct WriteChunk {
  ChunkKey chunk;
  std::uint64_t targets = 0;
};
// Forget what was gathered of it.
struct DropChunk {
  ChunkKey chunk;
};
struct ChunkDelivered {
  std::uint64_t serial = 0;
  int target = 0;
  Payload receipt;
};
struct ChunkUndelivered {
  std::uint64_t serial = 0, targets = 0;
  Error why;
};
struct EdgeChanged {
  std::string peer;
  bool up = false;
};
using GatewayEffect =
    std::variant<Dial, HangUp, SendFrame, SendOwn, Gather, WriteChunk, DropChunk, ChunkDelivered, ChunkUndelivered, EdgeChanged>;

// Owned by one thread.
class GatewayCore {
 public:
  GatewayCore(std::uint64_t sender, GatewayLimits limits);

  // Handles one event. The driver carries the effects out, in order, before the next event.
  // Cost   O(log n) for n chunks under way
  std::vector<GatewayEffect> step(GatewayEvent event, Instant now);
  std::optional<Instant> next_timer() const { return next_timer_; }
  // Bytes came over the link, though not yet a whole frame: over a slow one a frame takes its time.
  void heard(LinkId link, Instant now);

  // Whether a frame's body is only passed on: the driver need not have it in memory.
  bool only_passes(const FrameHeader& header) const;
  // Bytes that each peer has acknowledged, for the rates that plans are made from.
  std::map<std::string, std::uint64_t> acknowledged() const;
  // Whether the links out of here have soon nothing to send: no chunk of our own waits for room, little is left of those begun, and
  // what is under way is less than was acknowledged within half a second. (The kernel takes megabytes for each link, whatever its rate:
  // that a frame is with it says little.)
  // Cost   O(links)
  bool hungry() const;
  // Bytes of chunks that are held or awaited here, as granted to links in.
  std::uint64_t room_taken() const;

 private:
  struct LegRef {
    ChunkKey chunk;
    std::string peer;
    friend auto operator<=>(const LegRef&, const LegRef&) = default;
  };
  struct Link {
    std::string peer;
    bool outward = false, up = false;
    Instant heard, spoke;
    // Outward.
    std::uint64_t window = 0, room = 0, unsent = 0;  // window: what was granted first, and so what it ever is
    std::deque<LegRef> busy;                         // legs with frames to send
    std::set<ChunkKey> unacked;                      // chunks that were begun on it
    struct Handed {
      ChunkKey chunk;
      std::uint64_t bytes = 0;
    };
    std::deque<Handed> handed;  // frames with the driver, oldest first
    // Inward.
    std::uint64_t taken = 0, owed = 0;  // room that chunks have of it; room to give back
  };
  struct Peer {
    int wanted = 0;
    std::set<LinkId> links;
    Instant redial_at, lost_since, penalty_until;
    Duration redial{}, penalty{};
    bool told_lost = false;
    std::uint64_t in_flight = 0, acknowledged = 0;
    RecentBytes recent;            // acknowledged
    Duration typical{};            // from a chunk's first frame to its receipt
    std::deque<ChunkKey> waiting;  // of relayed chunks, for a link with room
  };
  // A chunk on its way to one peer.
  struct Leg {
    std::optional<LinkId> link;
    std::uint64_t targets = 0;                           // without a verdict
    std::uint64_t total = 0, sent_bytes = 0, next = 0;   // next: offset of a source's next frame
    std::deque<std::pair<FrameHeader, Payload>> frames;  // of a relay
    Instant progress;
    bool queued = false;  // in its link's busy
  };
  // A chunk that came over a link.
  struct Passing {
    std::optional<LinkId> in;  // none: it was lost after all had come
    std::uint64_t total = 0, received = 0, room_left = 0;
    std::uint64_t writing = 0;
    Instant progress;  // when its last frame came
    std::map<std::string, Leg> legs;
  };
  // One sending of a chunk of our own.
  struct Attempt {
    std::uint32_t partition = 0;
    Instant sent;
    std::map<std::string, Leg> legs;
  };
  struct Own {
    std::uint64_t total = 0, unsent = 0, wanted = 0;  // targets to be sent to; targets without a receipt
    std::uint16_t next_attempt = 0;
    int failures = 0;
    bool queued = false, sent_twice = false;
    Instant offered;
    std::map<std::uint16_t, Attempt> attempts;
  };
  struct WriteKey {
    std::uint64_t sender, serial;
    int target;
    friend auto operator<=>(const WriteKey&, const WriteKey&) = default;
  };
  struct Writing {
    std::vector<ChunkKey> waiting;  // attempts that want its receipt
    Payload receipt;                // once written
  };

  // Links and time (gateway_core.cpp).
  void on(const LinkUp& event);
  void on(const LinkAccepted& event);
  void on(LinkLost& event);
  void on(FrameArrived& event);
  void on(const FramesSent& event);
  void on(RoutesChanged& event);
  void on(const GatewayTick&);
  void close(LinkId id, const std::string& why);
  void lose(LinkId id);
  void keep_alive();
  void dial_missing();
  void hand(LinkId id, FrameHeader header, Payload body);
  void grant(Link& link, LinkId id, std::uint64_t bytes);
  void wake_at(Instant at);
  bool viable(const RouteNode& node, std::uint64_t targets, std::uint64_t room) const;
  bool reachable(const std::string& peer, std::uint64_t room) const;
  void penalize(const std::string& peer);
  const RouteNode* choose(const RouteNode& mux, std::uint64_t targets, std::uint64_t room, bool must_have_room) const;
  bool pick_legs(const RouteNode& node, std::uint64_t targets, std::uint64_t room, bool must_have_room,
                 std::map<std::string, std::uint64_t>& sends, std::uint64_t& writes) const;
  std::optional<LinkId> roomy_link(const std::string& peer, std::uint64_t room) const;
  Leg* leg_of(const LegRef& ref);
  std::uint64_t unsent_of_own(const LegRef& ref) const;
  void pump(LinkId id);
  void begin_leg(const LegRef& ref, Leg& leg, LinkId link);
  void end_leg(const LegRef& ref, Leg& leg, bool acknowledged);
  void send_next(const LegRef& ref, Leg& leg, LinkId id);
  double load(const RouteNode& node) const;

  // Chunks of other sources (passing.cpp).
  void take_chunk(LinkId id, const FrameHeader& header);
  void take_frame(LinkId id, const FrameHeader& header, const Payload& body);
  void take_abort(const FrameHeader& header);
  void complete(const ChunkKey& key, Passing& passing);
  void on(ChunkWritten& event);
  void verdict(const ChunkKey& key, const FrameHeader& header, const Payload& body);
  void answer(const ChunkKey& key, FrameKind kind, std::uint8_t detail, std::uint64_t targets, Payload receipt);
  void offer_waiting(const std::string& peer);
  void return_room(Passing& passing, std::uint64_t bytes);
  void settle(const ChunkKey& key);
  void legs_lost(const ChunkKey& key, const std::string& peer, Nack why);
  void inward_lost(LinkId id);
  void drop_stale();
  bool write_or_join(const ChunkKey& key, int target);

  // Chunks of our own (own_chunks.cpp).
  void on(const ChunkOffered& event);
  void on(const ChunkWithdrawn& event);
  void own_verdict(const ChunkKey& key, const std::string& peer, const FrameHeader& header, const Payload& body);
  void own_failed(const ChunkKey& key, const std::string& peer, std::uint64_t targets, Nack why);
  void enqueue(std::uint64_t serial);
  std::vector<std::uint32_t> partitions_to(std::uint64_t targets, std::uint64_t room) const;
  void dispatch();
  bool try_send(std::uint64_t serial, Own& own, const std::vector<std::uint32_t>& ways);
  void send(std::uint64_t serial, Own& own, std::uint32_t partition, const std::map<std::string, std::uint64_t>& sends);
  void send_lagging_again();
  bool send_again(std::uint64_t serial, Own& own);
  void drop_attempts(std::uint64_t serial, Own& own);
  void look_for_overdue();
  Error no_way(std::uint64_t bytes) const;
  void give_up(std::uint64_t serial, std::uint64_t targets, const Error& why);

  std::uint64_t sender_;
  GatewayLimits limits_;
  Instant now_;
  std::vector<GatewayEffect> effects_;
  RouteTable routes_;
  std::map<std::string, Peer> peers_;
  std::unordered_map<LinkId, Link> links_;
  std::map<ChunkKey, Passing> passing_;
  std::map<WriteKey, Writing> writing_;
  std::deque<WriteKey> written_;  // oldest first: what of writing_ may be forgotten
  std::unordered_map<std::uint64_t, Own> own_;
  std::deque<std::uint64_t> ready_;
  std::multimap<Instant, std::uint64_t> retries_;
  std::vector<double> assigned_;  // bytes by partition
  std::uint64_t offered_bytes_ = 0, sent_again_bytes_ = 0;
  Instant looked_for_lagging_;
  std::optional<Instant> next_timer_;
  Instant looked_;
  std::uint64_t last_link_ = 0;
};

}  // namespace isobar::transfer
