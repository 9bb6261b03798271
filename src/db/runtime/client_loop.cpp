#include "client_loop.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::db {

ClientLoop::ClientLoop(ClusterFile cluster, Secret secret, Told told, ClientLies lies)
    : cluster_(std::move(cluster)), secret_(std::move(secret)), told_(std::move(told)), lies_(std::move(lies)), signer_(secret_.key) {}

Result<std::unique_ptr<ClientLoop>> ClientLoop::start(ClusterFile cluster, Secret secret, Told told, ClientLies lies) {
  if (!std::holds_alternative<ClientId>(secret.self))
    return invalid(fmt::format("this is the secret of {}, not of a client", member_name(secret.self)));
  std::unique_ptr<ClientLoop> made(new ClientLoop(std::move(cluster), std::move(secret), std::move(told), std::move(lies)));
  TRY(made->begin());
  return made;
}

Status ClientLoop::begin() {
  TRY_ASSIGN(loop_, net::Loop::create());
  TRY_ASSIGN(acquaintances_, net::Acquaintances::make(secret_.identity, cluster_.fingerprints()));
  core_ = std::make_unique<Client>(ClientConfig{}, cluster_.membership, std::get<ClientId>(secret_.self), signer_, scheme_);
  for (std::uint64_t shard = 0; shard < cluster_.membership.shards.size(); ++shard)
    for (const auto& id : cluster_.membership.replicas_of(ShardId(shard))) {
      replicas_[id] = std::make_shared<Dialer>(*loop_, cluster_.member(id), acquaintances_,
                                               [this, id](const Message& message) { arrived(id, message); });
      loop_->post([dialer = replicas_[id]] { dialer->dial(); });
    }
  thread_ = std::thread([this] { loop_->run(); });
  return {};
}

ClientLoop::~ClientLoop() {
  if (!thread_.joinable()) return;
  loop_->post([this] {
    for (auto& [id, dialer] : replicas_) dialer->hang_up();
    loop_->stop();
  });
  thread_.join();
}

void ClientLoop::post(std::function<void()> work) {
  loop_->post([this, work = std::move(work)] {
    work();
    flush();
  });
}

void ClientLoop::run(const std::function<void()>& work) {
  Awaited<bool> done;
  post([&] {
    work();
    done.tell(true);
  });
  done.wait(std::chrono::hours(24 * 365));
}

void ClientLoop::after(Duration pause, std::function<void()> work) {
  loop_->after(pause, [this, work = std::move(work)] {
    work();
    flush();
  });
}

// All that comes in one turn of the loop is answered together.
void ClientLoop::arrived(const ReplicaId& from, const Message& message) {
  if (const auto* status = std::get_if<StatusReply>(&message)) {
    if (told_status_) told_status_(from, *status);
    return;
  }
  if (lies_.heard)
    for (const auto& lie : lies_.heard(from, message)) replicas_.at(lie.to)->send(lie.message);
  core_->step(from, message, now());
  if (std::exchange(flush_is_due_, true)) return;
  loop_->post([this] {
    flush_is_due_ = false;
    flush();
  });
}

void ClientLoop::hand_in() {
  if (handing_in_is_put_off_) return;
  const auto pause = pace_.pause(loop_->now(), core_->unsigned_transactions());
  if (!pause) return core_->hand_in(now());
  handing_in_is_put_off_ = true;
  loop_->after(*pause, [this] {
    handing_in_is_put_off_ = false;
    flush();
  });
}

void ClientLoop::say(Committer::Send send) {
  if (!lies_.instead_of) return replicas_.at(send.to)->send(send.message);
  for (const auto& lie : lies_.instead_of(std::move(send))) replicas_.at(lie.to)->send(lie.message);
}

void ClientLoop::flush() {
  for (;;) {
    hand_in();
    auto output = core_->take();
    for (auto& send : output.sends) say(std::move(send));
    // That a disk is full must not keep the client from its work; what was seen once will be seen again.
    for (const auto& found : output.evidence)
      if (evidence_) (void)evidence_->add(found, clock_.now());
    if (output.events.empty()) break;
    for (const auto& event : output.events) told_(event);
  }
  schedule_tick();
}

void ClientLoop::schedule_tick() {
  const auto next = core_->next_tick();
  if (!next || (tick_at_ && *tick_at_ <= *next)) return;
  tick_at_ = *next;
  loop_->after(std::max(Duration(0), *next - now().steady), [this] {
    tick_at_.reset();
    core_->tick(now());
    flush();
  });
}

void ClientLoop::ask_status(std::function<void(const ReplicaId& from, const StatusReply& reply)> told_status) {
  told_status_ = std::move(told_status);
  for (const auto& [id, dialer] : replicas_) dialer->send(StatusRequest{});
}

std::vector<std::string> ClientLoop::unreachable() const {
  std::vector<std::string> list;
  for (const auto& [id, dialer] : replicas_) {
    const Member& member = cluster_.member(id);
    if (!dialer->connected())
      list.push_back(fmt::format("{} ({}:{}): {}", member.name, member.host, member.port,
                                 dialer->problem().empty() ? "not connected yet" : dialer->problem()));
  }
  return list;
}

}  // namespace isobar::db
