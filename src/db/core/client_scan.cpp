// Ranges of keys: asked for shard by shard, weighed by `ScanQuorum`, and what it leaves in dispute read key by key. A transaction that may
// write names what it found to those who vote on it; of one that only reads, what a quorum promised is final at once.
//
// A transaction reads everything at one timestamp, but not at one moment: a writer below it may come in between two of its reads. Replicas
// see that when they vote, as long as each key is named by one version; so two reads of a transaction that differ tear it here.

#include <algorithm>

#include "base/check.h"
#include "db/client.h"

namespace isobar::db {

std::uint64_t Client::scan(TxHandle tx, ScanOrder order, const Now& now) {
  CHECK(order.from < order.until, order.from);
  return start_scan(tx, std::move(order), false, now);
}

/// Up to where 3f + 1 replicas of each shard have said that they let nobody in any more.
std::uint64_t Client::common_floor(const Timestamp& at) const {
  std::uint64_t floor = at.time - 1;
  for (std::uint64_t shard = 0; shard < members_.shards.size(); ++shard) {
    std::vector<std::uint64_t> closed;
    for (const auto& replica : members_.replicas_of(ShardId(shard))) {
      const auto said = closed_.find(replica);
      closed.push_back(said == closed_.end() ? 0 : said->second);
    }
    std::sort(closed.begin(), closed.end(), std::greater<>());
    floor = std::min(floor, closed[members_.budget.commit_quorum() - 1]);
  }
  return floor;
}

std::uint64_t Client::start_scan(TxHandle tx, ScanOrder order, bool one_key, const Now& now) {
  Running& running = running_.at(tx);
  take_place(running, now);
  if (!running.floor) running.floor = common_floor(running.at);
  const std::uint64_t number = next_scan_++;
  running.scans.insert(number);
  Scanning& scan = scans_.emplace(number, Scanning{tx, std::move(order), one_key, {}, now.steady}).first->second;
  const auto add = [&](ShardId shard) {
    ScanRequest request{next_request_++,
                        scan.order.from,
                        scan.order.until,
                        running.at,
                        *running.floor,
                        scan.order.rows_most,
                        scan.order.backward,
                        running.access == Access::kRead,
                        false};
    scan_requests_.emplace(request.request, number);
    scan.shards.push_back({shard, request.request, ScanQuorum(members_, request)});
  };
  if (one_key) add(members_.shard_of(scan.order.from));
  for (std::uint64_t shard = 0; !one_key && shard < members_.shards.size(); ++shard) add(ShardId(shard));
  for (auto& part : scan.shards) ask(scan, part, now);
  return number;
}

// First 3f + 1 replicas, one of them for the rows; then all of them for the rows.
void Client::ask(Scanning& scan, Scanning::Shard& part, const Now& now) {
  const auto replicas = in_order_of_asking(part.shard, part.request, now);
  const std::size_t until = part.all_rows ? replicas.size() : members_.budget.commit_quorum();
  part.asked.assign(replicas.begin(), replicas.begin() + static_cast<std::ptrdiff_t>(until));
  ScanRequest request = part.quorum.asked();
  for (std::size_t i = 0; i < until; ++i) {
    request.digest = i > 0 && !scan.one_key && !part.all_rows;
    output_.sends.push_back({part.asked[i], request});
  }
  scan.ask_again = now.steady + (scan.one_key ? config_.read_patience : config_.scan_patience);
}

void Client::on(const ReplicaId& from, const ScanReply& reply, const Now& now) {
  slow_until_.erase(from);
  const auto request = scan_requests_.find(reply.request);
  if (request == scan_requests_.end()) return;
  closed_[from] = reply.closed;
  Scanning& scan = scans_.at(request->second);
  for (auto& part : scan.shards) {
    if (part.request != reply.request || part.shard != from.shard || part.result) continue;
    part.quorum.add(from, reply);
    return weigh(request->second, scan, part, false, now);
  }
}

void Client::weigh(std::uint64_t number, Scanning& scan, Scanning::Shard& part, bool time_is_over, const Now& now) {
  part.result = part.quorum.agreed();
  const bool all_heard = part.quorum.heard() >= members_.budget.replicas();
  if (!part.result && part.all_rows && (all_heard || time_is_over)) part.result = part.quorum.merged();
  if (part.result && part.result->disputed.size() > config_.disputed_most) part.result.reset();
  if (part.result) return combine(number, scan, now);
  if (const auto reason = part.quorum.refused()) return refuse_scan(number, *reason, now);
  if (part.all_rows ? !time_is_over : !time_is_over && part.quorum.heard() < part.asked.size()) return;
  part.all_rows = true;
  ask(scan, part, now);
}

void Client::tick_scans(const Now& now) {
  std::vector<std::uint64_t> late;
  for (const auto& [number, scan] : scans_)
    if (scan.missing.empty() && scan.ask_again <= now.steady) late.push_back(number);
  for (const auto number : late) {
    const auto parts = scans_.at(number).shards.size();
    for (std::size_t i = 0; i < parts && scans_.contains(number); ++i) {
      Scanning::Shard& part = scans_.at(number).shards[i];
      if (part.result) continue;
      note_slow(
          part.asked, [&](const ReplicaId& replica) { return part.quorum.heard(replica); }, now);
      weigh(number, scans_.at(number), part, true, now);
    }
  }
}

/// What all shards said, as far as each of them got.
void Client::combine(std::uint64_t number, Scanning& scan, const Now& now) {
  if (!std::all_of(scan.shards.begin(), scan.shards.end(), [](const auto& part) { return part.result.has_value(); })) return;
  const bool backward = scan.order.backward;
  const auto comes_first = [backward](const std::string& a, const std::string& b) { return backward ? b < a : a < b; };
  auto& found = scan.found;
  found = std::move(*scan.shards.front().result);
  for (std::size_t i = 1; i < scan.shards.size(); ++i) {
    auto& other = *scan.shards[i].result;
    if (comes_first(other.part.end, found.part.end)) found.part.end = other.part.end;
    found.part.rows.insert(found.part.rows.end(), other.part.rows.begin(), other.part.rows.end());
    found.disputed.insert(found.disputed.end(), other.disputed.begin(), other.disputed.end());
    found.final = found.final && other.final;
  }
  const std::string& from = backward ? found.part.end : scan.order.from;
  const std::string& until = backward ? scan.order.until : found.part.end;
  const auto outside = [&](const std::string& key) { return key < from || until <= key; };
  std::erase_if(found.part.rows, [&](const ScannedKey& row) { return outside(row.key); });
  std::erase_if(found.disputed, outside);
  if (scan.shards.size() > 1)
    std::sort(found.part.rows.begin(), found.part.rows.end(), [&](const auto& a, const auto& b) { return comes_first(a.key, b.key); });
  // What this client has handed in and nobody has decided yet: replicas may not have heard of it.
  const Timestamp at = running_.at(scan.tx).at;
  for (auto own = own_writes_.lower_bound(from); own != own_writes_.end() && own->first < until; ++own)
    if (own->second.begin()->first < at) found.disputed.push_back(own->first);
  settle_disputes(number, scan, now);
}

void Client::settle_disputes(std::uint64_t number, Scanning& scan, const Now& now) {
  const TxHandle tx = scan.tx;
  Running& running = running_.at(tx);
  for (const auto& key : scan.found.disputed)
    if (!running.reads.contains(key)) scan.missing.insert(key);
  if (!scan.found.disputed.empty()) scan.found.final = false;
  if (scan.missing.empty()) return finish_scan(number, now);
  for (const auto& key : std::set<std::string>(scan.missing)) {
    if (!scans_.contains(number)) return;
    const auto wanted = running.asking.find(key);
    const bool is_asked = wanted != running.asking.end() && wanted->second != kWaits;
    if (!is_asked && !running.reads.contains(key)) start_read(tx, key, now);
  }
}

void Client::scan_learns(TxHandle tx, const std::string& key, const Now& now) {
  for (const auto number : std::set<std::uint64_t>(running_.at(tx).scans)) {
    if (!scans_.contains(number)) continue;
    Scanning& scan = scans_.at(number);
    if (scan.one_key && scan.order.from == key) take_scan(number);
    else if (scan.missing.erase(key) > 0 && scan.missing.empty()) finish_scan(number, now);
  }
}

void Client::finish_scan(std::uint64_t number, const Now& now) {
  const Scanning scan = take_scan(number);
  Running& running = running_.at(scan.tx);
  if (!scan.found.final) running.voted_on = true;
  note_scanned(running, scan);
  if (!scan.one_key) {
    output_.events.emplace_back(ScanDone{scan.tx, number, rows_of(running, scan), scan.found.part.end});
    return;
  }
  ReadValue value;
  if (!scan.found.part.rows.empty()) value.version = scan.found.part.rows.front().version;
  if (was_assumed(scan.tx, scan.order.from, value.version, now)) return;
  if (!scan.found.part.rows.empty()) value = {scan.found.part.rows.front().version, scan.found.part.rows.front().value, std::nullopt};
  running.asking.erase(scan.order.from);
  output_.events.emplace_back(ReadDone{scan.tx, scan.order.from, std::move(value)});
}

/// Keys in dispute are among the reads, and are what those say.
void Client::note_scanned(Running& running, const Scanning& scan) {
  const bool backward = scan.order.backward;
  RangeRead range{backward ? scan.found.part.end : scan.order.from, backward ? scan.order.until : scan.found.part.end, *running.floor};
  if (!(range.from < range.until)) return;
  std::map<std::string_view, const ScannedKey*> rows;
  for (const auto& row : scan.found.part.rows) rows.emplace(row.key, &row);
  for (auto read = running.reads.lower_bound(range.from); read != running.reads.end() && read->first < range.until; ++read) {
    const auto row = rows.find(read->first);
    const bool in_dispute = std::find(scan.found.disputed.begin(), scan.found.disputed.end(), read->first) != scan.found.disputed.end();
    const bool differs = row != rows.end() ? row->second->version != read->second.version
                                           : read->second.value.has_value() || read->second.version.time > *running.floor;
    if (differs && !in_dispute) running.torn = true;
    if (row != rows.end()) rows.erase(row);
  }
  for (auto known = running.scanned.lower_bound(range.from); known != running.scanned.end() && known->first < range.until; ++known) {
    const bool in_dispute = running.reads.contains(known->first);
    if (!in_dispute && !rows.contains(known->first)) running.torn = true;
  }
  for (const auto& [key, row] : rows) {
    if (contradicts_scans(running, row->key, row->version)) running.torn = true;
    if (row->version.time > *running.floor) running.scanned.emplace(row->key, row->version);
  }
  cover(running, std::move(range));
}

bool Client::covers(const Running& running, const std::string& key) {
  return std::any_of(running.ranges.begin(), running.ranges.end(), [&](const RangeRead& range) { return range.holds(key); });
}

/// A key that is older than the floor is what it was.
bool Client::contradicts_scans(const Running& running, const std::string& key, const Timestamp& version) {
  if (const auto known = running.scanned.find(key); known != running.scanned.end()) return known->second != version;
  return running.floor && version.time > *running.floor && covers(running, key);
}

void Client::cover(Running& running, RangeRead range) {
  auto& ranges = running.ranges;
  const auto first = std::lower_bound(ranges.begin(), ranges.end(), range.from,
                                      [](const RangeRead& r, const std::string& from) { return r.until < from; });
  auto end = first;
  for (; end != ranges.end() && end->from <= range.until; ++end) {
    range.from = std::min(range.from, end->from);
    range.until = std::max(range.until, end->until);
  }
  ranges.insert(ranges.erase(first, end), std::move(range));
}

/// What was agreed on and what was in dispute, below what the transaction wrote itself.
std::vector<std::pair<std::string, std::string>> Client::rows_of(const Running& running, const Scanning& scan) {
  const bool backward = scan.order.backward;
  const std::string& from = backward ? scan.found.part.end : scan.order.from;
  const std::string& until = backward ? scan.order.until : scan.found.part.end;
  const auto own = running.writes.lower_bound(from);
  const bool overlaid = own != running.writes.end() && own->first < until;
  std::vector<std::pair<std::string, std::string>> rows;
  if (scan.found.disputed.empty() && !overlaid) {
    for (const auto& row : scan.found.part.rows)
      if (row.value) rows.emplace_back(row.key, *row.value);
    return rows;
  }
  std::map<std::string, std::optional<std::string>> all;
  for (const auto& row : scan.found.part.rows) all[row.key] = row.value;
  for (const auto& key : scan.found.disputed) all[key] = running.reads.at(key).value;
  for (auto at = own; at != running.writes.end() && at->first < until; ++at) all[at->first] = at->second;
  for (auto& [key, value] : all)
    if (value) rows.emplace_back(key, std::move(*value));
  if (backward) std::reverse(rows.begin(), rows.end());
  return rows;
}

void Client::refuse_scan(std::uint64_t number, AbortReason reason, const Now& now) {
  const Scanning scan = take_scan(number);
  if (!scan.one_key) output_.events.emplace_back(ScanRefused{scan.tx, number, reason});
  else if (was_assumed(scan.tx, scan.order.from, std::nullopt, now)) return;
  else if (running_.at(scan.tx).asking.erase(scan.order.from) > 0)
    output_.events.emplace_back(ReadRefused{scan.tx, scan.order.from, reason});
}

Client::Scanning Client::take_scan(std::uint64_t number) {
  auto scan = scans_.extract(number);
  for (const auto& part : scan.mapped().shards) scan_requests_.erase(part.request);
  running_.at(scan.mapped().tx).scans.erase(number);
  return std::move(scan.mapped());
}

}  // namespace isobar::db
