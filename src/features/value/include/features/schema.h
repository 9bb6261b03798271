#pragma once

/// The columns of a source or a view, by name and type, and which of them say whose row it is.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "features/value.h"

namespace isobar::features {

struct Column {
  std::string name;
  Type type;
  friend bool operator==(const Column&, const Column&) = default;
};

class Schema {
 public:
  Schema() = default;
  /// keys    the names of the entity's columns, in the order in which they make its key; none: there is one row for all
  /// Errors  kInvalidArgument: a column without name, or twice; a key that is no column, twice, a list or a float (of which 0.1 in one
  ///         system is not 0.1 in another). The message names it
  static Result<Schema> create(std::vector<Column> columns, const std::vector<std::string>& keys = {});

  const std::vector<Column>& columns() const { return columns_; }
  /// The places of the keys among the columns.
  std::span<const std::size_t> keys() const { return keys_; }
  /// Cost   O(columns): compile what is called for each row.
  std::optional<std::size_t> find(std::string_view name) const;
  /// As `find`. Errors   kNotFound: the message names the nearest column, or all
  Result<std::size_t> require(std::string_view name) const;

  /// Whether each value is null or of its column's type, and there is one for each column.
  Status check(const Row& row) const;

  friend bool operator==(const Schema&, const Schema&) = default;

 private:
  std::vector<Column> columns_;
  std::vector<std::size_t> keys_;
};

}  // namespace isobar::features
