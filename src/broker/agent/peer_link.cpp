#include "peer_link.h"

#include <fmt/format.h>

namespace isobar::broker {

namespace {

constexpr Duration kBackoffLeast = std::chrono::milliseconds(20), kBackoffMost = std::chrono::seconds(1);
// Of the half minute that some clouds give.
constexpr Duration kBetweenNotices = std::chrono::seconds(2);

}  // namespace

PeerLink::PeerLink(Loop& loop, NodePeer peer, Log& log, Announced announced, std::function<void(bool)> answers)
    : loop_(loop),
      peer_(std::move(peer)),
      log_(log),
      backoff_(kBackoffLeast),
      announced_(std::move(announced)),
      answers_(std::move(answers)) {
  lost_ = loop_.after(kLostAfter, [this] { give_up(); });
  connect();
}

void PeerLink::connect() {
  auto socket = dial(peer_.agent_address, peer_.token);
  if (!socket.ok()) return on_break(socket.error().message());
  connection_ = std::make_unique<Connection>(loop_, std::move(*socket),
                                             Connection::Handlers{.on_frame = [this](const std::string& frame) { on_frame(frame); },
                                                                  .on_room = {},
                                                                  .on_end = [this](const std::string& why) { on_break(why); }});
  send(Hello{kAgentProtocol, peer_.token});
}

void PeerLink::on_break(const std::string& why) {
  connection_.reset();
  keys_by_request_.clear();
  notices_ = {};
  if (std::exchange(greeted_, false)) {
    log_.warn("worker_connection_lost", {{"rank", peer_.rank}, {"why", why}});
    lost_ = loop_.after(kLostAfter, [this] { give_up(); });
  }
  retry_ = loop_.after(backoff_, [this] { connect(); });
  backoff_ = std::min(backoff_ * 2, kBackoffMost);
}

void PeerLink::greet() {
  greeted_ = true;
  backoff_ = kBackoffLeast;
  lost_ = {};
  log_.info("worker_connected", {{"rank", peer_.rank}});
  for (const auto& key : std::exchange(to_forget_, {})) send(ForgetRank{key});
  for (auto& [key, rank] : ranks_) ask(key, rank);
  if (announced_) ask_for_notices();
  if (answers_) answers_(true);
}

void PeerLink::ask_for_notices() {
  send(AskStatus{});
  notices_ = loop_.after(kBetweenNotices, [this] { ask_for_notices(); });
}

void PeerLink::ask(const RankKey& key, Rank& rank) {
  rank.request = send(RunRank{key, rank.order, rank.offset});
  keys_by_request_[rank.request] = key;
  if (rank.kill_wanted) send(KillRank{key});
}

std::uint64_t PeerLink::send(Request request) {
  connection_->send(encode(RequestFrame{++last_request_, std::move(request)}));
  return last_request_;
}

void PeerLink::run(const RankKey& key, const RankOrder& order, std::uint64_t offset, std::shared_ptr<RankSink> sink) {
  auto& rank = ranks_[key];
  rank = {order, offset, std::move(sink)};
  if (greeted_) return ask(key, rank);
  // A worker that was given up long ago does not get another wait for each job.
  if (!lost_) lost_ = loop_.after(kLostAfter, [this] { give_up(); });
}

void PeerLink::kill(const RankKey& key) {
  const auto rank = ranks_.find(key);
  if (rank == ranks_.end() || std::exchange(rank->second.kill_wanted, true)) return;
  if (greeted_) send(KillRank{key});
}

void PeerLink::forget(const RankKey& key) {
  if (const auto rank = ranks_.find(key); rank != ranks_.end()) {
    keys_by_request_.erase(rank->second.request);
    ranks_.erase(rank);
  }
  if (greeted_) send(ForgetRank{key});
  else to_forget_.insert(key);
}

void PeerLink::shut_down(PowerOff how) {
  if (greeted_) send(ShutDown{how});
}

void PeerLink::give_up() {
  lost_ = {};
  log_.warn("worker_lost", {{"rank", peer_.rank}, {"ranks", ranks_.size()}});
  if (answers_) answers_(false);
  const RankEnd end{std::nullopt, fmt::format("node {} ({}) does not answer", peer_.rank, peer_.address)};
  // Sinks may forget their ranks while they are told.
  std::vector<std::shared_ptr<RankSink>> told;
  for (auto& [key, rank] : ranks_)
    if (rank.sink) told.push_back(std::exchange(rank.sink, nullptr));
  for (const auto& sink : told) sink->ended(end);
}

void PeerLink::on_frame(const std::string& bytes) {
  auto frame = decode_reply(bytes);
  if (!frame.ok()) return on_break("it answers what this version does not understand: " + frame.error().message());
  if (const auto* failure = std::get_if<Failure>(&frame->body); failure && !greeted_) return on_break(failure->message);
  if (std::holds_alternative<Welcome>(frame->body)) return greet();
  if (const auto* status = std::get_if<NodeStatus>(&frame->body)) {
    for (const auto& notice : status->notices)
      if (announced_) announced_(notice);
    return;
  }
  if (const auto key = keys_by_request_.find(frame->id); key != keys_by_request_.end()) on_rank_event(RankKey(key->second), frame->body);
}

void PeerLink::on_rank_event(const RankKey& key, const Reply& event) {
  auto& rank = ranks_.at(key);
  const auto sink = rank.sink;
  if (!sink) return;
  if (const auto* started = std::get_if<RankStarted>(&event)) sink->started(started->pid);
  if (const auto* output = std::get_if<RankOutput>(&event)) {
    rank.offset = output->offset + output->bytes.size();
    // The head's sinks write to its disk at once and never ask to wait.
    (void)sink->output(output->offset, output->bytes);
  }
  const auto* end = std::get_if<RankEnd>(&event);
  const auto* failure = std::get_if<Failure>(&event);
  if (!end && !failure) return;
  rank.sink.reset();
  sink->ended(end ? *end : RankEnd{std::nullopt, failure->message});
}

}  // namespace isobar::broker
