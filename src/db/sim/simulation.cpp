#include "db/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "sim_client.h"
#include "sim_replica.h"
#include "sim_world.h"

namespace isobar::db {

namespace {

class Simulation {
 public:
  explicit Simulation(const SimOptions& options)
      : options_(options),
        members_(options.f, options.shards, options.correct_clients + options.lying_clients + 1),
        world_(options_, members_) {
    for (std::uint32_t shard = 0; shard < options_.shards; ++shard) make_replicas(ShardId(shard));
    for (std::uint64_t client = 1; client <= options_.correct_clients + options_.lying_clients; ++client) make_client(ClientId(client));
    closer_ = std::make_unique<SimClient>(world_, ClientId(options_.correct_clients + options_.lying_clients + 1), std::nullopt);
  }

  SimVerdict run() {
    for (auto& client : clients_) client->start();
    schedule_faults();
    world_.scheduler().run_until(world_.scheduler().now() + options_.faults_for);
    heal();
    const Instant bound = world_.scheduler().now() + options_.decided_within;
    // By a time of its own: where the next event is far, the scheduler's stands still.
    for (Instant until = world_.scheduler().now(); until < bound && !settled();) {
      finish_what_is_left();
      until = until + std::chrono::milliseconds(200);
      world_.scheduler().run_until(until);
    }
    if (!settled()) say_what_is_left();
    // Whoever was away or was not told learns the rest from the others.
    world_.scheduler().run_until(world_.scheduler().now() + std::chrono::seconds(12));
    compare_states();
    return verdict();
  }

 private:
  template <class Attack>
  std::vector<Attack> draw_attacks() {
    std::vector<Attack> attacks;
    for (std::uint64_t i = 1 + world_.random().below(3); i > 0; --i)
      attacks.push_back(static_cast<Attack>(world_.random().below(static_cast<std::uint64_t>(Attack::kLast) + 1)));
    return attacks;
  }

  void make_replicas(ShardId shard) {
    const auto all = members_.members.replicas_of(shard);
    const std::uint64_t first = world_.random().below(all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bool lies = i < options_.lying_replicas;
      const ReplicaId& self = all[(first + i) % all.size()];
      std::optional<LyingReplica> liar;
      if (lies) liar.emplace(members_.members.epoch, self, members_.signer_of(self), draw_attacks<ReplicaAttack>(), world_.random());
      replicas_.push_back(std::make_unique<SimReplica>(world_, self, std::move(liar)));
      replicas_.back()->set_clock_error(Duration(static_cast<std::int64_t>(world_.random().below(20'000'000)) - 10'000'000));
      // A clock that is wrong counts as a fault: where there are liars, it is theirs.
      if (options_.wrong_clocks && i < options_.f)
        replicas_.back()->set_clock_error(world_.random().chance(0.5) ? std::chrono::hours(1) : -std::chrono::hours(1));
    }
  }

  void make_client(ClientId self) {
    std::optional<LyingClient> liar;
    if (self.value() > options_.correct_clients) liar.emplace(members_, self, draw_attacks<ClientAttack>(), world_.random());
    clients_.push_back(std::make_unique<SimClient>(world_, self, std::move(liar)));
  }

  void schedule_faults() {
    for (auto& replica : replicas_) schedule_crash(*replica);
    if (options_.partitions > 0) schedule_partition();
  }

  Duration next_of(double each_second) { return Duration(static_cast<std::int64_t>(world_.random().exponential(1e9 / each_second))); }

  void schedule_crash(SimReplica& replica) {
    if (options_.crashes <= 0) return;
    world_.scheduler().after(next_of(options_.crashes), [this, &replica] {
      if (world_.healed()) return;
      replica.crash();
      ++crashes_;
      world_.scheduler().after(Duration(static_cast<std::int64_t>(world_.random().exponential(2e8))), [&replica] { replica.restart(); });
      schedule_crash(replica);
    });
  }

  void schedule_partition() {
    world_.scheduler().after(next_of(options_.partitions), [this] {
      if (world_.healed()) return;
      std::set<Peer> some, others;
      for (const auto& replica : replicas_) (world_.random().chance(0.3) ? some : others).insert(Peer(replica->self()));
      for (std::uint64_t client = 1; client <= clients_.size(); ++client)
        (world_.random().chance(0.3) ? some : others).insert(Peer(ClientId(client)));
      world_.cut(some, others);
      if (world_.random().chance(0.5)) world_.cut(others, some);
      world_.scheduler().after(Duration(static_cast<std::int64_t>(world_.random().exponential(2e8))), [this] { world_.heal_cuts(); });
      schedule_partition();
    });
  }

  void heal() {
    world_.heal();
    for (auto& replica : replicas_) replica->restart();
    for (auto& client : clients_)
      if (client->lies()) client->vanish();
  }

  std::vector<SignedTransaction> left() const {
    std::map<TxId, SignedTransaction> all;
    for (const auto& replica : replicas_)
      if (!replica->lies() && replica->clock_is_right())
        for (auto& tx : replica->core()->undecided()) all.emplace(tx.tx.id(), tx);
    std::vector<SignedTransaction> list;
    for (auto& [id, tx] : all) list.push_back(tx);
    return list;
  }

  bool settled() const {
    return left().empty() &&
           std::all_of(clients_.begin(), clients_.end(), [](const auto& client) { return client->done() || client->lies(); });
  }

  void finish_what_is_left() {
    for (const auto& tx : left()) closer_->recover(tx);
  }

  void say_what_is_left() {
    for (const auto& replica : replicas_) {
      if (replica->lies() || !replica->clock_is_right()) continue;
      const Checkpoints& at = replica->core()->checkpoints();
      for (const auto& tx : replica->core()->undecided())
        world_.oracle().violate(fmt::format("{} of {} is not decided in time; replica {}.{} has closed {}, put to rest {}, agreed to {}",
                                            short_name(tx.tx.id()), to_text(tx.tx.timestamp), replica->self().shard, replica->self().index,
                                            at.closed(), at.settled(), at.matched()));
    }
    for (std::size_t i = 0; i < clients_.size(); ++i)
      if (!clients_[i]->done() && !clients_[i]->lies()) world_.oracle().violate(fmt::format("client {} cannot do its work", i + 1));
  }

  /// Replicas that are neither liars nor wrong about the time hold the same: of each key the newest version, and every version that none of
  /// them has put to rest.
  void compare_states() {
    std::map<ShardId, std::vector<const SimReplica*>> shards;
    for (const auto& replica : replicas_)
      if (!replica->lies() && replica->clock_is_right()) shards[replica->self().shard].push_back(replica.get());
    for (const auto& [shard, replicas] : shards) {
      std::uint64_t at_rest = 0;
      for (const auto* replica : replicas) at_rest = std::max(at_rest, replica->core()->checkpoints().settled());
      std::map<std::string, std::set<Timestamp>> all;
      std::map<const SimReplica*, std::map<std::string, std::set<Timestamp>>> each;
      for (const auto* replica : replicas) {
        each[replica] = replica->versions_after(at_rest);
        for (const auto& [key, versions] : each[replica]) all[key].insert(versions.begin(), versions.end());
      }
      for (const auto& [key, versions] : all)
        for (const auto& at : versions)
          for (const auto* replica : replicas)
            if (!each[replica][key].contains(at)) lacks(*replica, key, at);
    }
  }

  void lacks(const SimReplica& replica, const std::string& key, const Timestamp& at) {
    world_.oracle().violate(
        fmt::format("replica {}.{} never learns of {} at {}", replica.self().shard, replica.self().index, key, to_text(at)));
  }

  SimVerdict verdict() {
    Oracle& oracle = world_.oracle();
    SimVerdict verdict;
    for (const auto& replica : replicas_) {
      verdict.evidence += replica->evidence();
      verdict.fallbacks += replica->fallbacks();
      if (replica->lies()) continue;
      for (const auto& decided : replica->core()->all_decided()) oracle.saw_decided(decided.tx, decided.certificate);
    }
    for (const auto& replica : replicas_) {
      if (replica->lies()) continue;
      for (const auto& [key, version] : replica->all_versions())
        oracle.saw_version(replica->self(), key, version.version, version.writer, version.value);
    }
    std::set<ClientId> lying;
    for (std::uint64_t client = options_.correct_clients + 1; client <= options_.correct_clients + options_.lying_clients; ++client)
      lying.insert(ClientId(client));
    oracle.finish(lying);
    for (auto& what : world_.observations().unexplained()) oracle.violate(std::move(what));
    for (const auto& client : clients_) {
      verdict.recovered += client->core().counters().recovered;
      verdict.unvoted += client->unvoted();
      verdict.evidence += client->evidence();
    }
    verdict.violations = oracle.violations();
    verdict.committed = oracle.committed();
    verdict.aborted = oracle.aborted();
    verdict.crashes = crashes_;
    verdict.messages = world_.messages();
    return verdict;
  }

  SimOptions options_;
  SimMembers members_;
  SimWorld world_;
  std::vector<std::unique_ptr<SimReplica>> replicas_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  std::unique_ptr<SimClient> closer_;
  std::size_t crashes_ = 0;
};

}  // namespace

SimOptions SimOptions::draw(std::uint64_t seed) {
  Random random(seed ^ 0x5eedULL);
  SimOptions o;
  o.seed = seed;
  o.shards = random.chance(0.3) ? 2 : 1;
  o.f = o.shards == 1 && random.chance(0.05) ? 2 : 1;
  o.correct_clients = 1 + static_cast<std::uint32_t>(random.below(4));
  o.at_once = random.chance(0.7) ? 1 : 2 + static_cast<std::uint32_t>(random.below(2));
  o.lying_clients = random.chance(0.5) ? 1 + static_cast<std::uint32_t>(random.below(2)) : 0;
  o.lying_replicas = random.chance(0.6) ? o.f : 0;
  o.keys = 1 + static_cast<std::uint32_t>(random.below(6));
  o.transactions = 3 + static_cast<std::uint32_t>(random.below(8));
  o.loss = random.chance(0.4) ? random.uniform() * 0.2 : 0;
  o.duplicates = random.chance(0.3) ? random.uniform() * 0.3 : 0;
  o.crashes = random.chance(0.4) ? random.uniform() : 0;
  o.partitions = random.chance(0.3) ? random.uniform() * 3 : 0;
  o.lost_clients = random.chance(0.3) ? random.uniform() * 0.1 : 0;
  o.wrong_clocks = random.chance(0.15);
  if (random.chance(0.5))
    o.checkpoints = {std::chrono::milliseconds(20 + random.below(200)), std::chrono::milliseconds(100 + random.below(900)),
                     std::chrono::milliseconds(random.below(500)), 1 + random.below(4)};
  o.delay_mean = Duration(static_cast<std::int64_t>(50'000 + random.below(3'000'000)));
  return o;
}

std::string SimOptions::text() const {
  return fmt::format(
      "seed {}: f={} shards={} clients={}+{} at once={} lying replicas={} keys={} transactions={} loss={:.2f} duplicates={:.2f} "
      "crashes={:.2f} "
      "partitions={:.2f}{} closing after {} ms",
      seed, f, shards, correct_clients, lying_clients, at_once, lying_replicas, keys, transactions, loss, duplicates, crashes, partitions,
      wrong_clocks ? " wrong clocks" : "", std::chrono::duration_cast<std::chrono::milliseconds>(checkpoints.grace).count());
}

SimVerdict& SimVerdict::operator+=(const SimVerdict& other) {
  violations.insert(violations.end(), other.violations.begin(), other.violations.end());
  committed += other.committed;
  unvoted += other.unvoted;
  aborted += other.aborted;
  recovered += other.recovered;
  fallbacks += other.fallbacks;
  crashes += other.crashes;
  evidence += other.evidence;
  messages += other.messages;
  return *this;
}

SimVerdict simulate(const SimOptions& options) { return Simulation(options).run(); }

}  // namespace isobar::db
