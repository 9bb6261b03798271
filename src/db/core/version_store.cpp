#include "db/version_store.h"

#include "db/seeded_bugs.h"

namespace isobar::db {

namespace {

template <class Versions>
std::optional<VersionStore::Found> before(const Versions& versions, const Timestamp& at) {
  auto found = versions.lower_bound(at);
  if (seeded(Bug::kPreparedReadsNewer)) found = versions.end();
  if (found == versions.begin()) return std::nullopt;
  --found;
  return VersionStore::Found{found->first, found->second.writer, found->second.value};
}

/// The first version of the map that lies strictly between the two.
template <class Versions>
const VersionStore::Version* between(const Versions& versions, const Timestamp& after, const Timestamp& before, const TxId& except) {
  for (auto at = versions.upper_bound(after); at != versions.end() && at->first < before; ++at)
    if (at->second.writer != except) return &at->second;
  return nullptr;
}

}  // namespace

const VersionStore::Key* VersionStore::find(const std::string& key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? nullptr : &found->second;
}

std::optional<SettledVersion> VersionStore::settled_between(const std::string& key, const Timestamp& after, const Timestamp& before) const {
  if (!settled_ || after.time > settled_until_) return std::nullopt;
  auto found = settled_->find(key);
  return found && after < found->version && found->version < before ? std::move(found) : std::nullopt;
}

std::optional<VersionStore::Found> VersionStore::committed_before(const std::string& key, const Timestamp& at) const {
  const Key* known = find(key);
  auto newest = known ? before(known->committed, at) : std::nullopt;
  auto at_rest = settled_between(key, newest ? newest->version : Timestamp{}, at);
  return at_rest ? std::move(at_rest) : std::move(newest);
}

std::optional<VersionStore::Found> VersionStore::prepared_before(const std::string& key, const Timestamp& at) const {
  const Key* found = find(key);
  return found ? before(found->prepared, at) : std::nullopt;
}

std::optional<VersionStore::Objection> VersionStore::objection(const Transaction& tx, const TxId& id) const {
  std::optional<Objection> undecided;
  for (const auto& read : tx.reads) {
    if (!keeps(read.key) || seeded(Bug::kMissedWritesAllowed)) continue;
    if (const auto missed = settled_between(read.key, read.version, tx.timestamp); missed && missed->writer != id)
      return Objection{AbortReason::kMissedWrite, missed->writer, true};
    const Key* key = find(read.key);
    if (!key) continue;
    if (const auto* missed = between(key->committed, read.version, tx.timestamp, id))
      return Objection{AbortReason::kMissedWrite, missed->writer, true};
    if (seeded(Bug::kMissedPreparedAllowed)) continue;
    if (const auto* missed = between(key->prepared, read.version, tx.timestamp, id))
      undecided = Objection{AbortReason::kMissedWrite, missed->writer};
  }
  for (const auto& range : tx.ranges) {
    if (seeded(Bug::kPhantomsAllowed)) break;
    const auto missed = missed_in(range, tx, id);
    if (missed && missed->committed) return missed;
    if (missed) undecided = missed;
  }
  for (const auto& write : tx.writes) {
    if (!keeps(write.key) || seeded(Bug::kHiddenWritesAllowed)) continue;
    if (const auto hides = hides_from_ranges(write, tx, id)) {
      if (hides->committed) return hides;
      undecided = hides;
    }
    const Key* key = find(write.key);
    if (!key) continue;
    for (auto at = key->readers.upper_bound(tx.timestamp); at != key->readers.end(); ++at) {
      const Reader& reader = at->second;
      if (!(reader.version < tx.timestamp) || reader.reader == id) continue;
      if (reader.committed) return Objection{AbortReason::kHidesWrite, reader.reader, true};
      undecided = Objection{AbortReason::kHidesWrite, reader.reader};
    }
  }
  return undecided;
}

void VersionStore::prepare(const Transaction& tx, const TxId& id) {
  if (seeded(Bug::kPreparedForgotten)) return;
  for (const auto& write : tx.writes)
    if (keeps(write.key)) make(write.key).prepared[tx.timestamp] = {id, write.value};
  note_reads(tx, id, false);
}

void VersionStore::commit(const Transaction& tx, const TxId& id) {
  for (const auto& write : tx.writes) {
    if (!keeps(write.key)) continue;
    Key& key = make(write.key);
    key.committed[tx.timestamp] = {id, write.value};
    if (const auto prepared = key.prepared.find(tx.timestamp); prepared != key.prepared.end() && prepared->second.writer == id)
      key.prepared.erase(prepared);
  }
  drop_reads(tx, id);
  if (!seeded(Bug::kReadersForgottenAtCommit)) note_reads(tx, id, true);
}

void VersionStore::abort(const Transaction& tx, const TxId& id) {
  if (seeded(Bug::kAbortAppliesWrites)) return commit(tx, id);
  for (const auto& write : tx.writes) {
    const auto key = keys_.find(write.key);
    if (key == keys_.end()) continue;
    const auto prepared = key->second.prepared.find(tx.timestamp);
    if (prepared != key->second.prepared.end() && prepared->second.writer == id) key->second.prepared.erase(prepared);
  }
  drop_reads(tx, id);
}

void VersionStore::forget(const Transaction& tx, const TxId& id) {
  drop_reads(tx, id);
  for (const auto& write : tx.writes) {
    const auto key = keys_.find(write.key);
    if (key == keys_.end()) continue;
    const auto version = key->second.committed.find(tx.timestamp);
    if (version != key->second.committed.end() && version->second.writer == id) key->second.committed.erase(version);
    erase_if_empty(key);
  }
  for (const auto& read : tx.reads)
    if (const auto key = keys_.find(read.key); key != keys_.end()) erase_if_empty(key);
}

void VersionStore::erase_if_empty(Keys::iterator key) {
  if (!key->second.committed.empty() || !key->second.prepared.empty() || !key->second.readers.empty()) return;
  order_.erase(key->first);
  keys_.erase(key);
}

VersionStore::Key& VersionStore::make(const std::string& key) {
  const auto [made, is_new] = keys_.try_emplace(key);
  if (is_new) order_.insert(key);
  return made->second;
}

void VersionStore::note_reads(const Transaction& tx, const TxId& id, bool committed) {
  for (const auto& read : tx.reads)
    if (keeps(read.key)) make(read.key).readers.emplace(tx.timestamp, Reader{id, read.version, committed});
  for (const auto& range : tx.ranges) range_readers_.emplace(tx.timestamp, RangeReader{id, range, committed});
}

void VersionStore::drop_reads(const Transaction& tx, const TxId& id) {
  for (const auto& read : tx.reads) {
    const auto key = keys_.find(read.key);
    if (key == keys_.end()) continue;
    auto [at, end] = key->second.readers.equal_range(tx.timestamp);
    while (at != end) at = at->second.reader == id ? key->second.readers.erase(at) : std::next(at);
  }
  if (tx.ranges.empty()) return;
  auto [at, end] = range_readers_.equal_range(tx.timestamp);
  while (at != end) at = at->second.reader == id ? range_readers_.erase(at) : std::next(at);
}

std::map<std::string, std::map<Timestamp, VersionStore::Version>> VersionStore::committed() const {
  std::map<std::string, std::map<Timestamp, Version>> all;
  for (const auto& [name, key] : keys_)
    if (!key.committed.empty()) all[name] = key.committed;
  return all;
}

}  // namespace isobar::db
