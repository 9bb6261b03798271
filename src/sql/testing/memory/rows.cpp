// Rows by their keys, and the entries of indexes, in ordered maps.

#include <fmt/format.h>

#include "sql/key_encoding.h"
#include "sql/memory_database.h"

namespace isobar::sql {
namespace {

void append_column(std::string& out, const Table& table, const Index& index, std::size_t place, const Value& value) {
  append_key(out, table.columns[index.columns[place]].type, value, index.descending[place]);
}

std::string entry_of(const Table& table, const Index& index, const Row& values, bool* has_null = nullptr) {
  std::string key;
  for (std::size_t i = 0; i < index.columns.size(); ++i) {
    const auto& value = values[index.columns[i]];
    if (value.is_null() && has_null != nullptr) *has_null = true;
    append_column(key, table, index, i, value);
  }
  return key;
}

/// The least text above all that begin with this one; empty: there is none.
std::string behind(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

struct Span {
  std::string from, to;  ///< to is outside; empty: the end
};
Span span_of(const Table& table, const Index& index, const IndexRange& range) {
  std::string prefix;
  for (std::size_t i = 0; i < range.equal.size(); ++i) append_column(prefix, table, index, i, range.equal[i]);
  Span span{prefix, behind(prefix)};
  const std::size_t place = range.equal.size();
  const auto edge = [&](const Bound& bound) {
    std::string key = prefix;
    append_column(key, table, index, place, bound.value);
    return key;
  };
  const bool turned = place < index.descending.size() && index.descending[place];
  const auto& first = turned ? range.high : range.low;
  const auto& last = turned ? range.low : range.high;
  if (first) span.from = first->inclusive ? edge(*first) : behind(edge(*first));
  if (last) span.to = last->inclusive ? behind(edge(*last)) : edge(*last);
  return span;
}

/// The keys are those that were there at the beginning; a row that has gone since is left out.
class Cursor final : public RowCursor {
 public:
  Cursor(std::vector<const StoredRow*> rows) : rows_(std::move(rows)) {}
  SqlResult<const StoredRow*> next() override {
    if (at_ >= rows_.size()) return static_cast<const StoredRow*>(nullptr);
    return rows_[at_++];
  }

 private:
  std::vector<const StoredRow*> rows_;
  std::size_t at_ = 0;
};

template <class Map, class See>
void each_within(const Map& map, const Span& span, See&& see) {
  const auto end = span.to.empty() ? map.end() : map.lower_bound(span.to);
  for (auto at = map.lower_bound(span.from); at != end; ++at) {
    if (end != map.end() && at->first >= end->first) break;
    see(*at);
  }
}

}  // namespace

SqlResult<std::shared_ptr<const Table>> MemoryDatabase::find_table(std::string_view schema, std::string_view name) {
  const auto found = names_.find(name);
  if ((!schema.empty() && schema != "public") || found == names_.end()) return std::shared_ptr<const Table>();
  return std::shared_ptr<const Table>(tables_.at(found->second).table);
}
SqlResult<std::shared_ptr<const Table>> MemoryDatabase::table_of(Oid id) {
  const auto found = tables_.find(id);
  return found == tables_.end() ? std::shared_ptr<const Table>() : found->second.table;
}
SqlResult<std::optional<Sequence>> MemoryDatabase::find_sequence(std::string_view, std::string_view name) {
  const auto found = sequences_.find(name);
  return found == sequences_.end() ? std::optional<Sequence>() : found->second.sequence;
}

void MemoryDatabase::undo() {
  for (auto step = undo_.rbegin(); step != undo_.rend(); ++step) (*step)();
  undo_.clear();
}
void MemoryDatabase::count_rows() {
  for (auto& [id, data] : tables_) data.table->rows_estimated = std::max<double>(1, static_cast<double>(data.rows.size()));
}

SqlResult<std::unique_ptr<RowCursor>> MemoryDatabase::scan(const Table& table, const Index* index, const IndexRange& range,
                                                           const ScanOrder& order) {
  auto& data = tables_.at(table.id);
  const Index* used = index == nullptr ? table.primary_key() : index;
  const bool bounded = range.low || range.high;
  std::vector<const StoredRow*> rows;
  const auto add = [&](const StoredRow& row) {
    if (bounded && row.values[used->columns[range.equal.size()]].is_null()) return;
    rows.push_back(&row);
  };
  const Span span = used == nullptr ? Span{} : span_of(table, *used, range);
  if (used == nullptr || used->primary) each_within(data.rows, span, [&](const auto& at) { add(at.second); });
  else each_within(data.entries[used->id], span, [&](const auto& at) { add(data.rows.at(at.second)); });
  if (order.backward) std::reverse(rows.begin(), rows.end());
  return std::unique_ptr<RowCursor>(std::make_unique<Cursor>(std::move(rows)));
}

SqlResult<std::optional<StoredRow>> MemoryDatabase::find(const Table& table, const RowKey& key) {
  const auto& rows = tables_.at(table.id).rows;
  const auto found = rows.find(key);
  return found == rows.end() ? std::optional<StoredRow>() : found->second;
}

SqlResult<std::optional<StoredRow>> MemoryDatabase::conflicting(const Table& table, const Index& index, const Row& values) {
  auto& data = tables_.at(table.id);
  bool has_null = false;
  const auto entry = entry_of(table, index, values, &has_null);
  if (has_null) return std::optional<StoredRow>();
  if (index.primary) return find(table, entry);
  const auto& entries = data.entries[index.id];
  const auto found = entries.lower_bound(entry);
  if (found == entries.end() || !found->first.starts_with(entry)) return std::optional<StoredRow>();
  return std::optional(data.rows.at(found->second));
}

RowKey MemoryDatabase::key_of(Data& data, const Row& values) {
  if (const auto* key = data.table->primary_key()) return entry_of(*data.table, *key, values);
  std::string number(8, '\0');
  const auto next = data.next_key++;
  for (std::size_t i = 0; i < 8; ++i) number[i] = static_cast<char>(next >> (56 - 8 * i));
  return number;
}

SqlStatus MemoryDatabase::add_entries(Data& data, const StoredRow& row) {
  for (const auto& index : data.table->indexes)
    if (!index.primary) data.entries[index.id][entry_of(*data.table, index, row.values) + row.key] = row.key;
  return {};
}
void MemoryDatabase::remove_entries(Data& data, const StoredRow& row) {
  for (const auto& index : data.table->indexes)
    if (!index.primary) data.entries[index.id].erase(entry_of(*data.table, index, row.values) + row.key);
}

SqlStatus MemoryDatabase::put(Data& data, StoredRow row) {
  const auto& table = *data.table;
  for (const auto& index : table.indexes) {
    if (!index.unique) continue;
    TRY_ASSIGN(const auto there, conflicting(table, index, row.values));
    if (!there) continue;
    std::vector<std::string> names, values;
    for (const auto column : index.columns) {
      names.push_back(table.columns[column].name);
      values.push_back(to_text(table.columns[column].type, row.values[column], {}));
    }
    return SqlError(state::kUniqueViolation, fmt::format("duplicate key value violates unique constraint \"{}\"", index.name))
        .with_detail(fmt::format("Key ({})=({}) already exists.", fmt::join(names, ", "), fmt::join(values, ", ")))
        .about(table.schema, table.name, "", index.name);
  }
  TRY(add_entries(data, row));
  const auto id = table.id;
  undo_.emplace_back([this, id, key = row.key] {
    auto& there = tables_.at(id);
    const auto found = there.rows.find(key);
    remove_entries(there, found->second);
    there.rows.erase(found);
  });
  const auto key = row.key;
  data.rows.emplace(key, std::move(row));
  return {};
}

SqlStatus MemoryDatabase::insert(const Table& table, Row values) {
  auto& data = tables_.at(table.id);
  auto key = key_of(data, values);
  return put(data, {std::move(key), std::move(values)});
}
SqlStatus MemoryDatabase::erase(const Table& table, const StoredRow& old) {
  auto& data = tables_.at(table.id);
  const auto found = data.rows.find(old.key);
  if (found == data.rows.end()) return {};
  remove_entries(data, found->second);
  undo_.emplace_back([this, id = table.id, row = found->second] {
    auto& there = tables_.at(id);
    there.rows.emplace(row.key, row);
    static_cast<void>(add_entries(there, row));
  });
  data.rows.erase(found);
  return {};
}
SqlStatus MemoryDatabase::update(const Table& table, const StoredRow& old, Row values) {
  TRY(erase(table, old));
  auto& data = tables_.at(table.id);
  auto key = table.primary_key() != nullptr ? key_of(data, values) : old.key;
  return put(data, {std::move(key), std::move(values)});
}

SqlResult<std::int64_t> MemoryDatabase::next_value(const Sequence& sequence) {
  auto& counter = sequences_.at(sequence.name);
  counter.value = counter.called ? counter.value + sequence.increment : counter.value == 0 ? sequence.start : counter.value;
  counter.called = true;
  last_ = counter.value;
  return counter.value;
}
SqlResult<std::int64_t> MemoryDatabase::current_value(const Sequence& sequence) {
  const auto& counter = sequences_.at(sequence.name);
  if (!counter.called)
    return SqlError(state::kObjectNotInPrerequisiteState,
                    fmt::format("currval of sequence \"{}\" is not yet defined in this session", sequence.name));
  return counter.value;
}
SqlStatus MemoryDatabase::set_value(const Sequence& sequence, std::int64_t value, bool is_called) {
  auto& counter = sequences_.at(sequence.name);
  counter.value = value, counter.called = is_called;
  return {};
}
SqlResult<std::int64_t> MemoryDatabase::last_value() {
  if (!last_) return SqlError(state::kObjectNotInPrerequisiteState, "lastval is not yet defined in this session");
  return *last_;
}

}  // namespace isobar::sql
