#pragma once

/// The tables that the planner reads: comma-separated figures and names, which need no quotes, under one heading line.
/// Lines that start with # are remarks; "# date: 2022-11" states a fact about the table.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isobar::transfer {

struct Cell {
  std::string_view text;             ///< trimmed; into the text that was read
  std::size_t line = 0, column = 0;  ///< from 1; the column counts bytes
};

class Table {
 public:
  /// text   must outlive the table
  /// name   the file, for messages
  /// Errors   kInvalidArgument: "name:line:column: what is wrong; what mends it": no heading, a row of another length
  static Result<Table> parse(std::string_view text, std::string name);

  const std::vector<Cell>& heading() const { return heading_; }
  const std::vector<std::vector<Cell>>& rows() const { return rows_; }
  /// The fact of that name in the remarks, or "".
  std::string fact(const std::string& name) const;

  /// Errors   kInvalidArgument: the headings are not these, in this order
  Status require_heading(const std::vector<std::string_view>& names) const;
  /// Errors   kInvalidArgument: not a finite number in [least, most]
  Result<double> number(const Cell& cell, std::string_view what, double least, double most) const;
  Error error_at(const Cell& cell, std::string_view what) const;

 private:
  std::string name_;
  std::map<std::string, std::string> facts_;
  std::vector<Cell> heading_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace isobar::transfer
