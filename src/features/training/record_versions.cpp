#include "record_versions.h"

#include <algorithm>
#include <map>

#include "key_hash.h"
#include "view_join.h"

namespace isobar::features {

namespace {
constexpr std::size_t kHashBytes = 8, kSequenceBytes = 8;
}

RecordVersions::RecordVersions(std::size_t source, std::size_t columns, std::uint64_t memory_bytes, const fs::path& temporary)
    : source_(source), columns_(columns), sort_(kHashBytes + kSequenceBytes, memory_bytes, temporary) {}

Status RecordVersions::add(std::string_view key, const EventOrder& order, const Row& row) {
  head_.clear();
  tail_.clear();
  append_ordered(head_, hash_of_key(key));
  append_ordered(head_, order.sequence);
  append_varint(tail_, key.size());
  tail_ += key;
  append_zigzag(tail_, order.time.unix_nanos());
  append_zigzag(tail_, order.created.unix_nanos());
  append_values(tail_, row);
  return sort_.add(head_, tail_);
}

Status RecordVersions::each(const std::function<Status(const TrainingEvent&)>& visit) {
  TRY(sort_.sort());
  std::uint64_t hash = 0;
  std::map<std::string, std::vector<Version>, std::less<>> records;  // that have one hash
  const auto give_all = [&]() -> Status {
    for (auto& [key, versions] : records) TRY(give(versions, visit));
    records.clear();
    return {};
  };
  while (true) {
    TRY_ASSIGN(const std::string_view record, sort_.next());
    if (record.empty()) return give_all();
    const std::uint64_t next = ordered_number(record.substr(0, kHashBytes));
    if (next != hash) TRY(give_all());
    hash = next;
    ByteReader reader(record.substr(kHashBytes + kSequenceBytes));
    TRY_ASSIGN(const std::uint64_t length, reader.varint());
    TRY_ASSIGN(const std::string_view key, reader.take(length));
    Version& version = records[std::string(key)].emplace_back();
    TRY_ASSIGN(const std::int64_t time, reader.zigzag());
    TRY_ASSIGN(const std::int64_t created, reader.zigzag());
    version.order = {Instant::from_unix_nanos(time), Instant::from_unix_nanos(created),
                     ordered_number(record.substr(kHashBytes, kSequenceBytes))};
    version.arrived = version.order.created;
    TRY(read_values(reader, columns_, version.row));
  }
}

/// What follows each version, of one record, in the order in which they came.
void RecordVersions::follow(std::vector<Version>& versions) {
  std::vector<Version*> by_order;
  Version* counts = nullptr;
  for (Version& version : versions) {
    by_order.push_back(&version);
    const bool late = counts != nullptr && version.order < counts->order;
    Version* gone = late ? &version : counts;
    if (gone != nullptr) {
      gone->removed = true;
      gone->removal_arrived = std::max(gone->arrived, version.arrived);
    }
    if (!late) counts = &version;
  }
  std::ranges::sort(by_order, {}, &Version::order);
  for (std::size_t i = 1; i < by_order.size(); ++i) by_order[i - 1]->withdrawn = by_order[i]->order.time;
}

Status RecordVersions::give(std::vector<Version>& versions, const std::function<Status(const TrainingEvent&)>& visit) const {
  follow(versions);
  for (const Version& version : versions) {
    TRY(visit({source_, version.order, version.arrived, false, {}, version.row}));
    if (version.removed) TRY(visit({source_, version.order, version.removal_arrived, true, version.withdrawn, version.row}));
  }
  return {};
}

}  // namespace isobar::features
