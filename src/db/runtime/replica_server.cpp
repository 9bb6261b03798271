#include "db/replica_server.h"

#include <fmt/format.h>

#include <thread>

#include "db/ed25519_scheme.h"
#include "db/evidence_file.h"
#include "db/recoverer.h"
#include "dialer.h"
#include "disk_thread.h"
#include "net/listener.h"
#include "rocks_key_values.h"
#include "signing_pace.h"
#include "store_thread.h"

namespace isobar::db {

namespace {
constexpr Duration kHandshake = std::chrono::seconds(5), kTick = std::chrono::milliseconds(5), kListenPause = std::chrono::milliseconds(50);
constexpr int kListenTries = 60;
}  // namespace

struct ReplicaServer::Inside {
  ReplicaServerOptions options;
  ClusterFile cluster;
  Secret secret;
  Log& log;
  Ed25519Scheme scheme;
  Ed25519Signer signer;
  SystemClock clock;
  ReplicaId self;
  std::unique_ptr<net::Loop> loop;
  std::shared_ptr<net::Acquaintances> acquaintances;
  std::unique_ptr<Settled> settled;
  std::unique_ptr<Replica> core;
  std::unique_ptr<Recoverer> recoverer;
  std::unique_ptr<net::Listener> listener;
  std::unique_ptr<DiskThread> disk;
  std::unique_ptr<StoreThread> store;
  std::optional<EvidenceFile> evidence;
  std::map<Peer, std::shared_ptr<Link>> callers;            // those who called us; a client's latest connection
  std::map<ReplicaId, std::shared_ptr<Dialer>> neighbours;  // of our shard, whom we call
  bool flush_is_due = false, flush_is_put_off = false, disk_is_busy = false;
  SigningPace pace;
  std::optional<Error> failure;

  Inside(ReplicaServerOptions o, ClusterFile c, Secret s, Log& l)
      : options(std::move(o)),
        cluster(std::move(c)),
        secret(std::move(s)),
        log(l),
        signer(secret.key),
        self(std::get<ReplicaId>(secret.self)) {}

  Now now() const { return {clock.now(), Instant::from_unix_nanos(loop->now().count())}; }

  Status begin() {
    std::vector<LogRecord> records;
    TRY_ASSIGN(auto votes, VoteSegments::open(options.folder, options.sync, records));
    TRY_ASSIGN(auto values, open_rocks(options.folder / "settled", options.sync == Sync::kDisk));
    TRY_ASSIGN(settled, Settled::open(std::move(values)));
    TRY_ASSIGN(evidence, EvidenceFile::open(options.folder / "evidence.log"));
    TRY_ASSIGN(loop, net::Loop::create());
    TRY_ASSIGN(acquaintances, net::Acquaintances::make(secret.identity, cluster.fingerprints()));
    ReplicaConfig config;
    config.checkpoints = options.checkpoints;
    core = std::make_unique<Replica>(config, cluster.membership, self, signer, scheme);
    recoverer = std::make_unique<Recoverer>(cluster.membership, scheme);
    core->restore(*settled, records, {clock.now(), Instant()});
    if (core->checkpoints().matched() > settled->state().until)
      return Error(Code::kDataLoss,
                   fmt::format("{} is older than the log of votes says: what was at rest is lost. Put a sound copy of it back, "
                               "or take the replica out of the cluster",
                               (options.folder / "settled").string()));
    TRY(listen());
    disk = std::make_unique<DiskThread>(std::move(votes), *loop, [this](const Error& why) { fail(why); });
    store = std::make_unique<StoreThread>(*settled, *loop, [this](const Result<SettledState>& state) { at_rest(state); });
    log.info("db_replica_started", {{"replica", member_name(self)}, {"records", fmt::format("{}", records.size())}});
    // Elections are rare, and must not wait for connections then.
    for (const auto& id : cluster.membership.replicas_of(self.shard))
      if (id != self) loop->post([this, id] { neighbour(id).dial(); });
    flush();
    tick();
    return {};
  }

  /// A process that was killed leaves its port a moment after it is gone: the kernel ends what io_uring still had under way on its own
  /// time.
  Status listen() {
    for (int tried = 1;; ++tried) {
      auto opened = net::Listener::open(*loop, options.listen, cluster.member(self).port, [this](Fd socket) { accept(std::move(socket)); });
      if (opened.ok()) {
        listener = std::move(*opened);
        return {};
      }
      if (opened.error().code() != Code::kAlreadyExists || tried == kListenTries) return opened.error();
      std::this_thread::sleep_for(kListenPause);
    }
  }

  void fail(const Error& why) {
    failure = why;
    log.error("db_replica_stopped", {{"why", why.message()}});
    loop->stop();
  }

  void accept(Fd socket) {
    auto owned = std::make_shared<Fd>(std::move(socket));
    net::exchange_keys(*loop, owned, acquaintances, "", kHandshake, [this, owned](Result<net::AgreedKeys> keys) {
      const auto peer = keys.ok() ? cluster.named(keys->peer) : std::nullopt;
      if (!peer) {
        loop->forget(owned->get());
        log.warn("db_caller_refused", {{"why", keys.ok() ? "not of this cluster" : keys.error().message()}});
        return;
      }
      auto link = std::make_shared<Link>(
          *loop, owned, std::move(*keys), [this, from = *peer](const Message& message) { arrived(from, message); },
          [this, from = *peer, raw = owned.get()](const Error&) { gone(from, raw); });
      if (auto& old = callers[*peer]) old->hang_up();
      callers[*peer] = link;
      sockets[*peer] = owned.get();
      link->start();
    });
  }

  std::map<Peer, const Fd*> sockets;  // of callers: which connection it is
  void gone(const Peer& peer, const Fd* socket) {
    if (sockets[peer] != socket) return;  // another took its place
    sockets.erase(peer);
    loop->post([this, peer] {
      if (!sockets.contains(peer)) callers.erase(peer);
    });
  }

  void arrived(const Peer& from, const Message& message) {
    std::vector<Committer::Send> sends;
    const auto* replica = std::get_if<ReplicaId>(&from);
    if (!replica || !recoverer->takes(*replica, message, now().steady, sends)) core->step(from, message, now());
    for (auto& each : sends) carry({each.to, std::move(each.message)});
    if (std::exchange(flush_is_due, true)) return;
    // What else comes in this turn is answered with the same signature and the same flush.
    loop->post([this] {
      flush_is_due = false;
      flush();
    });
  }

  /// While the disk is busy, answers gather: they share the next flush and the next signature.
  void flush() {
    for (const auto& outgoing : core->take_now()) send(outgoing);
    if (disk_is_busy || flush_is_put_off) return;
    if (const auto pause = pace.pause(loop->now(), core->unsigned_statements())) {
      flush_is_put_off = true;
      loop->after(*pause, [this] {
        flush_is_put_off = false;
        flush();
      });
      return;
    }
    auto output = core->take();
    for (const auto& found : output.evidence) note(found);
    if (output.failure) return fail(*output.failure);
    if (output.records.empty() && output.sends.empty() && output.forgotten.empty() && !output.settle) return;
    DiskThread::Job job;
    for (const auto& record : output.records)
      job.records.push_back({record.tx, std::holds_alternative<CheckpointRecord>(record.what), encode(record)});
    job.forgotten = std::move(output.forgotten);
    job.durable = [this, sends = std::move(output.sends), settle = std::move(output.settle)]() mutable {
      disk_is_busy = false;
      for (const auto& outgoing : sends) send(outgoing);
      if (settle) store->apply(std::move(*settle));
      flush();
    };
    disk_is_busy = true;
    disk->write(std::move(job));
  }

  void at_rest(const Result<SettledState>& state) {
    if (!state.ok()) return fail(state.error());
    core->on_settled(*settled, *state, now());
    flush();
  }

  void note(const Evidence& found) {
    log.warn("db_contradiction_seen", {{"who", accused_by(found)}, {"what", std::string(what_is_shown_by(found))}});
    if (const Status kept = evidence->add(found, clock.now()); !kept.ok())
      log.error("db_evidence_not_kept", {{"why", kept.error().message()}});
  }

  void send(const Outgoing& said) {
    if (!options.instead_of) return carry(said);
    for (const auto& instead : options.instead_of(said)) carry(instead);
  }

  void carry(const Outgoing& outgoing) {
    const auto* replica = std::get_if<ReplicaId>(&outgoing.to);
    if (replica && *replica == self) {
      // To itself, as the leader that it elects: in a later turn, like anybody's.
      loop->post([this, message = outgoing.message] { arrived(self, message); });
    } else if (replica) {
      neighbour(*replica).send(outgoing.message);
    } else if (const auto caller = callers.find(outgoing.to); caller != callers.end()) {
      caller->second->send(outgoing.message);
    }
  }

  Dialer& neighbour(const ReplicaId& id) {
    auto& dialer = neighbours[id];
    if (!dialer)
      dialer =
          std::make_shared<Dialer>(*loop, cluster.member(id), acquaintances, [this, id](const Message& message) { arrived(id, message); });
    return *dialer;
  }

  void finish_leftovers() {
    const auto leftovers = core->leftovers();
    if (leftovers.empty() && recoverer->under_way() == 0) return;
    std::vector<Committer::Send> sends;
    recoverer->tick(leftovers, now().steady, sends);
    for (auto& each : sends) carry({each.to, std::move(each.message)});
  }

  void tick() {
    loop->after(kTick, [this] {
      core->tick(now());
      finish_leftovers();
      flush();
      tick();
    });
  }
};

ReplicaServer::ReplicaServer(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
ReplicaServer::~ReplicaServer() = default;

Result<std::unique_ptr<ReplicaServer>> ReplicaServer::start(ReplicaServerOptions options, ClusterFile cluster, Secret secret, Log& log) {
  if (!std::holds_alternative<ReplicaId>(secret.self))
    return invalid(fmt::format("this is the secret of {}, not of a replica", member_name(secret.self)));
  auto inside = std::make_unique<Inside>(std::move(options), std::move(cluster), std::move(secret), log);
  TRY(inside->begin());
  return std::unique_ptr<ReplicaServer>(new ReplicaServer(std::move(inside)));
}

Status ReplicaServer::run() {
  inside_->loop->run();
  if (inside_->failure) return *inside_->failure;
  return {};
}

void ReplicaServer::stop() { inside_->loop->stop(); }

}  // namespace isobar::db
