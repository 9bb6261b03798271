#include "row_cursors.h"

#include <algorithm>
#include <limits>

#include "db/key_layout.h"
#include "sql/key_encoding.h"
#include "sql/row_encoding.h"

namespace isobar::db {

namespace {

struct KeyRange {
  std::string from, until;
  bool one_key = false;  // `from` is the only key there can be
};

/// Rows by ascending bytes: of a descending column the largest come first, behind its nulls.
KeyRange keys_of(const TableForm& form, const sql::Index& index, const sql::IndexRange& range) {
  std::string prefix = form.entries(index);
  const auto descends = [&](std::size_t place) { return place < index.descending.size() && index.descending[place]; };
  for (std::size_t i = 0; i < range.equal.size(); ++i) sql::append_key(prefix, form.types[index.columns[i]], range.equal[i], descends(i));
  if (!range.low && !range.high) return {prefix, key::behind(prefix), range.equal.size() == index.columns.size() && index.unique};
  const std::size_t place = range.equal.size();
  const bool down = descends(place);
  const auto with = [&](const sql::Value& value) {
    std::string key = prefix;
    sql::append_key(key, form.types[index.columns[place]], value, down);
    return key;
  };
  const auto& first = down ? range.high : range.low;
  const auto& last = down ? range.low : range.high;
  KeyRange keys;
  if (first) keys.from = first->inclusive ? with(first->value) : key::behind(with(first->value));
  else keys.from = down ? key::behind(with(sql::Value())) : prefix;
  if (last) keys.until = last->inclusive ? key::behind(with(last->value)) : with(last->value);
  else keys.until = down ? key::behind(prefix) : with(sql::Value());
  return keys;
}

/// Goes through a range of keys page by page.
class Pages {
 public:
  Pages(SqlTransaction& tx, KeyRange keys, const sql::ScanOrder& order) : tx_(tx), keys_(std::move(keys)), order_(order) {}

  /// False: there are no more. `page` is not empty.
  sql::SqlResult<bool> next(std::vector<std::pair<std::string, std::string>>& page) {
    page.clear();
    while (!done_ && page.empty()) {
      if (!(keys_.from < keys_.until)) break;
      const auto most = static_cast<std::uint32_t>(std::min<std::uint64_t>(order_.rows_most, std::numeric_limits<std::uint32_t>::max()));
      TRY_ASSIGN(auto found, tx_.scan({keys_.from, keys_.until, most, order_.backward}));
      page = std::move(found.rows);
      done_ = !found.next;
      if (found.next) (order_.backward ? keys_.until : keys_.from) = std::move(*found.next);
    }
    return !page.empty();
  }

 private:
  SqlTransaction& tx_;
  KeyRange keys_;
  sql::ScanOrder order_;
  bool done_ = false;
};

class RowsCursor : public sql::RowCursor {
 public:
  RowsCursor(SqlTransaction& tx, const TableForm& form, KeyRange keys, const sql::ScanOrder& order)
      : form_(form), pages_(tx, std::move(keys), order) {}

  sql::SqlResult<const sql::StoredRow*> next() override {
    if (at_ == page_.size()) {
      at_ = 0;
      TRY_ASSIGN(const bool more, pages_.next(page_));
      if (!more) return static_cast<const sql::StoredRow*>(nullptr);
    }
    const auto& [key, bytes] = page_[at_++];
    row_.key.assign(key, form_.rows.size());
    TRY(sql::decode_columns(form_.types, bytes, {}, row_.values));
    return &row_;
  }

 private:
  const TableForm& form_;
  Pages pages_;
  std::vector<std::pair<std::string, std::string>> page_;
  std::size_t at_ = 0;
  sql::StoredRow row_;
};

/// Entries of an index, and the rows that they name: as many at once as come in a page.
class EntriesCursor : public sql::RowCursor {
 public:
  EntriesCursor(SqlTransaction& tx, const TableForm& form, KeyRange keys, const sql::ScanOrder& order)
      : tx_(tx), form_(form), pages_(tx, std::move(keys), order) {}

  sql::SqlResult<const sql::StoredRow*> next() override {
    for (;;) {
      if (at_ == page_.size()) {
        at_ = 0;
        TRY_ASSIGN(const bool more, pages_.next(page_));
        if (!more) return static_cast<const sql::StoredRow*>(nullptr);
        std::vector<std::string> keys;
        keys.reserve(page_.size());
        for (const auto& [entry, row_key] : page_) keys.push_back(form_.rows + row_key);
        TRY_ASSIGN(rows_, tx_.read(keys));
      }
      const std::size_t at = at_++;
      if (!rows_[at]) continue;
      row_.key = page_[at].second;
      TRY(sql::decode_columns(form_.types, *rows_[at], {}, row_.values));
      return &row_;
    }
  }

 private:
  SqlTransaction& tx_;
  const TableForm& form_;
  Pages pages_;
  std::vector<std::pair<std::string, std::string>> page_;
  std::vector<std::optional<std::string>> rows_;
  std::size_t at_ = 0;
  sql::StoredRow row_;
};

class OneRowCursor : public sql::RowCursor {
 public:
  OneRowCursor() = default;
  explicit OneRowCursor(sql::StoredRow row) : row_(std::move(row)), there_(true) {}
  sql::SqlResult<const sql::StoredRow*> next() override { return std::exchange(there_, false) ? &row_ : nullptr; }

 private:
  sql::StoredRow row_;
  bool there_ = false;
};

class ListCursor : public sql::RowCursor {
 public:
  explicit ListCursor(std::vector<sql::Row> rows) : rows_(std::move(rows)) {}
  sql::SqlResult<const sql::StoredRow*> next() override {
    if (at_ == rows_.size()) return static_cast<const sql::StoredRow*>(nullptr);
    row_.values = std::move(rows_[at_++]);
    return &row_;
  }

 private:
  std::vector<sql::Row> rows_;
  std::size_t at_ = 0;
  sql::StoredRow row_;
};

sql::SqlResult<std::unique_ptr<sql::RowCursor>> one_row(SqlTransaction& tx, const TableForm& form, const sql::Index& index,
                                                        const std::string& key, ReadFor what_for) {
  std::string row_place = key;
  if (!index.primary) {
    TRY_ASSIGN(const auto row_key, tx.read(key, what_for));
    if (!row_key) return std::unique_ptr<sql::RowCursor>(std::make_unique<OneRowCursor>());
    row_place = form.rows + *row_key;
  }
  TRY_ASSIGN(const auto bytes, tx.read(row_place, what_for));
  if (!bytes) return std::unique_ptr<sql::RowCursor>(std::make_unique<OneRowCursor>());
  sql::StoredRow row;
  row.key = row_place.substr(form.rows.size());
  TRY(sql::decode_columns(form.types, *bytes, {}, row.values));
  return std::unique_ptr<sql::RowCursor>(std::make_unique<OneRowCursor>(std::move(row)));
}

}  // namespace

sql::SqlResult<std::unique_ptr<sql::RowCursor>> open_cursor(SqlTransaction& tx, const TableForm& form, const sql::Index* index,
                                                            const sql::IndexRange& range, const sql::ScanOrder& order) {
  if (!index) index = form.primary;
  if (!index)
    return std::unique_ptr<sql::RowCursor>(std::make_unique<RowsCursor>(tx, form, KeyRange{form.rows, key::behind(form.rows)}, order));
  KeyRange keys = keys_of(form, *index, range);
  if (keys.one_key) return one_row(tx, form, *index, keys.from, order.for_update ? ReadFor::kUpdate : ReadFor::kReading);
  if (index->primary) return std::unique_ptr<sql::RowCursor>(std::make_unique<RowsCursor>(tx, form, std::move(keys), order));
  return std::unique_ptr<sql::RowCursor>(std::make_unique<EntriesCursor>(tx, form, std::move(keys), order));
}

std::unique_ptr<sql::RowCursor> cursor_over(std::vector<sql::Row> rows) { return std::make_unique<ListCursor>(std::move(rows)); }

}  // namespace isobar::db
