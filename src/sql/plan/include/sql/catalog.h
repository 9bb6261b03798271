#pragma once

/// What a statement can name: tables, views, indexes, sequences. Whoever runs statements supplies it; nothing here knows where it is kept.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/type.h"

namespace isobar::sql {

struct Column {
  std::string name;
  Type type;
  bool not_null = false;
  std::optional<std::string> default_expression;  ///< SQL text
  enum class Identity : std::uint8_t { kNone, kAlways, kByDefault } identity = Identity::kNone;
  std::optional<std::string> generated;  ///< SQL text of a stored generated column
  bool dropped = false;                  ///< rows still have a place for it: always null
};

struct Index {
  Oid id = 0;
  std::string name;
  std::vector<std::uint32_t> columns;  ///< places in Table::columns, from 0
  std::vector<bool> descending;        ///< one for each
  bool unique = false, primary = false;
  bool constraint = false;  ///< made by PRIMARY KEY or UNIQUE, not by CREATE INDEX
};

struct Check {
  std::string name, expression;  ///< SQL text
};

struct ForeignKey {
  Oid id = 0;
  std::string name;
  std::vector<std::uint32_t> columns;
  Oid parent = 0;  ///< table
  std::vector<std::uint32_t> parent_columns;
  enum class Action : std::uint8_t { kNoAction, kRestrict, kCascade, kSetNull, kSetDefault } on_delete = Action::kNoAction,
                                                                                            on_update = Action::kNoAction;
  bool deferrable = false, initially_deferred = false;
};

/// A table, a view or a virtual table (one whose rows are made up when they are asked for: the catalogs).
struct Table {
  enum class What : std::uint8_t { kTable, kView, kVirtual } what = What::kTable;
  Oid id = 0;
  std::string schema, name;
  std::vector<Column> columns;
  std::vector<Index> indexes;
  std::vector<Check> checks;
  std::vector<ForeignKey> foreign_keys;
  std::string view_query;  ///< SQL text
  double rows_estimated = 1000;

  const Index* primary_key() const {
    for (const auto& index : indexes)
      if (index.primary) return &index;
    return nullptr;
  }
};

struct Sequence {
  Oid id = 0;
  std::string schema, name;
  Type type = type_of(Kind::kInt8);
  std::int64_t start = 1, increment = 1, least = 1, most = INT64_MAX;
  bool cycle = false;
};

class Catalog {
 public:
  virtual ~Catalog() = default;
  /// schema  empty: by the search path. None: there is no such table or view. What is returned stays as it is as long as it is held
  virtual SqlResult<std::shared_ptr<const Table>> find_table(std::string_view schema, std::string_view name) = 0;
  virtual SqlResult<std::shared_ptr<const Table>> table_of(Oid id) = 0;
  virtual SqlResult<std::optional<Sequence>> find_sequence(std::string_view schema, std::string_view name) = 0;
  virtual SqlResult<bool> has_schema(std::string_view name) = 0;
  /// As current_schemas() lists it, the one where new tables go first.
  virtual std::vector<std::string> search_path() const = 0;
};

}  // namespace isobar::sql
