#include "oracle.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::db {

namespace {
std::string name_of(const ReplicaId& replica) { return fmt::format("replica {}.{}", replica.shard, replica.index); }
}  // namespace

void Oracle::saw_vote(const ReplicaId& replica, const VoteStatement& vote) {
  const auto [first, is_first] = votes_.emplace(std::pair(replica, vote.tx), vote.vote);
  expect(first->second == vote.vote, fmt::format("{} votes both ways on {}", name_of(replica), short_name(vote.tx)));
}

void Oracle::saw_logged(const ReplicaId& replica, const LoggedStatement& logged) {
  const auto [known, is_new] =
      logged_.emplace(std::pair(replica, logged.tx), LastLogged{logged.decided_in, logged.current, logged.decision});
  if (is_new) return;
  auto& last = known->second;
  expect(logged.current >= last.current, fmt::format("{} goes back to an earlier view of {}", name_of(replica), short_name(logged.tx)));
  expect(logged.decided_in >= last.decided_in,
         fmt::format("{} goes back to an earlier decision of {}", name_of(replica), short_name(logged.tx)));
  expect(logged.decided_in != last.decided_in || logged.decision == last.decision,
         fmt::format("{} holds two decisions of one view of {}", name_of(replica), short_name(logged.tx)));
  last = {logged.decided_in, logged.current, logged.decision};
}

void Oracle::saw_decided(const SignedTransaction& tx, const Certificate& certificate) {
  const TxId id = tx.tx.id();
  expect(id == certificate.tx, fmt::format("a certificate of {} is kept for {}", short_name(certificate.tx), short_name(id)));
  const auto [first, is_first] = decided_.emplace(id, Decision{tx.tx, certificate.decision});
  expect(first->second.outcome == certificate.decision, fmt::format("{} is both committed and aborted", short_name(id)));
  if (!is_first || certificate.decision != Outcome::kCommit) return;
  for (const auto& write : tx.tx.writes) {
    const auto [other, alone] = writers_[write.key].emplace(tx.tx.timestamp, id);
    expect(alone, fmt::format("{} and {} are committed with one timestamp", short_name(id), short_name(other->second)));
  }
}

void Oracle::saw_ended(const TxId& id, Outcome outcome) { ended_[id] = outcome; }

void Oracle::saw_version(const ReplicaId& replica, const std::string& key, const Timestamp& version, const TxId& writer,
                         const std::optional<std::string>& value) {
  const auto decided = decided_.find(writer);
  const bool committed = decided != decided_.end() && decided->second.outcome == Outcome::kCommit;
  const Write* write = committed ? decided->second.tx.write_of(key) : nullptr;
  expect(write && write->value == value && decided->second.tx.timestamp == version,
         fmt::format("{} keeps a version of '{}' that no committed transaction wrote", name_of(replica), key));
}

void Oracle::check_reads(const Decision& decision, const TxId& id) {
  for (const auto& read : decision.tx.reads) {
    const auto& writers = writers_[read.key];
    expect(read.version == Timestamp{} || writers.contains(read.version),
           fmt::format("{} read a version of '{}' that was never committed", short_name(id), read.key));
    const auto newer = writers.upper_bound(read.version);
    expect(newer == writers.end() || !(newer->first < decision.tx.timestamp),
           fmt::format("{} missed a write of '{}' by {}", short_name(id), read.key,
                       newer == writers.end() ? "nobody" : short_name(newer->second)));
  }
}

/// No phantoms: whoever wrote into the range between its floor and its reader is named.
void Oracle::check_ranges(const Decision& decision, const TxId& id) {
  for (const auto& range : decision.tx.ranges)
    for (auto key = writers_.lower_bound(range.from); key != writers_.end() && key->first < range.until; ++key)
      for (const auto& [version, writer] : key->second)
        expect(version.time <= range.floor || !(version < decision.tx.timestamp) || writer == id || decision.tx.read_of(key->first),
               fmt::format("{} missed that {} wrote '{}' into what it scanned", short_name(id), short_name(writer), key->first));
}

void Oracle::check_scanned(const Scanned& scanned) {
  std::map<std::string, std::string> rows;
  for (auto key = writers_.lower_bound(scanned.from); key != writers_.end() && key->first < scanned.until; ++key) {
    const auto next = key->second.lower_bound(scanned.at);
    if (next == key->second.begin()) continue;
    if (const auto& value = decided_.at(std::prev(next)->second).tx.write_of(key->first)->value) rows.emplace(key->first, *value);
  }
  expect(rows == scanned.rows, fmt::format("a scan from '{}' at {} gave {} rows, which are not the {} that were there", scanned.from,
                                           to_text(scanned.at), scanned.rows.size(), rows.size()));
}

void Oracle::finish(const std::set<ClientId>& byzantine) {
  for (const auto& [id, decision] : decided_)
    if (decision.outcome == Outcome::kCommit && !byzantine.contains(decision.tx.timestamp.client))
      check_reads(decision, id), check_ranges(decision, id);
  for (const auto& scanned : scanned_) check_scanned(scanned);
  for (const auto& [id, outcome] : ended_) {
    const auto decided = decided_.find(id);
    expect(decided != decided_.end(), fmt::format("a client was told what became of {}, and no replica knows", short_name(id)));
    expect(decided == decided_.end() || decided->second.outcome == outcome,
           fmt::format("a client was told the opposite of what became of {}", short_name(id)));
  }
}

std::size_t Oracle::committed() const {
  return static_cast<std::size_t>(
      std::count_if(decided_.begin(), decided_.end(), [](const auto& d) { return d.second.outcome == Outcome::kCommit; }));
}

}  // namespace isobar::db
