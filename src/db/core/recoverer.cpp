#include "db/recoverer.h"

namespace isobar::db {

void Recoverer::tick(std::span<const SignedTransaction> leftovers, Instant now, std::vector<Committer::Send>& out) {
  for (auto& [id, committer] : committers_)
    if (committer.next_tick() <= now) committer.tick(now, out);
  std::erase_if(committers_, [](const auto& each) { return each.second.done() || each.second.gone(); });
  for (const auto& tx : leftovers) {
    if (committers_.size() >= kAtOnceMost) return;
    const auto [committer, is_new] = committers_.try_emplace(tx.tx.id(), config_, members_, verifier_, patience_, tx);
    if (is_new) committer->second.start(now, out);
  }
}

template <class Reply>
bool Recoverer::pass_on(const ReplicaId& from, const TxId& id, const Reply& reply, Instant now, std::vector<Committer::Send>& out) {
  const auto committer = committers_.find(id);
  if (committer == committers_.end()) return true;
  committer->second.on(from, reply, now, out);
  if (committer->second.done() || committer->second.gone()) committers_.erase(committer);
  return true;
}

bool Recoverer::takes(const ReplicaId& from, const Message& message, Instant now, std::vector<Committer::Send>& out) {
  if (const auto* vote = std::get_if<VoteReply>(&message)) return pass_on(from, vote->vote.statement.tx, *vote, now, out);
  if (const auto* logged = std::get_if<LoggedReply>(&message)) return pass_on(from, logged->logged.statement.tx, *logged, now, out);
  if (const auto* decided = std::get_if<DecidedReply>(&message)) return pass_on(from, decided->decided.certificate.tx, *decided, now, out);
  if (const auto* gone = std::get_if<GoneReply>(&message)) return pass_on(from, gone->tx, *gone, now, out);
  return false;
}

std::optional<Instant> Recoverer::next_tick() const {
  std::optional<Instant> next;
  for (const auto& [id, committer] : committers_) next = next ? std::min(*next, committer.next_tick()) : committer.next_tick();
  return next;
}

}  // namespace isobar::db
