// What readers are told, and what they are promised.

#include <algorithm>

#include "db/replica.h"
#include "db/seeded_bugs.h"

namespace isobar::db {

namespace {
constexpr std::size_t kScannedBytes = 1U << 20;
}  // namespace

/// Why a reader at `at` is not answered at all.
AbortReason Replica::unreadable(const Timestamp& at, bool allowed, const Now& now) const {
  const bool is_ahead = at.time > nanos_of(now.wall + config_.clock_bound);
  // Of what is at rest only the newest versions are kept.
  if (at.time <= checkpoints_.settled() && !seeded(Bug::kReadsBelowSettled)) return AbortReason::kTooOld;
  if (!allowed && !seeded(Bug::kRightsUnchecked)) return AbortReason::kForbidden;
  if (is_ahead && !seeded(Bug::kClockUnchecked)) return AbortReason::kClock;
  return AbortReason::kNone;
}

void Replica::on(const Peer& from, const ReadRequest& read, const Now& now) {
  const auto* client = std::get_if<ClientId>(&from);
  if (!client || *client != read.at.client || !versions_.keeps(read.key)) {
    ++counters_.dropped;
    return;
  }
  ReadReply reply;
  reply.request = read.request;
  reply.clock = nanos_of(now.wall);
  reply.refused = unreadable(read.at, members_.may_read(*client, read.key), now);
  if (reply.refused != AbortReason::kNone) {
    output_.sends_now.push_back({from, std::move(reply)});
    return;
  }
  if (read.mark) marks_.note(read.key, read.at, now.steady);
  if (auto found = versions_.committed_before(read.key, read.at)) {
    reply.committed = CommittedVersion{found->version, found->writer, std::move(found->value), std::nullopt};
    if (read.with_proof) reply.committed->proof = decided_of(found->writer);
  }
  if (const auto found = versions_.prepared_before(read.key, read.at);
      found && (!reply.committed || reply.committed->version < found->version))
    reply.prepared = PreparedVersion{found->version, found->value, *states_.at(found->writer).tx};
  // A prepared version is a promise like a vote: it is shown when it is durable.
  if (reply.prepared) say(from, std::move(reply));
  else output_.sends_now.push_back({from, std::move(reply)});
}

void Replica::on(const Peer& from, const ReleaseReads& release, const Now& now) {
  if (from != Peer(release.at.client)) {
    ++counters_.dropped;
    return;
  }
  for (const auto& key : release.keys) marks_.give_up(key, release.at, now.steady);
}

void Replica::on(const Peer& from, const ScanRequest& scan, const Now& now) {
  const auto* client = std::get_if<ClientId>(&from);
  if (!client || *client != scan.at.client || !(scan.from < scan.until) || scan.floor >= scan.at.time) {
    ++counters_.dropped;
    return;
  }
  ScanReply reply;
  reply.request = scan.request;
  reply.closed = durable_.closed;
  reply.refused = unreadable(scan.at, members_.may_read(*client, scan.from, scan.until), now);
  if (reply.refused == AbortReason::kNone && scan.floor > reply.closed && !seeded(Bug::kFloorUnchecked))
    reply.refused = AbortReason::kNotClosed;
  if (reply.refused != AbortReason::kNone) return say_now(from, std::move(reply));
  auto found = versions_.scan(scan, kScannedBytes);
  const std::string& end = found.part.end;
  if (scan.hold) reply.held = hold(scan.backward ? end : scan.from, scan.backward ? scan.until : end, scan.at, now);
  reply.digest = digest_of(found.part);
  if (!scan.digest) reply.part = std::move(found.part);
  reply.undecided = std::move(found.undecided);
  // A promise is made when it is durable.
  if (reply.held && scan.at.time > std::max(durable_.holds, durable_.closed)) return say(from, std::move(reply));
  say_now(from, std::move(reply));
}

/// Whose timestamp is further ahead of this clock than clocks usually differ is not promised anything: it would keep out everybody else.
bool Replica::hold(const std::string& from, const std::string& until, const Timestamp& at, const Now& now) {
  if (at.time <= durable_.closed) return true;
  if (at.time > nanos_of(now.wall + config_.hold_ahead) || !holds_.grant(from, until, at)) return false;
  // So early that those who come next need not wait for the disk.
  const auto ahead = static_cast<std::uint64_t>(config_.holds_recorded_ahead.count());
  if (at.time + ahead / 2 > holds_until_) {
    holds_until_ = at.time + ahead;
    record_checkpoints();
  }
  return true;
}

bool Replica::held_against(const Transaction& tx) const {
  if (seeded(Bug::kHoldsForgotten)) return false;
  const bool before_restart = !tx.writes.empty() && tx.timestamp.time <= holds_before_ && !seeded(Bug::kHoldsNotDurable);
  return before_restart || std::any_of(tx.writes.begin(), tx.writes.end(),
                                       [&](const Write& write) { return holds_.stands_against(write.key, tx.timestamp); });
}

}  // namespace isobar::db
