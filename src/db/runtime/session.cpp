#include "db/session.h"

#include <fmt/format.h>

#include <set>
#include <thread>

#include "awaited.h"
#include "base/text.h"
#include "dialer.h"

namespace isobar::db {

namespace {

using ReadAnswer = Result<std::optional<std::string>>;

Error no_such_transaction() { return invalid("there is no such transaction: it has ended, or was never begun"); }

}  // namespace

std::string_view explain(AbortReason reason) {
  switch (reason) {
    case AbortReason::kNone: return "it was aborted by whoever finished it";
    case AbortReason::kClock: return "its timestamp is ahead of the replicas' clocks: look at this machine's clock";
    case AbortReason::kMissedWrite: return "another transaction wrote meanwhile what it had read";
    case AbortReason::kHidesWrite: return "a later transaction has already read what it would overwrite";
    case AbortReason::kReader: return "a later transaction is reading what it would overwrite";
    case AbortReason::kDependency: return "what it had read was not committed in the end";
    case AbortReason::kTooOld: return "it took too long";
    case AbortReason::kSameTimestamp: return "its timestamp was used twice: does the same client run twice?";
    case AbortReason::kMalformed: return "it is malformed";
  }
  return "unknown";
}

struct Session::Inside {
  ClusterFile cluster;
  Secret secret;
  ClientId self;
  Ed25519Scheme scheme;
  Ed25519Signer signer;
  SystemClock clock;
  std::unique_ptr<net::Loop> loop;
  std::shared_ptr<net::Acquaintances> acquaintances;
  std::unique_ptr<Client> core;
  std::map<ReplicaId, std::shared_ptr<Dialer>> replicas;
  std::map<std::pair<TxHandle, std::string>, std::shared_ptr<Awaited<ReadAnswer>>> reading;
  std::map<TxHandle, std::shared_ptr<Awaited<Ended>>> committing;
  std::set<TxHandle> open;
  std::optional<Instant> tick_at;
  bool flush_is_due = false;
  std::thread thread;

  Inside(ClusterFile c, Secret s)
      : cluster(std::move(c)), secret(std::move(s)), self(std::get<ClientId>(secret.self)), signer(secret.key) {}

  Now now() const { return {clock.now(), Instant::from_unix_nanos(loop->now().count())}; }

  Status begin() {
    TRY_ASSIGN(loop, net::Loop::create());
    TRY_ASSIGN(acquaintances, net::Acquaintances::make(secret.identity, cluster.fingerprints()));
    core = std::make_unique<Client>(ClientConfig{}, cluster.membership, self, signer, scheme);
    for (std::uint64_t shard = 0; shard < cluster.membership.shards.size(); ++shard)
      for (const auto& id : cluster.membership.replicas_of(ShardId(shard))) {
        replicas[id] = std::make_shared<Dialer>(*loop, cluster.member(id), acquaintances, [this, id](const Message& message) {
          core->step(id, message, now());
          flush_later();
        });
        loop->post([dialer = replicas[id]] { dialer->dial(); });
      }
    thread = std::thread([this] { loop->run(); });
    return {};
  }

  void end() {
    loop->post([this] {
      for (auto& [id, dialer] : replicas) dialer->hang_up();
      loop->stop();
    });
    thread.join();
  }

  /// On the loop's thread, and waits for it.
  template <class Work>
  void in_loop(Work work) {
    Awaited<bool> done;
    loop->post([&] {
      work();
      flush();
      done.tell(true);
    });
    done.wait(kForever / 2);
  }

  void flush_later() {
    if (std::exchange(flush_is_due, true)) return;
    loop->post([this] {
      flush_is_due = false;
      flush();
    });
  }

  void flush() {
    auto output = core->take();
    for (const auto& send : output.sends) replicas.at(send.to)->send(send.message);
    for (const auto& event : output.events) std::visit([this](const auto& e) { on(e); }, event);
    schedule_tick();
  }

  void schedule_tick() {
    const auto next = core->next_tick();
    if (!next || (tick_at && *tick_at <= *next)) return;
    tick_at = *next;
    loop->after(std::max(Duration(0), *next - now().steady), [this] {
      tick_at.reset();
      core->tick(now());
      flush();
    });
  }

  void answer_read(TxHandle tx, const std::string& key, ReadAnswer answer) {
    const auto found = reading.find({tx, key});
    if (found == reading.end()) return;
    found->second->tell(std::move(answer));
    reading.erase(found);
  }
  void on(const ReadDone& read) { answer_read(read.tx, read.key, read.value.value); }
  void on(const ReadRefused& read) {
    answer_read(read.tx, read.key, unavailable("the replicas' clocks are behind this machine's by more than they allow; set its clock"));
  }
  void on(const Ended& ended) {
    const auto found = committing.find(ended.tx);
    if (found == committing.end()) return;
    found->second->tell(ended);
    committing.erase(found);
  }

  std::vector<std::string> unreachable() const {
    std::vector<std::string> list;
    for (const auto& [id, dialer] : replicas) {
      const Member& member = cluster.member(id);
      if (!dialer->connected())
        list.push_back(fmt::format("{} ({}:{}): {}", member.name, member.host, member.port,
                                   dialer->problem().empty() ? "not connected yet" : dialer->problem()));
    }
    return list;
  }
};

Session::Session(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
Session::~Session() { inside_->end(); }

Result<std::unique_ptr<Session>> Session::open(ClusterFile cluster, Secret secret) {
  if (!std::holds_alternative<ClientId>(secret.self))
    return invalid(fmt::format("this is the secret of {}, not of a client", member_name(secret.self)));
  auto inside = std::make_unique<Inside>(std::move(cluster), std::move(secret));
  TRY(inside->begin());
  return std::unique_ptr<Session>(new Session(std::move(inside)));
}

TxHandle Session::begin() {
  TxHandle tx;
  inside_->in_loop([&] {
    tx = inside_->core->begin(inside_->now());
    inside_->open.insert(tx);
  });
  return tx;
}

std::vector<std::string> Session::unreachable() {
  std::vector<std::string> list;
  inside_->in_loop([&] { list = inside_->unreachable(); });
  return list;
}

Result<std::optional<std::string>> Session::get(TxHandle tx, const std::string& key, Duration patience) {
  auto answer = std::make_shared<Awaited<ReadAnswer>>();
  bool there = false;
  inside_->in_loop([&] {
    there = inside_->open.contains(tx);
    if (!there) return;
    inside_->reading[{tx, key}] = answer;
    inside_->core->read(tx, key, inside_->now());
  });
  if (!there) return no_such_transaction();
  if (auto told = answer->wait(patience)) return std::move(*told);
  const auto missing = unreachable();
  return Error(Code::kDeadlineExceeded, fmt::format("'{}' could not be read within {}; not connected: {}", key, format_duration(patience),
                                                    missing.empty() ? "none" : join(missing, "; ")));
}

Status Session::put(TxHandle tx, const std::string& key, std::optional<std::string> value) {
  bool there = false;
  inside_->in_loop([&] {
    there = inside_->open.contains(tx);
    if (there) inside_->core->write(tx, key, std::move(value));
  });
  if (!there) return no_such_transaction();
  return {};
}

Result<Committed> Session::commit(TxHandle tx, Duration patience) {
  auto ended = std::make_shared<Awaited<Ended>>();
  bool there = false;
  inside_->in_loop([&] {
    there = inside_->open.erase(tx) > 0;
    if (!there) return;
    inside_->committing[tx] = ended;
    inside_->core->commit(tx, inside_->now());
  });
  if (!there) return no_such_transaction();
  const auto told = ended->wait(patience);
  if (!told) {
    const auto missing = unreachable();
    return Error(Code::kDeadlineExceeded, fmt::format("what became of the transaction is not known after {}; not connected: {}",
                                                      format_duration(patience), missing.empty() ? "none" : join(missing, "; ")));
  }
  if (told->outcome == Outcome::kAbort) return Error(Code::kConflict, fmt::format("aborted: {}", explain(told->reason)));
  return Committed{told->id, told->fast};
}

void Session::abandon(TxHandle tx) {
  inside_->in_loop([&] {
    if (inside_->open.erase(tx) > 0) inside_->core->abandon(tx);
  });
}

ClientCounters Session::counters() {
  ClientCounters counters;
  inside_->in_loop([&] { counters = inside_->core->counters(); });
  return counters;
}

}  // namespace isobar::db
