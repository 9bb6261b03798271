#include "group_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "features/row_codec.h"
#include "store_keys.h"

namespace isobar::features {

namespace {

std::string describe(const std::optional<Position>& at) {
  if (!at) return "its beginning";
  return at->minor == 0 ? fmt::format("{}", at->major) : fmt::format("{}-{}", at->major, at->minor);
}

Status check_advances(const std::vector<Advance>& advances) {
  std::set<PartitionId> named;
  for (const auto& advance : advances) {
    if (advance.after && *advance.after >= advance.upto)
      return invalid(fmt::format("source {} partition {}: from {} to {} is no advance", advance.of.source, advance.of.partition,
                                 describe(advance.after), describe(advance.upto)));
    if (!named.insert(advance.of).second)
      return invalid(
          fmt::format("source {} partition {} is advanced twice in one commit: join them", advance.of.source, advance.of.partition));
  }
  return {};
}

std::string instant_value(Instant at) {
  std::string value;
  append_ordered_signed(value, at.unix_nanos());
  return value;
}

}  // namespace

/// What is gathered for one write. Keys and rows belong to the commits, which outlive it.
struct GroupWriter::Group {
  explicit Group(Instant at, std::shared_ptr<const Lifetimes> lifetimes) : now(at), views(std::move(lifetimes)) {}
  Instant now;
  std::shared_ptr<const Lifetimes> views;
  rocksdb::WriteBatch batch;
  Offsets offsets;
  std::set<std::string> pushes;
  std::unordered_map<std::string, const RowWrite*> latest;
  std::unordered_map<std::string, const StateWrite*> states;
};

std::size_t bytes_of(const Commit& commit) {
  constexpr std::size_t kEach = 64;
  std::size_t bytes = kEach * (1 + commit.advances.size());
  for (const auto& state : commit.states) bytes += kEach + state.key.size() + (state.state ? state.state->size() : 0);
  for (const auto& row : commit.rows) bytes += 2 * (kEach + row.key.size() + (row.row ? row.row->size() : 0));
  return bytes;
}

std::vector<Result<Outcome>> GroupWriter::write(std::span<const PendingCommit> pending) {
  Group group(expiry_.now(), expiry_.lifetimes());
  std::vector<Result<Outcome>> outcomes;
  outcomes.reserve(pending.size());
  for (const auto& each : pending) outcomes.push_back(admit(each.commit, group));
  const Status written = write(group);
  if (written.ok()) {
    for (auto& [of, position] : group.offsets) offsets_[of] = position;
    return outcomes;
  }
  // A replay of what is in this very group fails with it, too: it is not durable.
  for (auto& outcome : outcomes)
    if (outcome.ok()) outcome = written.error();
  return outcomes;
}

Result<Outcome> GroupWriter::admit(const Commit& commit, Group& group) const {
  const auto known = [&](const auto& write) { return group.views->contains(write.view); };
  const auto unknown = [](ViewId view) {
    return not_found(fmt::format("the store has no view of number {}: apply its definition first", static_cast<std::uint32_t>(view)));
  };
  if (const auto found = std::ranges::find_if_not(commit.states, known); found != commit.states.end()) return unknown(found->view);
  if (const auto found = std::ranges::find_if_not(commit.rows, known); found != commit.rows.end()) return unknown(found->view);
  if (commit.push) {
    TRY_ASSIGN(const bool replayed, seen(*commit.push, group));
    if (replayed) return Outcome::kReplayed;
  }
  TRY_ASSIGN(const Outcome outcome, admit_advances(commit, group));
  if (outcome == Outcome::kReplayed) return outcome;
  TRY(gather(commit, group));
  return outcome;
}

/// New if every partition stands where the commit begins; a replay if every one is where it ends, or beyond.
Result<Outcome> GroupWriter::admit_advances(const Commit& commit, const Group& group) const {
  TRY(check_advances(commit.advances));
  std::size_t replayed = 0;
  const auto stands = [&](const PartitionId& of) -> std::optional<Position> {
    if (const auto found = group.offsets.find(of); found != group.offsets.end()) return found->second;
    const auto found = offsets_.find(of);
    return found == offsets_.end() ? std::nullopt : std::optional(found->second);
  };
  for (const auto& advance : commit.advances) {
    const auto at = stands(advance.of);
    if (at && *at >= advance.upto) {
      ++replayed;
    } else if (at != advance.after) {
      return Error(Code::kConflict, fmt::format("source {} partition {} stands at {}, not at {}: read it on from there", advance.of.source,
                                                advance.of.partition, describe(at), describe(advance.after)));
    }
  }
  if (replayed == 0) return Outcome::kApplied;
  if (replayed == commit.advances.size()) return Outcome::kReplayed;
  return Error(Code::kConflict,
               fmt::format("of {} partitions that the commit advances, {} are beyond it: read each on from where it stands",
                           commit.advances.size(), replayed));
}

Result<bool> GroupWriter::seen(const PushId& push, const Group& group) const {
  const std::string key = push_key(push);
  if (group.pushes.contains(key)) return true;
  TRY_ASSIGN(const auto value, rocks_.get(Family::kOffset, key));
  if (!value) return false;
  if (value->size() != kInstantBytes) return damaged("a push's time is not of its length");
  return !older_than(expiry_.push_memory(), Instant::from_unix_nanos(ordered_signed_from(*value)), group.now);
}

Status GroupWriter::gather(const Commit& commit, Group& group) const {
  for (const auto& row : commit.rows) {
    if (row.history) TRY(rocks_.put(group.batch, Family::kHistory, history_key(row.view, row.key, row.order), history_value(row.row)));
    if (!row.latest) continue;
    const auto [at, added] = group.latest.try_emplace(row_key(row.view, row.key), &row);
    if (!added && row.order > at->second->order) at->second = &row;
  }
  for (const auto& state : commit.states) group.states[state_key(state.view, state.key, state.level, state.bucket)] = &state;
  for (const auto& advance : commit.advances) group.offsets[advance.of] = advance.upto;
  if (commit.push) group.pushes.insert(push_key(*commit.push));
  return {};
}

Status GroupWriter::write(Group& group) {
  for (const auto& [key, state] : group.states)
    TRY(state->state ? rocks_.put(group.batch, Family::kState, key, instant_value(state->keep_until).append(*state->state))
                     : rocks_.erase(group.batch, Family::kState, key));
  TRY(put_latest(group));
  for (const auto& [of, position] : group.offsets) TRY(rocks_.put(group.batch, Family::kOffset, offset_key(of), position_value(position)));
  for (const auto& push : group.pushes) TRY(rocks_.put(group.batch, Family::kOffset, push, instant_value(group.now)));
  return group.batch.Count() == 0 ? Status() : rocks_.write(group.batch);
}

/// Those of a greater order than what is there.
Status GroupWriter::put_latest(Group& group) const {
  std::vector<rocksdb::Slice> keys;
  keys.reserve(group.latest.size());
  for (const auto& [key, row] : group.latest) keys.push_back(slice(key));
  std::vector<rocksdb::PinnableSlice> stored(keys.size());
  TRY_ASSIGN(const auto found, rocks_.get_many(Family::kRow, keys, stored, nullptr));
  for (std::size_t i = 0; const auto& [key, row] : group.latest) {
    const std::size_t which = i++;
    if (found[which]) {
      TRY_ASSIGN(const LatestValue there, parse_latest(stored[which].ToStringView()));
      if (there.order >= row->order) continue;
    }
    const Mark mark = row->row ? Mark::kRow : Mark::kDeleted;
    TRY(rocks_.put(group.batch, Family::kRow, key, latest_value(row->order, mark, row->row ? std::string_view(*row->row) : "")));
  }
  return {};
}

Status GroupWriter::load() {
  rocksdb::ReadOptions options;
  const std::unique_ptr<rocksdb::Iterator> at(rocks_.db().NewIterator(options, rocks_.family(Family::kOffset)));
  for (at->SeekToFirst(); at->Valid() && !is_push_key(at->key().ToStringView()); at->Next()) {
    TRY_ASSIGN(auto of, parse_offset_key(at->key().ToStringView()));
    TRY_ASSIGN(const Position position, parse_position(at->value().ToStringView()));
    offsets_.emplace(std::move(of), position);
  }
  return at->status().ok() ? Status() : rocks_.error_of(at->status());
}

}  // namespace isobar::features
