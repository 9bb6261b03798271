// The driver of a gateway: carries the core's effects out on links and stores, and its owner's orders in.

#include "transfer/gateway.h"

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <csignal>
#include <cstring>

#include "chunk_codec.h"
#include "crypto/crc32c.h"
#include "frame_link.h"
#include "gateway_stores.h"
#include "net/listener.h"
#include "owner_channel.h"
#include "round_trip.h"
#include "source_chunk.h"
#include "unpacker.h"

namespace isobar::transfer {

namespace {

constexpr Duration kHandshakeMost = 10s, kTrafficEvery = 500ms;
constexpr std::uint64_t kCalled = 1ULL << 63;  // bit of the links that others made

// A chunk that is gathered, and then lives until all its targets have it.
struct SinkChunk {
  explicit SinkChunk(std::uint64_t total)
      : bytes{std::shared_ptr<char[]>(new char[total]), total}, gathering({bytes.memory.get(), total}) {}
  ChunkBytes bytes;
  Gathering gathering;
};

std::uint64_t random_number() {
  const std::string bytes = crypto::secure_random_bytes(8);
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), 8);
  return number;
}

class GatewayProcess final : public LinkOwner {
 public:
  GatewayProcess(std::unique_ptr<net::Loop> loop, int in, int out)
      : loop_(std::move(loop)),
        channel_(
            in, out,
            [this](std::vector<wire::ToGateway> messages) {
              loop_->post([this, all = std::make_shared<std::vector<wire::ToGateway>>(std::move(messages))] {
                for (const auto& message : *all) hear(message);
              });
            },
            [this](const Status& ended) { loop_->post([this, ended] { ended.ok() ? loop_->stop() : fail(ended.error()); }); }) {}

  int run(const wire::Configure& first) {
    loop_->post([this, first] { configure(first); });
    loop_->run();
    channel_.flush(2s);
    return failed_ ? 1 : 0;
  }

  // --- What links tell

  bool only_passes(const FrameHeader& header) const override { return core_->only_passes(header); }

  void frame_arrived(LinkId link, FrameHeader header, Payload body) override {
    // A receipt that the job's key does not open was made up on the way.
    if (header.kind == FrameKind::kAck && header.chunk.sender == sender_) {
      const auto* bytes = dynamic_cast<const BytesBody*>(body.get());
      const bool one = std::has_single_bit(header.targets);
      if (!one || !bytes || !open_receipt(job_key_, header.chunk, std::countr_zero(header.targets), bytes->view()).ok()) {
        header.kind = FrameKind::kNack;
        header.detail = static_cast<std::uint8_t>(Nack::kCorrupt);
      }
    }
    feed(FrameArrived{link, header, std::move(body)});
  }
  void frames_sent(LinkId link, std::size_t frames) override { feed(FramesSent{link, frames}); }
  void bytes_heard(LinkId link) override { core_->heard(link, clock_.now()); }
  void link_lost(LinkId link, const Error& why) override {
    links_.erase(link);
    peers_.erase(link);
    feed(LinkLost{link, why});
  }

 private:
  // --- What the owner says

  void hear(const wire::ToGateway& message) {
    switch (message.what_case()) {
      case wire::ToGateway::kConfigure: return configure(message.configure());
      case wire::ToGateway::kRead: return core_ ? read(message.read()) : void();
      case wire::ToGateway::kSend: return core_ ? send(message.send()) : void();
      case wire::ToGateway::kWithdraw:
        if (!core_) return;
        return withdraw(message.withdraw().serial());
      case wire::ToGateway::WHAT_NOT_SET: return;
    }
  }

  void configure(const wire::Configure& it) {
    if (const Status done = try_configure(it); !done.ok()) fail(done.error());
  }

  Status try_configure(const wire::Configure& it) {
    TRY_ASSIGN(const auto programs, parse_programs(it.programs()));
    const std::vector<std::string> regions(it.target_regions().begin(), it.target_regions().end());
    TRY_ASSIGN(auto routes, RouteTable::make(programs, it.id(), regions));
    std::map<std::string, std::string> known;
    for (const auto& peer : it.peers()) {
      known[peer.fingerprint()] = peer.id();
      auto& addresses = addresses_[peer.id()];
      addresses.assign(peer.addresses().begin(), peer.addresses().end());
    }
    TRY_ASSIGN(acquaintances_, net::Acquaintances::make({it.certificate_pem(), it.key_pem(), {}}, std::move(known)));
    if (!core_) TRY(first_configure(it, routes));
    generates_ = routes.generates();
    // The first time nobody listens yet; the owner comes again when all do.
    const auto known_place = [this](const auto& peer) { return !addresses_[peer.first].empty(); };
    if (std::all_of(routes.connections().begin(), routes.connections().end(), known_place)) feed(RoutesChanged{std::move(routes)});
    return {};
  }

  Status first_configure(const wire::Configure& it, const RouteTable& routes) {
    job_key_ = it.job_key();
    if (job_key_.empty() && (routes.reads() || routes.writes())) return invalid(it.id() + ": it reads or writes, and has no key");
    GatewayLimits limits;
    const std::uint64_t memory = it.memory_bytes() > 0 ? it.memory_bytes() : 1ULL << 30;
    limits.window_bytes =
        std::clamp<std::uint64_t>(memory / static_cast<std::uint64_t>(std::max(routes.connections_in(), 1)), 1 << 20, 256 << 20);
    if (it.chunk_bytes_most() + 4096 > limits.window_bytes) limits.window_bytes = it.chunk_bytes_most() + 4096;
    core_ = std::make_unique<GatewayCore>(sender_, limits);
    if (!job_key_.empty()) {
      // Windows hold what comes packed, and this half as much again what comes out of it. Sources know it, and pack no larger chunk.
      const std::uint64_t unpacked_room = memory / 2;
      const std::uint64_t raw_bytes_most = std::max(it.chunk_bytes_most(), unpacked_room);
      const auto post = [this](std::function<void()> work) { loop_->post(std::move(work)); };
      const std::size_t threads = PackingThreads::count_for_this_machine();
      unpacker_ = std::make_unique<Unpacker>(unpacked_room, raw_bytes_most, threads, post);
      packer_ = std::make_unique<Packer>(
          get(it.packing()), raw_bytes_most, threads, post, [this] { return core_->hungry(); },
          [this](std::uint64_t serial, PackedChunk chunk) { offer(serial, std::move(chunk)); });
      sealer_ = std::make_unique<ChunkSealer>(job_key_, sender_);
      opener_ = std::make_unique<ChunkOpener>(job_key_);
      receipts_ = std::make_unique<ReceiptSealer>(job_key_, sender_);
    }
    TRY_ASSIGN(stores_, GatewayStores::open(it));
    TRY_ASSIGN(listener_, net::Listener::open(*loop_, it.listen().empty() ? "0.0.0.0" : it.listen(), 0,
                                              [this](Fd socket) { meet(std::move(socket)); }));
    wire::FromGateway listening;
    listening.mutable_listening()->set_port(listener_->port());
    tell(listening);
    report_traffic();
    return {};
  }

  void read(const wire::Read& it) {
    const std::uint64_t serial = it.serial();
    forget(serial);  // one that is read again
    auto& chunk = chunks_[serial];
    if (generates_) {
      if (made_up_bytes_ < it.bytes()) {
        made_up_ = made_up_bytes(it.bytes());
        made_up_bytes_ = it.bytes();
      }
      chunk.bytes = {made_up_, it.bytes()};
      storage::Got got;
      got.bytes = got.head.info.bytes = it.bytes();
      return read_done(serial, got, crypto::crc32c(chunk.bytes.view()));
    }
    if (!stores_->source()) return read_done(serial, invalid("this gateway has no source"), 0);
    chunk.bytes = {std::shared_ptr<char[]>(new char[std::max<std::uint64_t>(it.bytes(), 1)]), it.bytes()};
    const std::span<char> memory(chunk.bytes.memory.get(), it.bytes());
    stores_->source()->get({it.key(), it.offset(), memory, it.version()},
                           [this, serial, memory, keep = chunk.bytes.memory](Result<storage::Got> got) {
                             const std::uint64_t bytes = got.ok() ? std::min<std::uint64_t>(got->bytes, memory.size()) : 0;
                             const std::uint32_t crc = crypto::crc32c({memory.data(), bytes});
                             loop_->post([this, serial, got = std::move(got), crc] { read_done(serial, got, crc); });
                           });
  }

  void read_done(std::uint64_t serial, const Result<storage::Got>& got, std::uint32_t crc) {
    const auto chunk = chunks_.find(serial);
    if (chunk == chunks_.end()) return;  // withdrawn meanwhile
    wire::FromGateway message;
    auto& done = *message.mutable_read_done();
    if (got.ok()) {
      auto& bytes = chunk->second.bytes.bytes;
      bytes = std::min(bytes, got->bytes);
      put(*got, &done);
    } else {
      put(got.error(), done.mutable_failure());
      chunks_.erase(chunk);
    }
    done.set_serial(serial);
    done.set_crc32c(crc);
    tell(message);
  }

  void send(const wire::Send& it) {
    const auto chunk = chunks_.find(it.serial());
    if (chunk == chunks_.end()) return undelivered(it.serial(), targets_of(it.meta()), not_found("this gateway does not have the chunk"));
    SourceChunk& known = chunk->second;
    if (known.awaited == 0) ++chunks_awaited_;
    const std::uint64_t targets = known.add_writes(it.meta());
    if (known.stage == SourceChunk::Stage::kPacking) return;
    if (known.stage == SourceChunk::Stage::kOffered) return feed(ChunkOffered{it.serial(), known.bytes.bytes, targets});
    // What is made up measures the links, byte for byte.
    if (generates_ || !packer_ || !packer_->take(it.serial(), known.bytes, clock_.now()))
      return offer(it.serial(), {Codec::kNone, known.bytes});
    known.stage = SourceChunk::Stage::kPacking;
    relieve();
  }

  // The chunk goes to the network, as it was read or packed; what it was before is let go.
  void offer(std::uint64_t serial, PackedChunk packed) {
    SourceChunk& chunk = chunks_.at(serial);
    packed_totals_ += chunk.settle(std::move(packed));
    feed(ChunkOffered{serial, chunk.bytes.bytes, chunk.awaited});
  }

  // Chunks that wait for a packer go raw while the network has nothing to do.
  void relieve() {
    if (!packer_ || std::exchange(relieving_, true)) return;
    while (const auto serial = packer_->take_raw(clock_.now())) offer(*serial, {Codec::kNone, chunks_.at(*serial).bytes});
    relieving_ = false;
  }

  void withdraw(std::uint64_t serial) {
    feed(ChunkWithdrawn{serial});
    forget(serial);
  }

  void forget(std::uint64_t serial) {
    if (packer_) packer_->withdraw(serial);
    const auto chunk = chunks_.find(serial);
    if (chunk == chunks_.end()) return;
    if (chunk->second.awaited != 0) --chunks_awaited_;
    chunks_.erase(chunk);
  }

  void told(std::uint64_t serial, std::uint64_t targets) {
    const auto chunk = chunks_.find(serial);
    if (chunk == chunks_.end() || chunk->second.awaited == 0) return;
    chunk->second.awaited &= ~targets;
    if (chunk->second.awaited == 0 && --chunks_awaited_ == 0) tell_traffic();
  }

  // --- Links

  void meet(Fd socket) {
    auto shared = std::make_shared<Fd>(std::move(socket));
    net::exchange_keys(*loop_, shared, acquaintances_, "", kHandshakeMost, [this, shared](Result<net::AgreedKeys> keys) {
      if (!keys.ok()) return loop_->forget(shared->get());  // a stranger; whoever is known will call again
      const LinkId id(kCalled | ++last_called_);
      const std::string peer = keys->peer;
      open_link(id, shared, std::move(*keys), LinkAccepted{id, peer});
    });
  }

  void open_link(LinkId id, const std::shared_ptr<Fd>& socket, net::AgreedKeys keys, GatewayEvent event) {
    peers_[id] = keys.peer;
    auto link = std::make_shared<FrameLink>(*loop_, socket, id, std::move(keys), *this);
    links_[id] = link;
    feed(std::move(event));
    if (links_.count(id) != 0) link->start();
  }

  void carry_out(Dial& it) {
    const auto known = addresses_.find(it.peer);
    if (known == addresses_.end() || known->second.empty()) return dial_failed(it.link, unavailable(it.peer + " has no address"));
    dial(it.link, it.peer, known->second, 0);
  }

  void dial(LinkId link, const std::string& peer, std::vector<std::string> addresses, std::size_t next) {
    if (next == addresses.size()) return dial_failed(link, unavailable(peer + " cannot be reached"));
    const std::string text = addresses[next];
    const auto colon = text.rfind(':');
    int port = 0;
    if (colon != std::string::npos) std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
    auto address = net::make_address(text.substr(0, std::min(colon, text.size())), static_cast<std::uint16_t>(port));
    auto made = address.ok() ? loop_->make_socket(address->storage.ss_family) : Result<Fd>(address.error());
    if (!made.ok()) return dial_failed(link, made.error());
    auto socket = std::make_shared<Fd>(std::move(made).value());
    // The kernel alone would go on trying for two minutes.
    const auto timer = loop_->after(kHandshakeMost, [socket] { ::shutdown(socket->get(), SHUT_RDWR); });
    loop_->connect(socket->get(), *address,
                   [this, link, peer, addresses = std::move(addresses), next, socket, timer](const Result<std::size_t>& connected) mutable {
                     loop_->cancel(timer);
                     if (!connected.ok()) {
                       loop_->forget(socket->get());
                       return dial(link, peer, std::move(addresses), next + 1);
                     }
                     net::exchange_keys(*loop_, socket, acquaintances_, peer, kHandshakeMost,
                                        [this, link, socket](Result<net::AgreedKeys> keys) {
                                          if (keys.ok()) return open_link(link, socket, std::move(*keys), LinkUp{link});
                                          loop_->forget(socket->get());
                                          dial_failed(link, keys.error());
                                        });
                   });
  }

  void dial_failed(LinkId link, const Error& why) {
    loop_->post([this, link, why] { feed(LinkLost{link, why}); });
  }

  void carry_out(HangUp& it) {
    const auto link = links_.find(it.link);
    if (link == links_.end()) return;
    link->second->hang_up();
    peers_.erase(link->first);
    links_.erase(link);
  }

  void carry_out(SendFrame& it) {
    if (const auto link = links_.find(it.link); link != links_.end()) link->second->send(it.header, std::move(it.body));
  }

  void carry_out(SendOwn& it) {
    const auto link = links_.find(it.link);
    const auto chunk = chunks_.find(it.header.chunk.serial);
    if (link == links_.end() || chunk == chunks_.end()) return;
    auto body = seal_frame(*sealer_, it.header, it.plain_bytes, chunk->second.bytes.view(), chunk->second.sealed_meta);
    link->second->send(it.header, std::move(body));
  }

  // --- Writing

  void carry_out(Gather& it) {
    if (!opener_) return;
    auto& chunk = gathered_[it.header.chunk];
    if (it.header.kind == FrameKind::kChunk) chunk = std::make_shared<SinkChunk>(it.header.total_bytes);
    if (const auto* bytes = dynamic_cast<const BytesBody*>(it.body.get()); bytes && chunk)
      chunk->gathering.add(it.header, bytes->view(), *opener_);
  }

  void carry_out(DropChunk& it) { gathered_.erase(it.chunk); }

  void carry_out(WriteChunk& it) {
    const auto found = gathered_.find(it.chunk);
    const std::shared_ptr<SinkChunk> chunk = found == gathered_.end() ? nullptr : std::move(found->second);
    gathered_.erase(it.chunk);
    const auto meta = chunk ? chunk->gathering.finish() : Result<wire::ChunkMeta>(Error(Code::kDataLoss, "the chunk was not gathered"));
    if (!meta.ok() || meta->codec() == wire::NONE)
      return write_to(it.chunk, it.targets, chunk ? Result<ChunkBytes>(chunk->bytes) : Result<ChunkBytes>(meta.error()), meta);
    unpacker_->take(
        {get(meta->codec()), chunk->bytes}, meta->unpacked_bytes(), meta->crc32c(),
        [this, key = it.chunk, targets = it.targets, meta](const Result<ChunkBytes>& bytes) { write_to(key, targets, bytes, meta); });
  }

  void write_to(const ChunkKey& key, std::uint64_t targets, const Result<ChunkBytes>& bytes, const Result<wire::ChunkMeta>& meta) {
    for (int target = 0; target < static_cast<int>(kTargetsMost); ++target) {
      if ((targets >> target & 1) == 0) continue;
      const auto* write = bytes.ok() && meta.ok() ? write_for(*meta, target) : nullptr;
      if (write) write_one(key, target, *bytes, *write, *meta);
      else loop_->post([this, key, target] { feed(ChunkWritten{key, target, ChunkWritten::Verdict::kCorrupt, nullptr}); });
    }
  }

  static const wire::Write* write_for(const wire::ChunkMeta& meta, int target) {
    const auto found = std::find_if(meta.writes().begin(), meta.writes().end(),
                                    [target](const auto& one) { return one.target() == static_cast<std::uint32_t>(target); });
    return found == meta.writes().end() ? nullptr : &*found;
  }

  void write_one(const ChunkKey& key, int target, const ChunkBytes& chunk, const wire::Write& write, const wire::ChunkMeta& meta) {
    const std::uint64_t bytes = chunk.bytes;
    const auto written = [this, key, target](wire::Receipt receipt) {
      loop_->post([this, key, target, receipt = std::move(receipt)] { this->written(key, target, receipt); });
    };
    if (write.discard()) return written(receipt_of(Result<storage::PutReceipt>(storage::PutReceipt{}), bytes));
    storage::Store* store = stores_->target(static_cast<std::size_t>(target));
    if (!store) return written(receipt_of(Result<storage::PutReceipt>(invalid("this gateway does not write the target")), bytes));
    storage::Checksums checksums;
    checksums.crc32c = meta.crc32c();
    if (write.part()) {
      const storage::Upload upload{write.key(), write.upload_id(), Instant::from_unix_nanos(write.upload_started_nanos())};
      return store->put_part(upload, static_cast<int>(write.number()), write.offset(), chunk.view(), checksums,
                             [chunk, written](const Result<storage::Part>& part) { written(receipt_of(part)); });
    }
    storage::PutRequest request;
    request.key = write.key();
    request.body = chunk.view();
    request.properties = get(meta.properties());
    request.checksums = checksums;
    store->put(std::move(request),
               [chunk, bytes, written](const Result<storage::PutReceipt>& receipt) { written(receipt_of(receipt, bytes)); });
  }

  void written(const ChunkKey& key, int target, const wire::Receipt& receipt) {
    const auto verdict = receipt.has_failure() ? ChunkWritten::Verdict::kRefused : ChunkWritten::Verdict::kWritten;
    feed(ChunkWritten{key, target, verdict,
                      std::make_shared<BytesBody>(std::string_view(receipts_->seal(key, target, receipt.SerializeAsString())))});
  }

  // --- What the owner is told

  void carry_out(ChunkDelivered& it) {
    told(it.serial, std::uint64_t{1} << it.target);
    const auto* bytes = dynamic_cast<const BytesBody*>(it.receipt.get());
    const auto receipt =
        bytes ? open_receipt(job_key_, {sender_, it.serial, 0}, it.target, bytes->view()) : Result<std::string>(not_found(""));
    wire::FromGateway message;
    auto& verdict = *message.mutable_verdict();
    verdict.set_serial(it.serial);
    verdict.set_target(static_cast<std::uint32_t>(it.target));
    if (!receipt.ok() || !verdict.mutable_receipt()->ParseFromString(*receipt))
      put(Error(Code::kDataLoss, "the sink's receipt cannot be read"), verdict.mutable_receipt()->mutable_failure());
    tell(message);
  }

  void carry_out(ChunkUndelivered& it) {
    told(it.serial, it.targets);
    undelivered(it.serial, it.targets, it.why);
  }

  void undelivered(std::uint64_t serial, std::uint64_t targets, const Error& why) {
    wire::FromGateway message;
    message.mutable_undelivered()->set_serial(serial);
    message.mutable_undelivered()->set_targets(targets);
    put(why, message.mutable_undelivered()->mutable_failure());
    tell(message);
  }

  void carry_out(EdgeChanged& it) {
    wire::FromGateway message;
    message.mutable_edge()->set_peer(it.peer);
    message.mutable_edge()->set_up(it.up);
    tell(message);
  }

  void report_traffic() {
    tell_traffic();
    report_round_trips();
    loop_->after(kTrafficEvery, [this] { report_traffic(); });
  }

  // Also before the verdict of the last chunk under way, so that whoever has all verdicts knows what they took.
  void tell_traffic() {
    auto bytes = core_->acknowledged();
    if (bytes == told_traffic_ && packed_totals_ == told_totals_) return;
    wire::FromGateway message;
    for (const auto& [peer, count] : bytes) (*message.mutable_traffic()->mutable_acknowledged_bytes())[peer] = count;
    put(packed_totals_, message.mutable_traffic());
    tell(message);
    told_traffic_ = std::move(bytes);
    told_totals_ = packed_totals_;
  }

  void report_round_trips() {
    std::map<std::string, std::uint32_t> least;
    for (const auto& [id, link] : links_) {
      const auto span = least_round_trip(link->socket());
      if (!span) continue;
      const auto micros = static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(*span).count());
      const auto [known, first] = least.emplace(peers_[id], micros);
      known->second = std::min(known->second, micros);
    }
    if (least == told_round_trips_) return;
    wire::FromGateway message;
    for (const auto& [peer, micros] : least) (*message.mutable_round_trips()->mutable_micros())[peer] = micros;
    tell(message);
    told_round_trips_ = std::move(least);
  }

  // With all else that this turn of the loop has to say.
  void tell(const wire::FromGateway& message) {
    channel_.send(message);
    if (std::exchange(telling_, true)) return;
    loop_->post([this] {
      telling_ = false;
      channel_.go();
    });
  }

  void fail(const Error& why) {
    failed_ = true;
    wire::FromGateway message;
    put(why, message.mutable_failed());
    tell(message);
    loop_->stop();
  }

  // --- The core

  void feed(GatewayEvent event) {
    for (auto& effect : core_->step(std::move(event), clock_.now())) std::visit([this](auto& one) { carry_out(one); }, effect);
    relieve();
    const auto timer = core_->next_timer();
    if (!timer || (timer_at_ && *timer_at_ <= *timer)) return;
    if (timer_at_) loop_->cancel(timer_);
    timer_at_ = *timer;
    timer_ = loop_->after(std::max(*timer - clock_.now(), Duration(0)), [this] {
      timer_at_.reset();
      feed(GatewayTick{});
    });
  }

  SystemClock clock_;
  bool failed_ = false;
  std::unique_ptr<net::Loop> loop_;

  const std::uint64_t sender_ = random_number();
  std::string job_key_;
  std::unique_ptr<GatewayCore> core_;
  std::unique_ptr<ChunkSealer> sealer_;
  std::unique_ptr<ChunkOpener> opener_;
  std::unique_ptr<ReceiptSealer> receipts_;
  std::shared_ptr<net::Acquaintances> acquaintances_;
  std::map<std::string, std::vector<std::string>> addresses_;
  std::unique_ptr<GatewayStores> stores_;
  std::unique_ptr<net::Listener> listener_;
  std::unordered_map<LinkId, std::shared_ptr<FrameLink>> links_;
  std::unordered_map<LinkId, std::string> peers_;
  std::uint64_t last_called_ = 0;
  bool generates_ = false, telling_ = false, relieving_ = false;
  std::unordered_map<std::uint64_t, SourceChunk> chunks_;
  std::map<ChunkKey, std::shared_ptr<SinkChunk>> gathered_;
  std::shared_ptr<char[]> made_up_;
  std::uint64_t made_up_bytes_ = 0;
  std::size_t chunks_awaited_ = 0;
  std::unique_ptr<Packer> packer_;
  std::unique_ptr<Unpacker> unpacker_;
  std::map<std::string, std::uint64_t> told_traffic_;
  PackedTotals packed_totals_, told_totals_;
  std::map<std::string, std::uint32_t> told_round_trips_;
  std::optional<Instant> timer_at_;
  net::Loop::TimerId timer_ = 0;
  OwnerChannel channel_;  // last: its threads call into the rest
};

// The first message, read before there is a loop: it tells which kind of loop serves.
Result<wire::Configure> read_configuration(int in) {
  const auto read_exactly = [in](std::size_t bytes) -> Result<std::string> {
    std::string text(bytes, '\0');
    for (std::size_t had = 0; had < bytes;) {
      const ssize_t got = ::read(in, text.data() + had, bytes - had);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return unavailable("its owner went before it said what to do");
      had += static_cast<std::size_t>(got);
    }
    return text;
  };
  TRY_ASSIGN(const std::string head, read_exactly(4));
  std::size_t length = 0;
  for (const char byte : head) length = length << 8 | static_cast<unsigned char>(byte);
  if (length > kMessageBytesMost) return Error(Code::kDataLoss, "its input is no message of an owner");
  TRY_ASSIGN(const std::string body, read_exactly(length));
  wire::ToGateway message;
  if (!message.ParseFromString(body) || !message.has_configure()) return Error(Code::kDataLoss, "its input is no message of an owner");
  return message.configure();
}

// A relay moves bodies with splice, which needs sockets that do not block, and so the loop of readiness. Whoever seals or opens has the
// bytes in memory anyway, and the loop of completions costs it less.
std::optional<net::LoopKind> loop_for(const wire::Configure& configuration) {
  return configuration.job_key().empty() ? std::optional(net::LoopKind::kEpoll) : std::nullopt;
}

}  // namespace

int run_gateway(int in, int out) {
  std::signal(SIGPIPE, SIG_IGN);
  // Frames of 256 KiB come and go all the time: from the heap, whose pages stay, and not from the kernel, which would give each one anew
  // (a page fault for every 4 KiB: measured 0.2 s of CPU a GiB).
  ::mallopt(M_MMAP_THRESHOLD, 64 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 512 << 20);
  const auto configuration = read_configuration(in);
  auto loop = configuration.ok() ? net::Loop::create(loop_for(*configuration)) : configuration.error();
  if (!loop.ok()) {
    fmt::print(stderr, "isobar-node: gateway: {}\n", loop.error().message());
    return 1;
  }
  auto process = std::make_unique<GatewayProcess>(std::move(loop).value(), in, out);
  const int code = process->run(*configuration);
  // Calls of stores may still be under way, with memory of this process in their hands.
  std::_Exit(code);
}

}  // namespace isobar::transfer
