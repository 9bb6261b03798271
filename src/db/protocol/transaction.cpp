#include "db/transaction.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::db {

namespace {

template <class Item>
const Item* find_key(const std::vector<Item>& sorted, std::string_view key) {
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), key, [](const Item& item, std::string_view k) { return item.key < k; });
  return at != sorted.end() && at->key == key ? &*at : nullptr;
}

template <class Item>
Status ascending(const std::vector<Item>& items, std::string_view what) {
  for (std::size_t i = 1; i < items.size(); ++i)
    if (!(items[i - 1].key < items[i].key)) return invalid(fmt::format("the keys of its {} do not ascend at '{}'", what, items[i].key));
  return {};
}

std::size_t bytes_of(const Transaction& tx) {
  std::size_t bytes = 0;
  for (const auto& read : tx.reads) bytes += read.key.size();
  for (const auto& range : tx.ranges) bytes += range.from.size() + range.until.size();
  for (const auto& write : tx.writes) bytes += write.key.size() + (write.value ? write.value->size() : 0);
  for (const auto& dependency : tx.dependencies) bytes += dependency.key.size();
  return bytes;
}

/// Whether `writer` wrote what `reader`, coming later, should have read and did not.
bool hides_from(const Transaction& writer, const Transaction& reader) {
  if (!(writer.timestamp < reader.timestamp)) return false;
  const bool newer = std::any_of(reader.reads.begin(), reader.reads.end(),
                                 [&](const Read& read) { return read.version < writer.timestamp && writer.write_of(read.key); });
  return newer || (!reader.ranges.empty() && std::any_of(writer.writes.begin(), writer.writes.end(), [&](const Write& write) {
           const RangeRead* range = reader.range_of(write.key);
           return range && range->floor < writer.timestamp.time && !reader.read_of(write.key);
         }));
}

Status check_ranges(const Transaction& tx) {
  for (std::size_t i = 0; i < tx.ranges.size(); ++i) {
    const auto& range = tx.ranges[i];
    if (!(range.from < range.until)) return invalid(fmt::format("its range from '{}' is empty", range.from));
    if (i > 0 && range.from < tx.ranges[i - 1].until)
      return invalid(fmt::format("its ranges overlap or do not ascend at '{}'", range.from));
    if (range.floor >= tx.timestamp.time) return invalid(fmt::format("its range from '{}' has a floor that is not below it", range.from));
  }
  return {};
}

}  // namespace

TxId Transaction::id() const { return {hash_of(purpose::kTransaction, encode(*this))}; }
const Write* Transaction::write_of(std::string_view key) const { return find_key(writes, key); }
const Read* Transaction::read_of(std::string_view key) const { return find_key(reads, key); }
const RangeRead* Transaction::range_of(std::string_view key) const {
  const auto after =
      std::upper_bound(ranges.begin(), ranges.end(), key, [](std::string_view k, const RangeRead& range) { return k < range.from; });
  return after != ranges.begin() && std::prev(after)->holds(key) ? &*std::prev(after) : nullptr;
}

std::vector<ShardId> participants_of(const Transaction& tx, const Membership& members) {
  std::set<ShardId> shards;
  for (std::uint64_t shard = 0; !tx.ranges.empty() && shard < members.shards.size(); ++shard) shards.insert(ShardId(shard));
  for (const auto& read : tx.reads) shards.insert(members.shard_of(read.key));
  for (const auto& write : tx.writes) shards.insert(members.shard_of(write.key));
  return {shards.begin(), shards.end()};
}

Status check_form(const Transaction& tx, const Membership& members, const TransactionLimits& limits) {
  if (tx.epoch != members.epoch) return invalid(fmt::format("it is of epoch {}, and this is epoch {}", tx.epoch, members.epoch));
  if (tx.reads.empty() && tx.ranges.empty() && tx.writes.empty()) return invalid("it reads and writes nothing");
  if (tx.ranges.size() > limits.ranges_most) return invalid(fmt::format("it reads more than {} ranges", limits.ranges_most));
  if (tx.reads.size() + tx.writes.size() > limits.keys_most) return invalid(fmt::format("it touches more than {} keys", limits.keys_most));
  if (bytes_of(tx) > limits.bytes_most) return invalid(fmt::format("its keys and values take more than {} bytes", limits.bytes_most));
  TRY(ascending(tx.reads, "reads"));
  TRY(check_ranges(tx));
  TRY(ascending(tx.writes, "writes"));
  TRY(ascending(tx.dependencies, "dependencies"));
  for (const auto& read : tx.reads)
    if (!(read.version < tx.timestamp)) return invalid(fmt::format("it read '{}' at a version that is not older than itself", read.key));
  for (const auto& dependency : tx.dependencies) {
    const Read* read = tx.read_of(dependency.key);
    if (!read || read->version != dependency.version)
      return invalid(fmt::format("it depends on '{}' and did not read that version", dependency.key));
  }
  if (participants_of(tx, members) != tx.participants) return invalid("its participants are not the shards of its keys");
  return {};
}

ShardId logging_shard(const Transaction& tx, const TxId& id) { return tx.participants[number_of(id.hash) % tx.participants.size()]; }

bool conflict(const Transaction& a, const Transaction& b) { return hides_from(a, b) || hides_from(b, a); }

}  // namespace isobar::db
