#pragma once

/// Files of rows, read and written piece by piece: CSV, JSON Lines and Parquet. However long a file is, a piece of it is in memory: a MiB
/// of text, or what one group of rows of a Parquet file needs.
///
/// Whoever reads names the columns that it knows, with their types; the others go unseen from one file to the next (`TableReader::record`,
/// where both have one format), or in the type that all of their values have (`TableReader::columns`).
///
/// Parquet is DuckDB's: its library is looked for when the first such file is (docs/adr/0012-parquet-by-duckdb.md), and CSV and JSON Lines
/// do without.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "features/schema.h"

namespace isobar::features {

enum class TableFormat { kCsv, kJsonLines, kParquet };
std::string_view name_of(TableFormat format);

struct TableFile {
  fs::path path;
  TableFormat format = TableFormat::kCsv;
};
/// format   csv, jsonl, parquet; "": as the file's name ends
/// Errors   kInvalidArgument: neither says which
Result<TableFile> table_file(const fs::path& path, std::string_view format = "");

struct TableColumn {
  std::string name;
  Type type;
  /// Where a column's own type is none of ours it is text here, and this says what it was: a type of DuckDB's, or "json" for values of
  /// several sorts. "": it is what it says.
  std::string stored_as;
  friend bool operator==(const TableColumn&, const TableColumn&) = default;
};
std::vector<TableColumn> to_table_columns(std::span<const Column> columns);

struct ReadOptions {
  /// Of JSON Lines, whose rows may each have other members: whether a row may lack one that is wanted. In the other formats the file has to
  /// have all columns that are wanted.
  bool missing_is_null = true;
  bool infer = false;  ///< `columns` is going to be asked for the types of columns that are not wanted
};

/// One thread at a time.
class TableReader {
 public:
  virtual ~TableReader() = default;
  /// The next row, with a value for each column that is wanted. False: there is none.
  /// Errors   kInvalidArgument: a row or value that is not what it should be; the message has file, line or row, column and the mend
  virtual Result<bool> next(Row& row) = 0;
  /// Of the row that was read last: "drivers.csv:12", "drivers.parquet, row 12".
  virtual std::string place() const = 0;
  /// Its text as the file has it, without the end of its line; until the next one is read. Nothing in Parquet.
  virtual std::string_view record() const = 0;
  /// The file's columns, in its order: in Parquet as they are stored. In the others those that are wanted have the type that is wanted; the
  /// rest, if they are to be inferred, that of all values so far (text where there are none), else text; and in JSON Lines they are the
  /// members of the rows so far.
  virtual std::vector<TableColumn> columns() const = 0;
};

/// Errors   kNotFound, kPermissionDenied; kInvalidArgument: no first line, a wanted column that is not there (the message names the
/// nearest),
///          a column twice; kUnavailable: Parquet without DuckDB's library; the message says how it is had
Result<std::unique_ptr<TableReader>> read_table(const TableFile& file, std::vector<TableColumn> wanted, const ReadOptions& options = {});

/// A file that is there under its name when all of it is written, and otherwise is not.
class TableWriter {
 public:
  virtual ~TableWriter() = default;
  /// row   a value, or null, for each column
  virtual Status write(const Row& row) = 0;
  /// The same, where the text of the first columns is a record of a file of the same format. Not of Parquet.
  /// values   of the others
  virtual Status extend(std::string_view record, std::span<const Value> values) = 0;
  /// Gives the file its name, over what had it. Without it nothing is left when the writer goes.
  virtual Status finish() = 0;
};

/// In JSON Lines NaN and infinities are null, as JSON has none.
/// Errors   kNotFound: no such folder; kPermissionDenied; kUnavailable: as `read_table`
Result<std::unique_ptr<TableWriter>> write_table(const TableFile& file, std::vector<TableColumn> columns);

}  // namespace isobar::features
