#include "row_storage.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "db/key_layout.h"
#include "row_cursors.h"
#include "sql/key_encoding.h"
#include "sql/row_encoding.h"

namespace isobar::db {

namespace {

/// Of a row without a primary key: rows that come later have larger ones, whatever gateway they come through.
std::string hidden_key() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  static thread_local std::uint64_t last = 0;
  const auto now = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
  last = std::max(last + 1, now);
  std::string key;
  append_number(key, static_cast<std::uint32_t>(last >> 32));
  append_number(key, static_cast<std::uint32_t>(last));
  append_number(key, static_cast<std::uint32_t>(random()));
  return key;
}

std::string text_of(const TableForm& form, std::uint32_t column, const sql::Value& value) {
  return value.is_null() ? "null" : sql::to_text(form.types[column], value, {});
}

}  // namespace

TableForm::TableForm(const TableObject& object)
    : table(object.table), rows(key::rows(object.storage)), storage(object.storage), primary(object.table->primary_key()) {
  for (const auto& column : table->columns) types.push_back(column.type);
}

std::string TableForm::entries(const sql::Index& index) const { return index.primary ? rows : key::entries(storage, index.id); }

std::string TableForm::values_key(const sql::Index& index, const sql::Row& row, bool& nulls) const {
  std::string key;
  nulls = false;
  for (std::size_t i = 0; i < index.columns.size(); ++i) {
    const auto column = index.columns[i];
    nulls = nulls || row[column].is_null();
    sql::append_key(key, types[column], row[column], i < index.descending.size() && index.descending[i]);
  }
  return key;
}

const TableForm& RowStorage::form(const sql::Table& table) {
  auto& form = forms_[table.id];
  if (!form) form = std::make_unique<TableForm>(tx_.schema().tables.at(table.id));
  return *form;
}

void RowStorage::forget_forms() {
  for (auto& [id, form] : forms_) old_forms_.push_back(std::move(form));
  forms_.clear();
}

sql::SqlStatus RowStorage::fill_index(const sql::Table& table, const sql::Index& index) {
  const TableForm& kept = form(table);
  TRY_ASSIGN(auto cursor, scan(table, nullptr, {}, {}));
  for (;;) {
    TRY_ASSIGN(const sql::StoredRow* row, cursor->next());
    if (!row) return check_claims();
    bool unique = false;
    std::string key = entry_key(kept, index, row->key, row->values, unique);
    // Entries of an index that is new are nobody else's.
    if (unique) claim(kept, index, key, row->values), claims_.at(key).before = Claim::Before::kFree;
    if (unique && claims_.at(key).claimed > 1) return duplicate(claims_.at(key));
    tx_.write(std::move(key), row->key);
  }
}

sql::SqlResult<std::optional<sql::StoredRow>> RowStorage::find(const sql::Table& table, const sql::RowKey& key) {
  const TableForm& kept = form(table);
  TRY_ASSIGN(const auto bytes, tx_.read(kept.rows + key));
  if (!bytes) return std::optional<sql::StoredRow>();
  TRY_ASSIGN(auto values, sql::decode_row(kept.types, *bytes));
  return std::optional(sql::StoredRow{key, std::move(values)});
}

sql::SqlResult<std::optional<sql::StoredRow>> RowStorage::conflicting(const sql::Table& table, const sql::Index& index,
                                                                      const sql::Row& values) {
  const TableForm& kept = form(table);
  bool nulls = false;
  const std::string key = kept.values_key(index, values, nulls);
  if (nulls) return std::optional<sql::StoredRow>();
  if (index.primary) return find(table, key);
  TRY_ASSIGN(const auto row_key, tx_.read(kept.entries(index) + key));
  if (!row_key) return std::optional<sql::StoredRow>();
  return find(table, *row_key);
}

/// The entry of a row in an index. unique: its key is all that may have it, else the row's own key is part of it
std::string RowStorage::entry_key(const TableForm& kept, const sql::Index& index, const sql::RowKey& row_key, const sql::Row& values,
                                  bool& unique) const {
  bool nulls = false;
  std::string key = kept.entries(index) + kept.values_key(index, values, nulls);
  unique = index.unique && !nulls;
  if (!unique) key += row_key;
  return key;
}

void RowStorage::put_entries(const TableForm& kept, const sql::RowKey& row_key, const sql::Row& values) {
  for (const auto& index : kept.table->indexes) {
    if (index.primary) continue;
    bool unique = false;
    std::string key = entry_key(kept, index, row_key, values, unique);
    if (unique) claim(kept, index, key, values);
    tx_.write(std::move(key), row_key);
  }
}

/// kept_values  what the row is from now on, under the same key: entries that stay are left; none: all go
void RowStorage::drop_entries(const TableForm& kept, const sql::RowKey& row_key, const sql::Row& values, const sql::Row* kept_values) {
  for (const auto& index : kept.table->indexes) {
    if (index.primary) continue;
    bool unique = false, ignored = false;
    const std::string key = entry_key(kept, index, row_key, values, unique);
    if (kept_values && entry_key(kept, index, row_key, *kept_values, ignored) == key) continue;
    release(key);
  }
}

sql::SqlStatus RowStorage::insert(const sql::Table& table, sql::Row values) {
  const TableForm& kept = form(table);
  bool nulls = false;
  const sql::RowKey row_key = kept.primary ? kept.values_key(*kept.primary, values, nulls) : hidden_key();
  std::string key = kept.rows + row_key;
  if (kept.primary) claim(kept, *kept.primary, key, values);
  put_entries(kept, row_key, values);
  note_children(kept, key, values, nullptr);
  tx_.write(std::move(key), sql::encode_row(kept.types, values));
  return {};
}

sql::SqlStatus RowStorage::update(const sql::Table& table, const sql::StoredRow& old, sql::Row values) {
  const TableForm& kept = form(table);
  bool nulls = false;
  const sql::RowKey row_key = kept.primary ? kept.values_key(*kept.primary, values, nulls) : old.key;
  std::string key = kept.rows + row_key;
  const bool moves = row_key != old.key;
  if (moves) {
    release(kept.rows + old.key);
    claim(kept, *kept.primary, key, values);
  }
  drop_entries(kept, old.key, old.values, moves ? nullptr : &values);
  if (moves) {
    put_entries(kept, row_key, values);
  } else {
    for (const auto& index : kept.table->indexes) {
      if (index.primary) continue;
      bool unique = false, ignored = false;
      std::string entry = entry_key(kept, index, row_key, values, unique);
      if (entry == entry_key(kept, index, row_key, old.values, ignored)) continue;
      if (unique) claim(kept, index, entry, values);
      tx_.write(std::move(entry), row_key);
    }
  }
  note_children(kept, key, values, &old.values);
  note_parent(kept, old.values, &values);
  tx_.write(std::move(key), sql::encode_row(kept.types, values));
  return {};
}

sql::SqlStatus RowStorage::erase(const sql::Table& table, const sql::StoredRow& old) {
  const TableForm& kept = form(table);
  release(kept.rows + old.key);
  drop_entries(kept, old.key, old.values, nullptr);
  note_parent(kept, old.values, nullptr);
  return {};
}

RowStorage::Claim& RowStorage::claim_of(const std::string& key, bool fresh) {
  auto [at, is_new] = claims_.try_emplace(key);
  if (!is_new) return at->second;
  if (const auto* own = tx_.written(key)) at->second.before = own->has_value() ? Claim::Before::kTaken : Claim::Before::kFree;
  else if (fresh) at->second.before = Claim::Before::kFree;
  return at->second;
}

/// The key is this row's. Whoever had it before must have given it up when the statement ends.
void RowStorage::claim(const TableForm& kept, const sql::Index& index, const std::string& key, const sql::Row& values) {
  Claim& claim = claim_of(key, fresh_.contains(kept.storage));
  ++claim.claimed;
  claim.form = &kept;
  claim.index = &index;
  claim.values = values;
}

/// A row that was there gives the key up; it stays where another row of this statement has it already.
void RowStorage::release(const std::string& key) {
  Claim& claim = claim_of(key, false);
  if (claim.before == Claim::Before::kUnknown) claim.before = Claim::Before::kTaken;
  ++claim.released;
  if (claim.rows() <= 0) tx_.write(key, std::nullopt);
}

sql::SqlStatus RowStorage::check_claims() {
  std::vector<std::string> unknown;
  for (const auto& [key, claim] : claims_) {
    if (claim.claimed == 0) continue;
    if (claim.rows() > 1) return duplicate(claim);
    if (claim.before == Claim::Before::kUnknown) unknown.push_back(key);
  }
  TRY_ASSIGN(const auto found, tx_.read_below(unknown));
  for (std::size_t i = 0; i < unknown.size(); ++i)
    if (found[i]) return duplicate(claims_.at(unknown[i]));
  claims_.clear();
  return {};
}

sql::SqlError RowStorage::duplicate(const Claim& claim) const {
  std::string columns, values;
  for (const auto column : claim.index->columns) {
    columns += (columns.empty() ? "" : ", ") + claim.form->table->columns[column].name;
    values += (values.empty() ? "" : ", ") + text_of(*claim.form, column, claim.values[column]);
  }
  const sql::Table& table = *claim.form->table;
  return sql::SqlError(sql::state::kUniqueViolation,
                       fmt::format("duplicate key value violates unique constraint \"{}\"", claim.index->name))
      .with_detail(fmt::format("Key ({})=({}) already exists.", columns, values))
      .about(table.schema, table.name, "", claim.index->name);
}

sql::SqlStatus RowStorage::end_statement() {
  if (batch_ && claims_.size() < kBatch && children_.size() < kBatch) return {};
  TRY(check_claims());
  TRY(follow_parents());
  TRY(check_claims());
  return check_children(std::exchange(children_, {}));
}

sql::SqlResult<std::unique_ptr<sql::RowCursor>> RowStorage::scan(const sql::Table& table, const sql::Index* index,
                                                                 const sql::IndexRange& range, const sql::ScanOrder& order) {
  if (table.what == sql::Table::What::kVirtual) {
    TRY_ASSIGN(auto rows, virtual_rows_(table));
    return cursor_over(std::move(rows));
  }
  return open_cursor(tx_, form(table), index, range, order);
}

sql::SqlResult<std::int64_t> RowStorage::next_value(const sql::Sequence& sequence) {
  std::int64_t value = 0;
  // One that this transaction made is nobody else's yet.
  if (const std::string key = key::sequence(sequence.id); tx_.written(key)) {
    SequenceState state = decode_sequence(sequence, *tx_.written(key));
    std::int64_t count = 1;
    TRY_ASSIGN(value, advance(sequence, state, count));
    tx_.write(key, encode_sequence(state));
  } else {
    TRY_ASSIGN(value, sequences_.next(sequence));
  }
  session_.current[sequence.id] = value;
  session_.last = sequence.id;
  return value;
}

sql::SqlResult<std::int64_t> RowStorage::current_value(const sql::Sequence& sequence) {
  const auto found = session_.current.find(sequence.id);
  if (found != session_.current.end()) return found->second;
  return sql::SqlError(sql::state::kObjectNotInPrerequisiteState,
                       fmt::format("currval of sequence \"{}\" is not yet defined in this session", sequence.name));
}

sql::SqlStatus RowStorage::set_value(const sql::Sequence& sequence, std::int64_t value, bool is_called) {
  if (value < sequence.least || value > sequence.most)
    return sql::SqlError(sql::state::kNumericValueOutOfRange, fmt::format("setval: value {} is out of bounds for sequence \"{}\" ({}..{})",
                                                                          value, sequence.name, sequence.least, sequence.most));
  if (const std::string key = key::sequence(sequence.id); tx_.written(key)) tx_.write(key, encode_sequence({value, is_called}));
  else TRY(sequences_.set(sequence, {value, is_called}));
  if (is_called) session_.current[sequence.id] = value;
  return {};
}

sql::SqlResult<std::int64_t> RowStorage::last_value() {
  if (session_.last) return session_.current.at(*session_.last);
  return sql::SqlError(sql::state::kObjectNotInPrerequisiteState, "lastval is not yet defined in this session");
}

}  // namespace isobar::db
