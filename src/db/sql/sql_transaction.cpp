#include "sql_transaction.h"

#include <algorithm>

namespace isobar::db {

sql::SqlError sql_error_of(const Error& error) {
  using sql::SqlError;
  switch (error.code()) {
    case Code::kConflict:
      return SqlError(sql::state::kSerializationFailure, "could not serialize access: " + error.message())
          .with_hint("The transaction might succeed if retried.");
    case Code::kPermissionDenied: return {sql::state::kInsufficientPrivilege, error.message()};
    case Code::kUnavailable:
    case Code::kDeadlineExceeded: return {sql::state::kConnectionFailure, "the database does not answer: " + error.message()};
    case Code::kExhausted:
    case Code::kInvalidArgument: return {sql::state::kProgramLimitExceeded, error.message()};
    case Code::kDataLoss: return {sql::state::kDataCorrupted, error.message()};
    default: return {sql::state::kInternalError, error.message()};
  }
}

const std::optional<std::string>* SqlTransaction::written(const std::string& key) const {
  const auto found = writes_.find(key);
  return found == writes_.end() ? nullptr : &found->second;
}

sql::SqlResult<std::vector<std::optional<std::string>>> SqlTransaction::read(const std::vector<std::string>& keys, ReadFor what_for) {
  std::vector<std::string> asked;
  for (const auto& key : keys)
    if (!written(key)) asked.push_back(key);
  std::sort(asked.begin(), asked.end());
  asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
  std::vector<ReadValue> found;
  if (!asked.empty()) {
    auto read = keys_->read(asked, what_for);
    if (!read.ok()) return sql_error_of(read.error());
    found = std::move(*read);
  }
  std::vector<std::optional<std::string>> values;
  values.reserve(keys.size());
  for (const auto& key : keys) {
    if (const auto* own = written(key)) values.push_back(*own);
    else values.push_back(found[static_cast<std::size_t>(std::lower_bound(asked.begin(), asked.end(), key) - asked.begin())].value);
  }
  return values;
}

sql::SqlResult<std::vector<std::optional<std::string>>> SqlTransaction::read_below(const std::vector<std::string>& keys) {
  std::vector<std::optional<std::string>> values;
  if (keys.empty()) return values;
  auto read = keys_->read(keys, ReadFor::kReading);
  if (!read.ok()) return sql_error_of(read.error());
  for (auto& each : *read) values.push_back(std::move(each.value));
  return values;
}

sql::SqlResult<std::optional<std::string>> SqlTransaction::read(const std::string& key, ReadFor what_for) {
  if (const auto* own = written(key)) return *own;
  auto read = keys_->read({key}, what_for);
  if (!read.ok()) return sql_error_of(read.error());
  return std::move(read->front().value);
}

sql::SqlResult<KeyPage> SqlTransaction::scan(const ScanOrder& order) {
  auto scanned = keys_->scan(order);
  if (!scanned.ok()) return sql_error_of(scanned.error());
  KeyPage page = std::move(*scanned);
  const std::string& from = order.backward ? page.next.value_or(order.from) : order.from;
  const std::string& until = order.backward ? order.until : page.next.value_or(order.until);
  auto own = writes_.lower_bound(from);
  const auto end = writes_.lower_bound(until);
  if (own == end) return page;
  if (order.backward) std::reverse(page.rows.begin(), page.rows.end());
  std::vector<std::pair<std::string, std::string>> merged;
  auto row = page.rows.begin();
  for (; own != end; ++own) {
    for (; row != page.rows.end() && row->first < own->first; ++row) merged.push_back(std::move(*row));
    if (row != page.rows.end() && row->first == own->first) ++row;
    if (own->second) merged.emplace_back(own->first, *own->second);
  }
  std::move(row, page.rows.end(), std::back_inserter(merged));
  if (order.backward) std::reverse(merged.begin(), merged.end());
  page.rows = std::move(merged);
  return page;
}

void SqlTransaction::write(std::string key, std::optional<std::string> value) {
  const auto [at, is_new] = writes_.try_emplace(key);
  undo_.push_back({std::move(key), is_new ? std::nullopt : std::optional(std::move(at->second))});
  at->second = std::move(value);
}

void SqlTransaction::roll_back_to(const Savepoint& savepoint) {
  while (undo_.size() > savepoint.undo) {
    Undo& undo = undo_.back();
    if (undo.before) writes_[undo.key] = std::move(*undo.before);
    else writes_.erase(undo.key);
    undo_.pop_back();
  }
  schema_ = savepoint.schema;
}

sql::SqlStatus SqlTransaction::commit() {
  std::vector<Write> writes;
  writes.reserve(writes_.size());
  for (auto& [key, value] : writes_) writes.push_back({key, std::move(value)});
  const Status committed = keys_->commit(std::move(writes));
  if (!committed.ok()) return sql_error_of(committed.error());
  return {};
}

}  // namespace isobar::db
