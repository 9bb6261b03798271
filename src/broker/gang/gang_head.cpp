#include "gang_head.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>

namespace isobar::broker {

namespace {

constexpr Duration kSendMost = std::chrono::seconds(30), kFirstWordMost = std::chrono::seconds(10), kEndMost = std::chrono::seconds(5);
constexpr int kAcceptPauseMs = 100;

Result<std::unique_ptr<RelayServer>> listen_to_ranks(const GangPlace& place, const std::string& local) {
  Error last = unavailable("no port is left");
  for (const auto port : gang_ports(place.task_id)) {
    auto relay = RelayServer::start(port, place.key, local);
    if (relay.ok() || relay.error().code() != Code::kAlreadyExists) return relay;
    last = relay.error();
  }
  return last.context("listen to the other ranks");
}

}  // namespace

Status GangHead::Peer::send(const GangMessage& message) {
  const std::scoped_lock lock(sending);
  return channel.send(encode(message), kSendMost);
}

GangHead::GangHead(const GangPlace& place, const std::string& host, std::string address)
    : place_(place), address_(std::move(address)), members_(place.addresses.size()) {
  members_[0] = {0, host, static_cast<int>(std::thread::hardware_concurrency())};
}

Result<std::unique_ptr<GangHead>> GangHead::start(const GangPlace& place, const std::string& host, const fs::path& folder) {
  std::unique_ptr<GangHead> head(new GangHead(place, host, "unix:" + (folder / "gang.sock").string()));
  TRY_ASSIGN(head->listener_, listen_at(head->address_));
  if (place.addresses.size() > 1) {
    TRY_ASSIGN(head->relay_, listen_to_ranks(place, head->address_));
  }
  head->acceptor_ = std::jthread([self = head.get()](const std::stop_token& stop) { self->accept(stop); });
  return head;
}

GangHead::~GangHead() {
  if (acceptor_.joinable()) {
    acceptor_.request_stop();
    acceptor_.join();
  }
  {
    std::unique_lock lock(mutex_);
    for (const auto& [rank, peer] : peers_) (void)peer->send({GangKind::kEnd, 0, {}}).ok();
    // Who has heard it hangs up. Until then what leads there must stand: a rank that is cut off before would take it for a loss.
    changed_.wait_for(lock, kEndMost, [this] { return peers_.empty(); });
  }
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();
}

void GangHead::accept(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd ready{listener_.get(), POLLIN, 0};
    if (::poll(&ready, 1, kAcceptPauseMs) <= 0) continue;
    auto socket = accept_from(listener_);
    if (!socket.ok() || !*socket) continue;
    threads_.emplace_back(
        [this, taken = std::move(**socket)](const std::stop_token& ending) mutable { converse(std::move(taken), ending); });
  }
}

void GangHead::converse(Fd socket, const std::stop_token& stop) {
  const auto peer = std::make_shared<Peer>(Channel(std::move(socket)));
  const auto first = peer->channel.receive(kFirstWordMost, stop).and_then([](std::string&& bytes) { return decode_gang_message(bytes); });
  if (!first.ok()) return;
  if (first->kind == GangKind::kAsk) return serve_rsh(peer, first->payload, stop);
  if (first->kind != GangKind::kHello) return;
  if (const auto member = decode_member(first->payload); member.ok()) serve_member(peer, *member, stop);
}

void GangHead::serve_member(const std::shared_ptr<Peer>& peer, const GangMember& member, const std::stop_token& stop) {
  {
    const std::scoped_lock lock(mutex_);
    const bool fits = member.rank > 0 && static_cast<std::size_t>(member.rank) < members_.size() && !peers_.contains(member.rank);
    if (!fits) return;
    members_[static_cast<std::size_t>(member.rank)] = member;
    peers_[member.rank] = peer;
    changed_.notify_all();
  }
  if (!peer->send({GangKind::kWelcome, 0, {}}).ok()) return lose(member.rank);
  for (;;) {
    auto message = peer->channel.receive(kForever, stop).and_then([](std::string&& bytes) { return decode_gang_message(bytes); });
    if (stop.stop_requested()) return;
    if (!message.ok()) return lose(member.rank);
    pass_back(*message);
  }
}

/// What a command says goes to the rsh that waits for it.
void GangHead::pass_back(const GangMessage& message) {
  std::shared_ptr<Peer> rsh;
  {
    const std::scoped_lock lock(mutex_);
    if (const auto asked = asked_.find(message.command); asked != asked_.end()) rsh = asked->second.rsh;
  }
  if (rsh) (void)rsh->send(message).ok();
}

void GangHead::lose(int rank) {
  std::vector<std::shared_ptr<Peer>> waiting;
  {
    const std::scoped_lock lock(mutex_);
    peers_.erase(rank);
    if (!lost_) lost_ = rank;
    for (const auto& [command, asked] : asked_)
      if (asked.rank == rank) waiting.push_back(asked.rsh);
    changed_.notify_all();
  }
  for (const auto& rsh : waiting) (void)rsh->send({GangKind::kErrors, 0, fmt::format("isobar-node: rank {} is gone\n", rank)}).ok();
  for (const auto& rsh : waiting) (void)rsh->send({GangKind::kExit, 0, "255"}).ok();
}

void GangHead::serve_rsh(const std::shared_ptr<Peer>& peer, const std::string& payload, const std::stop_token& stop) {
  const auto split_at = payload.find('\0');
  const auto host = payload.substr(0, split_at);
  std::shared_ptr<Peer> member;
  std::uint32_t command = 0;
  std::optional<int> rank;
  {
    const std::scoped_lock lock(mutex_);
    rank = gang_rank_of(host, names_, place_.addresses);
    if (rank && split_at != std::string::npos && peers_.contains(*rank)) {
      member = peers_.at(*rank);
      command = ++last_command_;
      asked_[command] = {peer, *rank};
    }
  }
  if (!member) {
    const auto why = fmt::format("isobar-node: '{}' is no other node of this job; there are {}\n", host, fmt::join(names_, ", "));
    (void)peer->send({GangKind::kErrors, 0, why}).ok();
    (void)peer->send({GangKind::kExit, 0, "255"}).ok();
    return;
  }
  if (!member->send({GangKind::kRun, command, payload.substr(split_at + 1)}).ok()) lose(*rank);
  // It says nothing more; that it goes away, be it done or killed, is heard by the connection's end.
  (void)peer->channel.receive(kForever, stop).ok();
  const std::scoped_lock lock(mutex_);
  asked_.erase(command);
  (void)member->send({GangKind::kKill, command, {}}).ok();
}

std::vector<std::string> GangHead::await_members() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return peers_.size() + 1 == members_.size() || lost_; });
  names_ = gang_names(members_);
  return names_;
}

std::optional<int> GangHead::lost() const {
  const std::scoped_lock lock(mutex_);
  return lost_;
}

}  // namespace isobar::broker
