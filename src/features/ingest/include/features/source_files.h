#pragma once

/// The files of a source, and their rows in its columns.

#include <memory>
#include <optional>
#include <vector>

#include "features/definition.h"
#include "features/table.h"

namespace isobar::features {

/// Files that a source's events are in, by their names.
/// path     "": what the definition says
/// Errors   kNotFound: no such file, or no file of the format in the folder; kInvalidArgument: nothing says the format
Result<std::vector<TableFile>> source_files(const Source& source, const fs::path& path = {});

/// The rows of one of them.
class SourceRows {
 public:
  /// Errors   as `read_table`
  static Result<SourceRows> open(const Source& source, const TableFile& file);
  /// The next row, in the source's columns. False: there is none.
  Result<bool> next(Row& row);
  std::string place() const { return table_->place(); }

 private:
  SourceRows(std::unique_ptr<TableReader> table, std::optional<std::size_t> file_column, std::string file_name)
      : table_(std::move(table)), file_column_(file_column), file_name_(std::move(file_name)) {}
  std::unique_ptr<TableReader> table_;
  std::optional<std::size_t> file_column_;  ///< which the file's name is the value of
  std::string file_name_;
  Row in_file_;
};

}  // namespace isobar::features
