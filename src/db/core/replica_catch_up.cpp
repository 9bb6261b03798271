// What this replica missed while it was away, and what others missed that it knows.

#include "db/replica.h"

namespace isobar::db {

namespace {

constexpr std::size_t kStuckMost = 64;
}

std::size_t Replica::bytes_of(const Decided& decided) {
  std::size_t bytes = 4096;  // and the certificate, about
  for (const auto& read : decided.tx.tx.reads) bytes += read.key.size();
  for (const auto& write : decided.tx.tx.writes) bytes += write.key.size() + (write.value ? write.value->size() : 0);
  return bytes;
}

/// Only replicas of its own shard are answered: what is supplied is the shard's data.
const ReplicaId* Replica::neighbour(const Peer& peer) const {
  const auto* replica = std::get_if<ReplicaId>(&peer);
  return replica && replica->shard == self_.shard && *replica != self_ ? replica : nullptr;
}

void Replica::ask(std::vector<CatchUp::Request> requests) {
  for (auto& request : requests) output_.sends_now.push_back({request.to, std::move(request.message)});
}

/// Prepared here for long: others may have been told what became of them.
std::vector<TxId> Replica::stuck(const Now& now) const {
  std::vector<TxId> ids;
  for (const auto& [at, id] : open_)
    if (ids.size() < kStuckMost && states_.at(id).since + config_.stuck_after <= now.steady) ids.push_back(id);
  return ids;
}

void Replica::on(const Peer& from, const CompareWindows& asked, const Now&) {
  if (!neighbour(from)) return void(++counters_.dropped);
  output_.sends_now.push_back({from, catch_up_.compare(asked)});
}

void Replica::on(const Peer& from, const WindowsCompared& compared, const Now& now) {
  const ReplicaId* other = neighbour(from);
  if (!other) return void(++counters_.dropped);
  ask(catch_up_.on(*other, compared, now));
}

void Replica::on(const Peer& from, const FetchDecided& fetch, const Now&) {
  if (!neighbour(from)) return void(++counters_.dropped);
  SupplyDecided supply;
  std::size_t bytes = 0;
  for (const auto& id : fetch.ids) {
    const auto found = states_.find(id);
    if (found == states_.end() || !found->second.certificate) continue;
    supply.decided.push_back({*found->second.tx, *found->second.certificate});
    if ((bytes += bytes_of(supply.decided.back())) > kSuppliedBytes) break;
  }
  if (!supply.decided.empty()) output_.sends_now.push_back({from, std::move(supply)});
}

void Replica::on(const Peer& from, const SupplyDecided& supplied, const Now& now) {
  const ReplicaId* other = neighbour(from);
  if (!other) return void(++counters_.dropped);
  for (const auto& decided : supplied.decided) {
    const auto before = counters_.decided;
    take_decided(decided, from);
    counters_.caught_up += counters_.decided - before;
  }
  ask(catch_up_.supplied(*other, now));
}

}  // namespace isobar::db
