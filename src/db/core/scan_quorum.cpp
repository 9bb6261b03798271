#include "db/scan_quorum.h"

#include <algorithm>

#include "db/seeded_bugs.h"

namespace isobar::db {

bool ScanQuorum::within(const ScannedPart& part, const std::string& key) const {
  const std::string& from = asked_.backward ? part.end : asked_.from;
  const std::string& until = asked_.backward ? asked_.until : part.end;
  return from <= key && key < until;
}

/// Rows are in order, older than the reader, and of the part that is spoken of.
bool ScanQuorum::in_form(const ScanReply& reply) const {
  if (!reply.part) return true;
  const ScannedPart& part = *reply.part;
  if (part.end < asked_.from || asked_.until < part.end) return false;
  if (digest_of(part) != reply.digest && !seeded(Bug::kScansBelieveRows)) return false;
  for (std::size_t i = 0; i < part.rows.size(); ++i) {
    const ScannedKey& row = part.rows[i];
    if (!within(part, row.key) || !(row.version < asked_.at)) return false;
    if (i == 0) continue;
    const std::string& before = part.rows[i - 1].key;
    if (asked_.backward ? !(row.key < before) : !(before < row.key)) return false;
  }
  return true;
}

void ScanQuorum::add(const ReplicaId& from, ScanReply reply) {
  heard_.insert(from);
  if (reply.refused != AbortReason::kNone) {
    refusals_[from] = reply.refused;
    return;
  }
  if (!in_form(reply)) return;
  const auto known = replies_.find(from);
  if (known != replies_.end() && known->second.part && !reply.part && known->second.digest == reply.digest) return;
  replies_[from] = std::move(reply);
}

std::size_t ScanQuorum::with_rows() const {
  return static_cast<std::size_t>(
      std::count_if(replies_.begin(), replies_.end(), [](const auto& each) { return each.second.part.has_value(); }));
}

std::optional<AbortReason> ScanQuorum::refused() const {
  std::map<AbortReason, std::size_t> counts;
  for (const auto& [from, reason] : refusals_)
    if (++counts[reason] > 2 * members_.budget.f()) return reason;
  return std::nullopt;
}

std::optional<ScanQuorum::Result> ScanQuorum::agreed() const {
  const std::size_t enough = members_.budget.commit_quorum() - (seeded(Bug::kScansOneLess) ? 1 : 0);
  std::map<Hash, std::vector<const ScanReply*>> alike;
  for (const auto& [from, reply] : replies_) alike[reply.digest].push_back(&reply);
  for (auto& [digest, replies] : alike) {
    const auto rows = std::find_if(replies.begin(), replies.end(), [](const ScanReply* reply) { return reply->part.has_value(); });
    if (replies.size() < enough || rows == replies.end()) continue;
    Result result{*(*rows)->part, {}, false};
    // Who says that much is undecided is one of those that are not needed, if there are any.
    std::stable_sort(replies.begin(), replies.end(), [](const ScanReply* a, const ScanReply* b) {
      return std::pair(a->undecided.size(), !a->held) < std::pair(b->undecided.size(), !b->held);
    });
    std::set<std::string> disputed;
    for (std::size_t i = 0; i < enough && !seeded(Bug::kScansIgnoreUndecided); ++i)
      for (const auto& key : replies[i]->undecided)
        if (within(result.part, key)) disputed.insert(key);
    const auto held = static_cast<std::size_t>(std::count_if(replies.begin(), replies.begin() + static_cast<std::ptrdiff_t>(enough),
                                                             [](const ScanReply* reply) { return reply->held; }));
    result.final = disputed.empty() && held + (seeded(Bug::kHoldsOneLess) ? 1 : 0) >= enough;
    result.disputed.assign(disputed.begin(), disputed.end());
    return result;
  }
  return std::nullopt;
}

std::optional<ScanQuorum::Result> ScanQuorum::merged() const {
  const std::size_t enough = members_.budget.commit_quorum();
  std::map<Hash, std::size_t> alike;
  std::vector<const ScanReply*> replies;
  for (const auto& [from, reply] : replies_)
    if (reply.part) ++alike[reply.digest], replies.push_back(&reply);
  if (replies.size() < enough) return std::nullopt;
  // Those whom fewest contradict.
  std::stable_sort(replies.begin(), replies.end(),
                   [&](const ScanReply* a, const ScanReply* b) { return alike[a->digest] > alike[b->digest]; });
  replies.resize(enough);

  Result result;
  const auto nearer = [&](const std::string& a, const std::string& b) { return asked_.backward ? b < a : a < b; };
  result.part.end = replies.front()->part->end;
  for (const auto* reply : replies)
    if (nearer(reply->part->end, result.part.end)) result.part.end = reply->part->end;
  std::map<ScannedKey, std::size_t> told;
  std::set<std::string> disputed;
  for (const auto* reply : replies) {
    for (const auto& row : reply->part->rows)
      if (within(result.part, row.key)) ++told[row];
    for (const auto& key : reply->undecided)
      if (within(result.part, key)) disputed.insert(key);
  }
  for (const auto& [row, by] : told) {
    if (by == enough) result.part.rows.push_back(row);
    else disputed.insert(row.key);
  }
  if (asked_.backward) std::reverse(result.part.rows.begin(), result.part.rows.end());
  result.disputed.assign(disputed.begin(), disputed.end());
  return result;
}

}  // namespace isobar::db
