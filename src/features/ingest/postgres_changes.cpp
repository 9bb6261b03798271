#include "postgres_changes.h"

#include <fmt/format.h>

#include <algorithm>

#include "features/csv.h"

namespace isobar::features {

namespace {

Error broken() { return unavailable("PostgreSQL's message of a change is cut off"); }

Result<std::uint64_t> number(std::string_view& body, std::size_t bytes) {
  if (body.size() < bytes) return broken();
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<std::uint8_t>(body[i]);
  body.remove_prefix(bytes);
  return value;
}

Result<std::string_view> text(std::string_view& body) {
  const std::size_t end = body.find('\0');
  if (end == std::string_view::npos) return broken();
  const std::string_view found = body.substr(0, end);
  body.remove_prefix(end + 1);
  return found;
}

int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

Result<Value> bytes_of(std::string_view hex, const Column& column) {
  Bytes bytes;
  if (!hex.starts_with("\\x") || hex.size() % 2 != 0)
    return invalid(fmt::format("column '{}': {} is no bytea", column.name, hex.substr(0, 20)));
  for (std::size_t i = 2; i < hex.size(); i += 2) bytes.data += static_cast<char>(digit(hex[i]) << 4 | digit(hex[i + 1]));
  return Value(std::move(bytes));
}

}  // namespace

Result<Value> value_of_postgres(std::string_view text, const Column& column) {
  if (column.type.list) return invalid(fmt::format("column '{}' is a list; lists are not read from PostgreSQL", column.name));
  if (column.type.is(Kind::kBytes)) return bytes_of(text, column);
  std::string as_csv(text);
  // PostgreSQL leaves out the minutes of an offset.
  if (column.type.is(Kind::kTimestamp) && as_csv.ends_with("+00")) as_csv += ":00";
  if (as_csv == "Infinity" || as_csv == "-Infinity") as_csv = as_csv.front() == '-' ? "-inf" : "inf";
  return value_from_csv({std::move(as_csv), column.type.is(Kind::kString)}, column);
}

Result<std::optional<std::uint64_t>> PostgresChanges::take(std::string_view message, SourceBatch& batch) {
  if (message.empty()) return broken();
  const char kind = message.front();
  std::string_view body = message.substr(1);
  if (kind == 'R') TRY(relation(body));
  if (kind == 'I' || kind == 'U' || kind == 'D') change(body, kind, batch);
  if (kind == 'T') batch.problem = "the table was truncated; its records stay here until each is deleted or corrected";
  if (kind != 'C') return std::optional<std::uint64_t>();
  TRY(number(body, 1 + 8));  // flags, where the commit begins
  TRY_ASSIGN(const std::uint64_t end, number(body, 8));
  return std::optional(end);
}

Status PostgresChanges::relation(std::string_view body) {
  TRY_ASSIGN(const std::uint64_t id, number(body, 4));
  relation_ = static_cast<std::uint32_t>(id);
  TRY(text(body));
  TRY(text(body));
  TRY(number(body, 1));
  TRY_ASSIGN(const std::uint64_t count, number(body, 2));
  columns_.clear();
  for (std::uint64_t i = 0; i < count; ++i) {
    TRY(number(body, 1));
    TRY_ASSIGN(const std::string_view name, text(body));
    columns_.emplace_back(name);
    TRY(number(body, 8));
  }
  return {};
}

Result<std::vector<PostgresChanges::Cell>> PostgresChanges::tuple(std::string_view& body) const {
  TRY_ASSIGN(const std::uint64_t count, number(body, 2));
  std::vector<Cell> cells;
  for (std::uint64_t i = 0; i < count; ++i) {
    TRY_ASSIGN(const std::uint64_t kind, number(body, 1));
    if (kind != 't') {
      cells.push_back({kind == 'u' ? Cell::Kind::kUnchanged : Cell::Kind::kNull, {}});
      continue;
    }
    TRY_ASSIGN(const std::uint64_t length, number(body, 4));
    if (body.size() < length) return broken();
    cells.push_back({Cell::Kind::kText, body.substr(0, length)});
    body.remove_prefix(length);
  }
  return cells;
}

void PostgresChanges::change(std::string_view body, char kind, SourceBatch& batch) {
  const Status changed = one_change(body, kind, batch);
  if (changed.ok()) return;
  if (batch.refused++ == 0) batch.problem = changed.error().message();
}

Status PostgresChanges::one_change(std::string_view body, char kind, SourceBatch& batch) {
  TRY_ASSIGN(const std::uint64_t relation, number(body, 4));
  if (relation != relation_) return {};  // of another table of the publication
  std::optional<std::vector<Cell>> before;
  TRY_ASSIGN(std::uint64_t part, number(body, 1));
  if (part == 'K' || part == 'O') {
    TRY_ASSIGN(before, tuple(body));
    if (kind == 'D') return add(std::move(*before), nullptr, true, batch);
    TRY_ASSIGN(part, number(body, 1));
  }
  if (part != 'N') return broken();
  TRY_ASSIGN(auto after, tuple(body));
  // The record's key may be another now: the old one is then no more.
  if (before) {
    const auto differs = [&](const std::string& key) {
      const auto at = std::ranges::find(columns_, key);
      const auto place = static_cast<std::size_t>(at - columns_.begin());
      return at != columns_.end() && (*before)[place].kind == Cell::Kind::kText && (*before)[place].text != after[place].text;
    };
    if (std::ranges::any_of(source_.key, differs)) TRY(add(*before, nullptr, true, batch));
  }
  return add(std::move(after), before ? &*before : nullptr, false, batch);
}

Status PostgresChanges::add(std::vector<Cell> cells, const std::vector<Cell>* before, bool deleted, SourceBatch& batch) const {
  SourceRow row{.row = Row(source_.columns.size()), .deleted = deleted};
  for (std::size_t i = 0; i < cells.size() && i < columns_.size(); ++i) {
    const auto column = std::ranges::find(source_.columns, columns_[i], &Column::name);
    if (column == source_.columns.end()) continue;
    Cell cell = cells[i];
    if (cell.kind == Cell::Kind::kUnchanged && before != nullptr) cell = (*before)[i];
    if (cell.kind == Cell::Kind::kUnchanged)
      return invalid(
          fmt::format("a large value of column '{}' did not change, and is not sent: ALTER TABLE … REPLICA IDENTITY FULL", columns_[i]));
    if (cell.kind == Cell::Kind::kNull) continue;
    TRY_ASSIGN(row.row[static_cast<std::size_t>(column - source_.columns.begin())], value_of_postgres(cell.text, *column));
  }
  // Of what is deleted, its old time says nothing of when that was.
  if (deleted)
    row.row[static_cast<std::size_t>(std::ranges::find(source_.columns, source_.timestamp, &Column::name) - source_.columns.begin())] =
        Value();
  batch.rows.push_back(std::move(row));
  return {};
}

}  // namespace isobar::features
