// The protocol of gateways, run in one thread from a seed: links that are slow, break and come back, gateways that die, relays that
// lie. Frames and chunks are sealed and opened for real; stores are maps.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <numeric>
#include <queue>

#include "base/random.h"
#include "chunk_codec.h"
#include "compression/compressor.h"
#include "crypto/crc32c.h"
#include "gateway_core.h"

namespace isobar::transfer {
namespace {

using compression::Codec;
using compression::Compressor;

constexpr std::string_view kJobKey = "the job's key, of which relays hear nothing";

struct Faults {
  double link_breaks = 0;    // chance that a link breaks with a frame
  double relay_tampers = 0;  // chance that a hostile relay changes a body that it passes on
  double relay_swallows = 0;
  double relay_forges = 0;  // says that a chunk arrived that it never passed on
  bool relay_dies = false;
  double store_refuses = 0;
  bool packs = false;  // chunks go packed: no fault, but what comes out has to be as good
};

// One overlay: its gateways, the links between them, and what its stores hold.
class World {
 public:
  World(const GatewayPrograms& programs, std::vector<std::string> target_regions, Faults faults, std::uint64_t seed)
      : random_(seed), faults_(faults), target_regions_(std::move(target_regions)), stores_(target_regions_.size()) {
    GatewayLimits limits;
    limits.window_bytes = 3 << 20;
    limits.unsent_bytes_most = 300'000;
    limits.chunk_patience = 5s;
    std::uint64_t number = 0;
    for (const auto& gateway : programs.gateways) {
      auto& node = nodes_[gateway.id];
      node.id = gateway.id;
      node.number = ++number;
      node.core = std::make_unique<GatewayCore>(number, limits);
      node.sealer = std::make_unique<ChunkSealer>(kJobKey, number);
      node.receipts = std::make_unique<ReceiptSealer>(kJobKey, number);
    }
    for (auto& [id, node] : nodes_) {
      auto table = RouteTable::make(programs, id, target_regions_);
      CHECK(table.ok(), table.error().message());
      node.relay = !table->reads() && !table->writes();
      if (table->reads()) sources_.push_back(id);
      feed(node, RoutesChanged{std::move(*table)});
    }
  }

  void offer(std::uint64_t serial, std::string bytes, std::uint64_t targets) {
    Node& source = nodes_.at(sources_[serial % sources_.size()]);
    wanted_[serial] = {bytes, targets};
    if (faults_.packs) {
      std::string packed(bytes.size() + 1024, '\0');
      packed.resize(compressor_.pack(serial % 2 == 0 ? Codec::kZstd : Codec::kLz4, bytes, packed).value_or(0));
      bytes = std::move(packed);
    }
    source.chunks[serial] = std::move(bytes);
    feed(source, ChunkOffered{serial, source.chunks[serial].size(), targets});
  }

  // Until all is delivered and every gateway has let go of all it held, or nothing more can happen.
  bool run(Duration most = std::chrono::minutes(10)) {
    const Instant end = now_ + most;
    while (now_ < end) {
      if (settled()) return true;
      if (!run_next()) return settled();
    }
    return settled();
  }

  void die(const std::string& id) {
    at(now_, [this, id] {
      Node& node = nodes_.at(id);
      node.dead = true;
      std::vector<std::uint64_t> ends;
      for (auto& [link, pipe] : pipes_)
        if (pipe.from == id || pipe.to == id) ends.push_back(link);
      for (const auto link : ends) break_link(link, id);
    });
  }

  const std::map<std::uint64_t, std::string>& store(std::size_t target) const { return stores_[target]; }
  std::uint64_t room_taken() const {
    std::uint64_t bytes = 0;
    for (const auto& [id, node] : nodes_)
      if (!node.dead) bytes += node.core->room_taken();
    return bytes;
  }
  std::uint64_t room_most() const { return room_most_; }
  int undelivered() const { return undelivered_; }
  int writes() const { return writes_; }
  Code why_undelivered() const { return why_undelivered_; }
  int plaintext_seen() const { return plaintext_seen_; }
  std::uint64_t over(const std::string& from, const std::string& to) const {
    const auto found = carried_.find({from, to});
    return found == carried_.end() ? 0 : found->second;
  }

 private:
  struct Node {
    std::string id;
    std::uint64_t number = 0;
    bool dead = false, relay = false;
    std::unique_ptr<GatewayCore> core;
    std::unique_ptr<ChunkSealer> sealer;
    std::unique_ptr<ReceiptSealer> receipts;
    ChunkOpener opener{kJobKey};
    std::map<std::uint64_t, std::string> chunks;
    std::map<ChunkKey, std::pair<std::unique_ptr<std::string>, std::unique_ptr<Gathering>>> gathered;
    std::optional<Instant> timer;
  };
  struct Pipe {
    std::string from, to;
    bool broken = false;
    Duration delay{};
    Instant clear_at;  // when the last frame sent so far has arrived: frames keep their order
  };
  struct Wanted {
    std::string bytes;
    std::uint64_t missing;
  };

  void at(Instant when, std::function<void()> what) { agenda_.emplace(std::pair(when, ++agenda_number_), std::move(what)); }

  bool run_next() {
    if (agenda_.empty()) return false;
    auto next = agenda_.extract(agenda_.begin());
    now_ = std::max(now_, next.key().first);
    next.mapped()();
    room_most_ = std::max(room_most_, room_taken());
    return true;
  }

  bool settled() const {
    for (const auto& [serial, wanted] : wanted_)
      if (wanted.missing != 0) return false;
    for (const auto& [id, node] : nodes_)
      if (!node.dead && !hostile(node) && node.core->room_taken() != 0) return false;
    return true;
  }
  bool hostile(const Node& node) const {
    return node.relay && (faults_.relay_tampers > 0 || faults_.relay_swallows > 0 || faults_.relay_forges > 0);
  }

  void feed(Node& node, GatewayEvent event) {
    if (node.dead) return;
    for (auto& effect : node.core->step(std::move(event), now_)) std::visit([&](auto& one) { carry_out(node, one); }, effect);
    const auto timer = node.core->next_timer();
    if (!timer || (node.timer && *node.timer <= *timer && *node.timer > now_)) return;
    node.timer = *timer;
    at(*timer, [this, &node, when = *timer] {
      if (node.timer == when) node.timer.reset();
      if (node.core->next_timer() && *node.core->next_timer() <= now_) feed(node, GatewayTick{});
    });
  }

  // Both ends of a link have the number that its dialler gave it, and a bit for the side that was called.
  static std::uint64_t name(const Node& node, LinkId link) {
    constexpr std::uint64_t kCalled = 1ULL << 63;
    return (link.value() & kCalled) != 0 ? link.value() & ~kCalled : node.number << 32 | link.value();
  }
  LinkId end_of(std::uint64_t link, const Node& node) const {
    const bool dialler = pipes_.at(link).from == node.id;
    return dialler ? LinkId(link & 0xffffffff) : LinkId(link | 1ULL << 63);
  }

  void carry_out(Node& node, Dial& it) {
    const std::uint64_t link = name(node, it.link);
    Pipe pipe{node.id, it.peer, false, std::chrono::milliseconds(1 + random_.below(80)), {}};
    pipes_[link] = pipe;
    at(now_ + pipe.delay, [this, link, &node, peer = it.peer] {
      if (pipes_.at(link).broken) return;
      if (nodes_.at(peer).dead) return break_link(link, peer);
      feed(nodes_.at(peer), LinkAccepted{end_of(link, nodes_.at(peer)), node.id});
      feed(node, LinkUp{end_of(link, node)});
    });
  }

  void break_link(std::uint64_t link, const std::string& silent = {}) {
    Pipe& pipe = pipes_.at(link);
    if (pipe.broken) return;
    pipe.broken = true;
    for (const auto* id : {&pipe.from, &pipe.to})
      if (*id != silent)
        at(now_ + std::chrono::milliseconds(random_.below(20)), [this, link, id = *id] {
          feed(nodes_.at(id), LinkLost{end_of(link, nodes_.at(id)), unavailable("broken")});
        });
  }
  void carry_out(Node& node, HangUp& it) {
    EXPECT_TRUE(faults_.relay_tampers > 0 || faults_.relay_swallows > 0 || faults_.relay_dies || faults_.link_breaks > 0) << it.why;
    break_link(name(node, it.link), node.id);
  }

  void transmit(Node& node, LinkId end, FrameHeader header, Payload body) {
    const std::uint64_t link = name(node, end);
    Pipe& pipe = pipes_.at(link);
    const std::string peer = pipe.from == node.id ? pipe.to : pipe.from;
    if (pipe.broken) return;
    if (random_.chance(faults_.link_breaks)) return break_link(link);
    carried_[{node.id, peer}] += header.body_bytes;
    // Through the wire's own form, so that what arrives is what could be written down.
    char bytes[kHeaderBytes];
    encode(header, bytes);
    const auto decoded = decode_header({bytes, kHeaderBytes});
    CHECK(decoded.ok() && *decoded == header);
    pipe.clear_at = std::max(pipe.clear_at, now_ + pipe.delay) + Duration(header.body_bytes * 8);
    at(now_ + Duration(header.body_bytes * 2), [this, &node, end] { feed(node, FramesSent{end, 1}); });
    at(pipe.clear_at, [this, link, peer, header, body = std::move(body)]() mutable {
      if (!pipes_.at(link).broken) arrive(nodes_.at(peer), end_of(link, nodes_.at(peer)), header, std::move(body));
    });
  }

  // What a gateway's driver does before the core hears of a frame; here relays may be hostile.
  void arrive(Node& node, LinkId link, FrameHeader header, Payload body) {
    if (node.relay && body) look_into(*body);
    if (node.relay && header.kind != FrameKind::kPing && random_.chance(faults_.relay_swallows)) return;
    if (node.relay && header.kind == FrameKind::kChunk && random_.chance(faults_.relay_forges)) {
      FrameHeader forged{.kind = FrameKind::kAck, .chunk = header.chunk, .targets = header.targets & ~(header.targets - 1)};
      auto receipt = std::make_shared<BytesBody>(std::string_view(std::string(64, 'x')));
      forged.body_bytes = 64;
      return transmit(node, link, forged, receipt);
    }
    if (node.relay && body && random_.chance(faults_.relay_tampers)) {
      std::string changed(static_cast<const BytesBody&>(*body).view());
      changed[random_.below(changed.size())] ^= static_cast<char>(1 << random_.below(8));
      body = std::make_shared<BytesBody>(std::string_view(changed));
    }
    if (header.kind == FrameKind::kAck && header.chunk.sender == node.number) {
      const int target = std::countr_zero(header.targets);
      if (!open_receipt(kJobKey, header.chunk, target, static_cast<const BytesBody&>(*body).view()).ok()) {
        header.kind = FrameKind::kNack;
        header.detail = static_cast<std::uint8_t>(Nack::kCorrupt);
      }
    }
    feed(node, FrameArrived{link, header, std::move(body)});
  }

  // Relays see no byte of a chunk: each one here begins with words that would be found.
  void look_into(const FrameBody& body) {
    if (static_cast<const BytesBody&>(body).view().find("a chunk of bytes") != std::string_view::npos) ++plaintext_seen_;
  }

  void carry_out(Node& node, SendFrame& it) {
    if (it.body) it.header.body_bytes = it.body->size();
    transmit(node, it.link, it.header, it.body);
  }
  void carry_out(Node& node, SendOwn& it) {
    const std::string& bytes = node.chunks.at(it.header.chunk.serial);
    const std::uint64_t serial = it.header.chunk.serial;
    wire::ChunkMeta meta;
    meta.set_crc32c(crypto::crc32c(wanted_.at(serial).bytes));
    if (faults_.packs) {
      meta.set_codec(serial % 2 == 0 ? wire::ZSTD : wire::LZ4);
      meta.set_unpacked_bytes(wanted_.at(serial).bytes.size());
    }
    auto body = seal_frame(*node.sealer, it.header, it.plain_bytes, bytes, meta.SerializeAsString());
    transmit(node, it.link, it.header, std::move(body));
  }
  void carry_out(Node& node, Gather& it) {
    auto& [buffer, gathering] = node.gathered[it.header.chunk];
    if (it.header.kind == FrameKind::kChunk) {
      buffer = std::make_unique<std::string>(it.header.total_bytes, '\0');
      gathering = std::make_unique<Gathering>(std::span<char>(buffer->data(), buffer->size()));
    }
    gathering->add(it.header, static_cast<const BytesBody&>(*it.body).view(), node.opener);
  }
  void carry_out(Node& node, WriteChunk& it) {
    const auto meta = node.gathered.at(it.chunk).second->finish();
    std::string bytes(node.gathered.at(it.chunk).second->bytes());
    node.gathered.erase(it.chunk);
    if (meta.ok() && meta->codec() != wire::NONE) {
      std::string raw(meta->unpacked_bytes(), '\0');
      EXPECT_TRUE(compressor_.unpack(meta->codec() == wire::ZSTD ? Codec::kZstd : Codec::kLz4, bytes, raw).ok());
      EXPECT_EQ(crypto::crc32c(raw), meta->crc32c());
      bytes = std::move(raw);
    }
    for (int target = 0; target < static_cast<int>(stores_.size()); ++target) {
      if ((it.targets >> target & 1) == 0) continue;
      at(now_ + std::chrono::milliseconds(random_.below(50)), [this, &node, chunk = it.chunk, target, bytes, good = meta.ok()] {
        ChunkWritten event{chunk, target, ChunkWritten::Verdict::kCorrupt, nullptr};
        if (good) {
          const bool refused = random_.chance(faults_.store_refuses);
          if (!refused) stores_[static_cast<std::size_t>(target)][chunk.serial] = bytes, ++writes_;
          event.verdict = refused ? ChunkWritten::Verdict::kRefused : ChunkWritten::Verdict::kWritten;
          event.receipt =
              std::make_shared<BytesBody>(std::string_view(node.receipts->seal(chunk, target, refused ? "refused" : "written")));
        }
        feed(node, event);
      });
    }
  }
  void carry_out(Node& node, DropChunk& it) { node.gathered.erase(it.chunk); }
  void carry_out(Node& node, ChunkDelivered& it) {
    const auto receipt = open_receipt(kJobKey, {node.number, it.serial, 0}, it.target, static_cast<const BytesBody&>(*it.receipt).view());
    ASSERT_TRUE(receipt.ok());
    const std::uint64_t bit = std::uint64_t{1} << it.target;
    if (*receipt == "refused") return again(node, it.serial, bit);
    wanted_.at(it.serial).missing &= ~bit;
    // What was said to have arrived has.
    EXPECT_EQ(stores_[static_cast<std::size_t>(it.target)].at(it.serial), wanted_.at(it.serial).bytes);
  }
  void carry_out(Node& node, ChunkUndelivered& it) {
    ++undelivered_;
    why_undelivered_ = it.why.code();
    again(node, it.serial, it.targets);
  }
  void again(Node& node, std::uint64_t serial, std::uint64_t targets) {
    at(now_ + 100ms, [this, &node, serial, targets] { feed(node, ChunkOffered{serial, node.chunks.at(serial).size(), targets}); });
  }
  void carry_out(Node&, EdgeChanged&) {}

  Random random_;
  Faults faults_;
  Compressor compressor_;
  std::vector<std::string> target_regions_, sources_;
  std::vector<std::map<std::uint64_t, std::string>> stores_;
  std::map<std::string, Node> nodes_;
  std::map<std::uint64_t, Pipe> pipes_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> carried_;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> agenda_;
  std::uint64_t agenda_number_ = 0;
  std::map<std::uint64_t, Wanted> wanted_;
  Instant now_ = Instant::from_unix_seconds(1'000'000);
  std::uint64_t room_most_ = 0;
  Code why_undelivered_ = Code::kUnavailable;
  int undelivered_ = 0, writes_ = 0, plaintext_seen_ = 0;
};

GatewayPrograms two_ways() {
  return *parse_programs(R"({"version": 1, "source": "a", "destinations": ["b"], "shares": [0.5, 0.5], "gateways": [
    {"id": "a/0", "region": "a", "programs": [
      {"partitions": [0], "root": {"op": "read", "children": [{"op": "send", "to": "b/0", "connections": 3}]}},
      {"partitions": [1], "root": {"op": "read", "children": [{"op": "send", "to": "c/0", "connections": 3}]}}]},
    {"id": "c/0", "region": "c", "programs": [
      {"partitions": [1], "root": {"op": "receive", "children": [{"op": "send", "to": "b/0", "connections": 2}]}}]},
    {"id": "b/0", "region": "b", "programs": [
      {"partitions": [0, 1], "root": {"op": "receive", "children": [{"op": "write"}]}}]}]})");
}

// Two sources, a hub of two that also writes, and leaves behind it.
GatewayPrograms tree() {
  return *parse_programs(R"({"version": 1, "source": "a", "destinations": ["h", "x", "y"], "shares": [1], "gateways": [
    {"id": "a/0", "region": "a", "programs": [{"partitions": [0], "root": {"op": "read", "children": [{"op": "mux_or", "children": [
      {"op": "send", "to": "h/0", "connections": 2}, {"op": "send", "to": "h/1", "connections": 2}]}]}}]},
    {"id": "a/1", "region": "a", "programs": [{"partitions": [0], "root": {"op": "read", "children": [{"op": "mux_or", "children": [
      {"op": "send", "to": "h/0", "connections": 2}, {"op": "send", "to": "h/1", "connections": 2}]}]}}]},
    {"id": "h/0", "region": "h", "programs": [{"partitions": [0], "root": {"op": "receive", "children": [{"op": "mux_and", "children": [
      {"op": "write"}, {"op": "send", "to": "x/0", "connections": 2}, {"op": "send", "to": "y/0", "connections": 1}]}]}}]},
    {"id": "h/1", "region": "h", "programs": [{"partitions": [0], "root": {"op": "receive", "children": [{"op": "mux_and", "children": [
      {"op": "write"}, {"op": "send", "to": "x/0", "connections": 2}, {"op": "send", "to": "y/0", "connections": 1}]}]}}]},
    {"id": "x/0", "region": "x", "programs": [{"partitions": [0], "root": {"op": "receive", "children": [{"op": "write"}]}}]},
    {"id": "y/0", "region": "y", "programs": [{"partitions": [0], "root": {"op": "receive", "children": [{"op": "write"}]}}]}]})");
}

std::string some_bytes(Random& random) {
  const std::uint64_t sizes[] = {0, 1, 1000, kFrameBytes - 1, kFrameBytes, kFrameBytes + 1, 700'000, 1 << 20};
  std::string bytes = "a chunk of bytes";
  while (bytes.size() < 64) bytes += static_cast<char>(random.next());
  bytes.resize(sizes[random.below(std::size(sizes))], 'z');
  return bytes;
}

void fill(World& world, int chunks, std::uint64_t targets, std::uint64_t seed) {
  Random random(seed);
  for (int i = 1; i <= chunks; ++i) world.offer(static_cast<std::uint64_t>(i), some_bytes(random), targets);
}

// So many, a hundred times as many in the long run, or the one that is to be looked at again.
std::vector<int> seeds(int ordinary) {
  if (const char* one = std::getenv("ISOBAR_SEED")) return {std::atoi(one)};
  std::vector<int> all(static_cast<std::size_t>(std::getenv("ISOBAR_LONG") ? ordinary * 100 : ordinary));
  std::iota(all.begin(), all.end(), 1);
  return all;
}

TEST(GatewaySimulation, DeliversEveryChunkOverTwoWays) {
  std::uint64_t direct = 0, relayed = 0;
  for (const int seed : seeds(12)) {
    World world(two_ways(), {"b"}, {}, static_cast<std::uint64_t>(seed));
    fill(world, 60, 1, static_cast<std::uint64_t>(seed));
    ASSERT_TRUE(world.run()) << seed;
    EXPECT_EQ(world.store(0).size(), 60U);
    EXPECT_EQ(world.writes(), 60);
    EXPECT_EQ(world.plaintext_seen(), 0);
    relayed += world.over("c/0", "b/0");
    direct += world.over("a/0", "b/0");
  }
  EXPECT_GT(relayed, direct / 4);
  EXPECT_GT(direct, relayed / 4);
}

TEST(GatewaySimulation, SendsEachByteOverEachEdgeOfATreeOnce) {
  for (const int seed : seeds(8)) {
    World world(tree(), {"h", "x", "y", "x"}, {}, static_cast<std::uint64_t>(seed));
    fill(world, 50, 0b1111, static_cast<std::uint64_t>(seed));
    ASSERT_TRUE(world.run()) << seed;
    std::uint64_t bytes = 0;
    for (std::size_t target = 0; target < 4; ++target) EXPECT_EQ(world.store(target).size(), 50U);
    for (const auto& [serial, chunk] : world.store(0)) bytes += chunk.size();
    const double over_x = static_cast<double>(world.over("h/0", "x/0") + world.over("h/1", "x/0"));
    EXPECT_GT(over_x, static_cast<double>(bytes));
    EXPECT_LT(over_x, static_cast<double>(bytes) * 1.01 + 50 * 300);
  }
}

TEST(GatewaySimulation, LosesNothingWhenLinksBreak) {
  for (const int seed : seeds(20)) {
    World world(seed % 2 != 0 ? two_ways() : tree(),
                seed % 2 != 0 ? std::vector<std::string>{"b"} : std::vector<std::string>{"h", "x", "y"}, {.link_breaks = 0.02},
                static_cast<std::uint64_t>(seed));
    fill(world, 60, seed % 2 != 0 ? 1 : 0b111, static_cast<std::uint64_t>(seed));
    ASSERT_TRUE(world.run()) << seed;
    EXPECT_EQ(world.store(0).size(), 60U);
  }
}

TEST(GatewaySimulation, GoesRoundARelayThatDies) {
  for (const int seed : seeds(12)) {
    World world(two_ways(), {"b"}, {.relay_dies = true}, static_cast<std::uint64_t>(seed));
    fill(world, 60, 1, static_cast<std::uint64_t>(seed));
    world.run(std::chrono::milliseconds(20 * seed));
    world.die("c/0");
    ASSERT_TRUE(world.run()) << seed;
    EXPECT_EQ(world.store(0).size(), 60U);
    EXPECT_EQ(world.undelivered(), 0);
  }
}

TEST(GatewaySimulation, AHostileRelayChangesForgesAndSwallowsInVain) {
  auto all = seeds(20);
  all.push_back(1739);  // kept a chunk's rest back for ever, and the sink its room
  for (const int seed : all) {
    World world(two_ways(), {"b"}, {.relay_tampers = 0.2, .relay_swallows = 0.02, .relay_forges = 0.2}, static_cast<std::uint64_t>(seed));
    fill(world, 40, 1, static_cast<std::uint64_t>(seed));
    ASSERT_TRUE(world.run(std::chrono::hours(2))) << seed;
    EXPECT_EQ(world.store(0).size(), 40U);
    EXPECT_EQ(world.plaintext_seen(), 0);
  }
}

TEST(GatewaySimulation, PackedChunksArriveWholeThoughLinksBreakAndARelayChangesThem) {
  for (const int seed : seeds(8)) {
    World world(two_ways(), {"b"}, {.link_breaks = 0.01, .relay_tampers = 0.2, .packs = true}, static_cast<std::uint64_t>(seed));
    fill(world, 60, 1, static_cast<std::uint64_t>(seed));
    ASSERT_TRUE(world.run(std::chrono::hours(2))) << seed;
    ASSERT_EQ(world.store(0).size(), 60U);
    std::uint64_t bytes = 0;
    for (const auto& [serial, chunk] : world.store(0)) bytes += chunk.size();
    EXPECT_LT(world.over("a/0", "b/0") + world.over("a/0", "c/0"), bytes / 2);
  }
}

TEST(GatewaySimulation, TellsTheStoresRefusalsAndWritesAgain) {
  for (const int seed : seeds(8)) {
    World world(tree(), {"h", "x", "y"}, {.link_breaks = 0.005, .store_refuses = 0.2}, static_cast<std::uint64_t>(seed));
    fill(world, 40, 0b111, static_cast<std::uint64_t>(seed));
    ASSERT_TRUE(world.run()) << seed;
  }
}

TEST(GatewaySimulation, HoldsNoMoreThanTheWindows) {
  World world(two_ways(), {"b"}, {}, 7);
  fill(world, 300, 1, 7);
  ASSERT_TRUE(world.run());
  EXPECT_LE(world.room_most(), (3ULL + 3 + 2) * (3 << 20));
  EXPECT_GT(world.room_most(), 1U << 20);
}

TEST(Gateway, IsHungryWhileItsLinksHaveSoonNothingToSend) {
  GatewayLimits limits;
  limits.window_bytes = 16 << 20;
  GatewayCore core(1, limits);
  const Instant now = Instant::from_unix_seconds(1'000'000);
  EXPECT_FALSE(core.hungry());
  std::vector<LinkId> links;
  for (const auto& effect : core.step(RoutesChanged{*RouteTable::make(two_ways(), "a/0", {"b"})}, now))
    if (const auto* dial = std::get_if<Dial>(&effect); dial && dial->peer == "b/0") links.push_back(dial->link);
  ASSERT_FALSE(links.empty());
  core.step(LinkUp{links[0]}, now);
  EXPECT_FALSE(core.hungry()) << "there is no room yet";
  core.step(FrameArrived{links[0], {.kind = FrameKind::kCredit, .total_bytes = 16 << 20}, nullptr}, now);
  EXPECT_TRUE(core.hungry());
  const auto frames = [](const std::vector<GatewayEffect>& effects) {
    return static_cast<std::size_t>(
        std::count_if(effects.begin(), effects.end(), [](const auto& effect) { return std::holds_alternative<SendOwn>(effect); }));
  };
  std::size_t handed = frames(core.step(ChunkOffered{1, 8 << 20, 1}, now));
  EXPECT_FALSE(core.hungry());
  // Though all of it is with the kernel: who knows how fast that sends.
  for (std::size_t sent = 0; sent < 32; ++sent) {
    EXPECT_FALSE(core.hungry()) << sent;
    ASSERT_LT(sent, handed);
    handed += frames(core.step(FramesSent{links[0], 1}, now));
  }
  EXPECT_FALSE(core.hungry());
  core.step(FrameArrived{links[0], {.kind = FrameKind::kAck, .chunk = {1, 1, 0}, .targets = 1}, nullptr}, now);
  EXPECT_TRUE(core.hungry());
  // One that waits for room on a link.
  core.step(ChunkOffered{2, 8 << 20, 1}, now);
  core.step(ChunkOffered{3, 8 << 20, 1}, now);
  EXPECT_FALSE(core.hungry());
}

// A slow way that was given chunks for many seconds would still be at them when the fast one has long ended.
TEST(Gateway, GivesAPeerNoMoreThanItsReceiptsSayItCarriesSoon) {
  GatewayLimits limits;
  limits.under_way_least = 4 << 20;
  GatewayCore core(1, limits);
  Instant now = Instant::from_unix_seconds(1'000'000);
  std::vector<LinkId> links;
  for (const auto& effect : core.step(RoutesChanged{*RouteTable::make(two_ways(), "a/0", {"b"})}, now))
    if (const auto* dial = std::get_if<Dial>(&effect); dial && dial->peer == "b/0") links.push_back(dial->link);
  std::map<std::uint64_t, std::uint64_t> begun;  // serial → bytes handed to the driver
  std::map<std::uint64_t, LinkId> on;
  const auto look = [&](const std::vector<GatewayEffect>& effects) {
    std::vector<LinkId> sending;
    for (const auto& effect : effects)
      if (const auto* frame = std::get_if<SendOwn>(&effect)) {
        begun[frame->header.chunk.serial] += frame->plain_bytes;
        on[frame->header.chunk.serial] = frame->link;
        sending.push_back(frame->link);
      }
    return sending;
  };
  // What is handed to the driver is with the kernel at once: nothing but receipts holds the core back.
  const std::function<void(std::vector<GatewayEffect>)> run = [&](const std::vector<GatewayEffect>& effects) {
    for (const LinkId link : look(effects)) run(core.step(FramesSent{link, 1}, now));
  };
  for (const LinkId link : links) {
    run(core.step(LinkUp{link}, now));
    run(core.step(FrameArrived{link, {.kind = FrameKind::kCredit, .total_bytes = 64 << 20}, nullptr}, now));
  }
  for (std::uint64_t serial = 1; serial <= 100; ++serial) run(core.step(ChunkOffered{serial, 1 << 20, 1}, now));
  EXPECT_LE(begun.size(), 4U);
  ASSERT_GE(begun.size(), 3U);
  // 2 MiB in each tenth of a second: more is given, and not all.
  for (std::uint64_t serial = 1; serial <= 20; ++serial) {
    if (serial % 2 == 0) now = now + 100ms;
    ASSERT_EQ(on.count(serial), 1U) << serial;
    run(core.step(FrameArrived{on[serial], {.kind = FrameKind::kAck, .chunk = {1, serial, 0}, .targets = 1}, nullptr}, now));
  }
  EXPECT_GT(begun.size(), 20U + 20);
  EXPECT_LT(begun.size(), 20U + 40);
}

TEST(Gateway, WhatLagsAtTheEndIsSentAnotherWayAsWellAndDeliveredOnce) {
  GatewayCore core(1, {});
  Instant now = Instant::from_unix_seconds(1'000'000);
  std::map<std::string, LinkId> links;
  for (const auto& effect : core.step(RoutesChanged{*RouteTable::make(two_ways(), "a/0", {"b"})}, now))
    if (const auto* dial = std::get_if<Dial>(&effect)) links[dial->peer] = dial->link;
  std::map<LinkId, std::vector<ChunkKey>> begun;
  int aborted = 0;
  std::vector<std::uint64_t> delivered;
  const std::function<void(std::vector<GatewayEffect>)> run = [&](const std::vector<GatewayEffect>& effects) {
    for (const auto& effect : effects) {
      if (const auto* frame = std::get_if<SendOwn>(&effect)) {
        if (frame->header.kind == FrameKind::kChunk) begun[frame->link].push_back(frame->header.chunk);
        run(core.step(FramesSent{frame->link, 1}, now));
      }
      if (const auto* frame = std::get_if<SendFrame>(&effect)) aborted += frame->header.kind == FrameKind::kAbort;
      if (const auto* done = std::get_if<ChunkDelivered>(&effect)) delivered.push_back(done->serial);
    }
  };
  const auto receipt = [&](LinkId link, const ChunkKey& chunk) {
    run(core.step(FrameArrived{link, {.kind = FrameKind::kAck, .chunk = chunk, .targets = 1}, nullptr}, now));
  };
  for (const auto& [peer, link] : links) {
    run(core.step(LinkUp{link}, now));
    run(core.step(FrameArrived{link, {.kind = FrameKind::kCredit, .total_bytes = 64 << 20}, nullptr}, now));
  }
  for (std::uint64_t serial = 1; serial <= 8; ++serial) run(core.step(ChunkOffered{serial, 1 << 20, 1}, now));
  const LinkId direct = links.at("b/0"), relayed = links.at("c/0");
  ASSERT_GE(begun[direct].size(), 2U);
  ASSERT_GE(begun[relayed].size(), 2U);
  now = now + 50ms;
  for (const auto& chunk : std::vector(begun[relayed])) receipt(relayed, chunk);
  for (std::size_t i = 1; i < begun[direct].size(); ++i) receipt(direct, begun[direct][i]);
  ASSERT_EQ(delivered.size(), 7U);
  const ChunkKey lagging = begun[direct][0];
  begun.clear();
  for (int i = 0; i < 3; ++i) {
    now = now + 100ms;
    run(core.step(GatewayTick{}, now));
  }
  ASSERT_EQ(begun[relayed].size(), 1U) << "once, and over the other way";
  const ChunkKey again = begun[relayed][0];
  EXPECT_EQ(again.serial, lagging.serial);
  EXPECT_NE(again.attempt, lagging.attempt);
  receipt(relayed, again);
  EXPECT_EQ(delivered.size(), 8U);
  EXPECT_EQ(aborted, 1) << "the first sending is of no use any more";
  receipt(direct, lagging);
  EXPECT_EQ(delivered.size(), 8U);
}

TEST(Gateway, TellsWhenAChunkIsLargerThanAnyLinkHolds) {
  World world(two_ways(), {"b"}, {}, 3);
  world.offer(1, std::string(4 << 20, 'z'), 1);
  EXPECT_FALSE(world.run(20s));
  EXPECT_GE(world.undelivered(), 1);
  EXPECT_EQ(world.why_undelivered(), Code::kInvalidArgument);
}

TEST(Gateway, TellsWhenNoWayLeadsToTheDestination) {
  World world(two_ways(), {"b"}, {.relay_dies = true}, 3);
  world.die("b/0");
  world.run(1s);
  fill(world, 1, 1, 3);
  EXPECT_FALSE(world.run(20s));
  EXPECT_GE(world.undelivered(), 1);
}

}  // namespace
}  // namespace isobar::transfer
