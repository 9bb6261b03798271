#pragma once

/// Comma-separated values (RFC 4180) as rows of typed values, with the place of whatever is wrong.
///
/// An empty cell is null; an empty text, or empty bytes, are written "". Numbers are decimal; floats also NaN, inf and -inf, in any case. A
/// column of integers takes 3.0, as programs write that hold gaps in them as floats. Bools are true and false, or t and f; timestamps as
/// `parse_timestamp` takes them; bytes in base64; lists are JSON arrays.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "features/schema.h"

namespace isobar::features {

struct CsvCell {
  std::string text;     ///< without quotes
  bool quoted = false;  ///< "" is a text, where an empty cell is null
};

/// Errors   kInvalidArgument: the message names the column, the cell and the mend
Result<Value> value_from_csv(const CsvCell& cell, const Column& column);

/// The same the other way: what `value_from_csv` reads back to the same value. Of a NaN the bits are not kept; lists are as
/// features/json_value.h writes them.
void append_csv(std::string& out, const Value& value);
/// A cell with a text, quoted where it has to be.
void append_csv_text(std::string& out, std::string_view text);

/// Takes records off a text one by one. Lines end in LF or CRLF; a byte order mark is skipped, and so are empty lines.
class CsvReader {
 public:
  /// name   of the file, for messages. text   must outlive the reader; of a file that is read in pieces, whole records of it
  /// line   the number of the text's first line: 1 where the file begins, as it alone may have a byte order mark
  CsvReader(std::string_view name, std::string_view text, std::size_t line = 1);
  /// None: the text is at its end.
  /// Errors   kInvalidArgument: a quote that does not end, text after a closing quote, a cell over 16 MiB, not UTF-8
  Result<std::optional<std::vector<CsvCell>>> next();
  /// "drivers.csv:12", where the record began that was read last.
  std::string place() const;
  /// That record's text, without the end of its line.
  std::string_view record() const { return record_; }
  /// The number of the line that comes next.
  std::size_t line() const { return line_; }

 private:
  Result<CsvCell> cell();
  Result<CsvCell> quoted_cell();
  bool at_line_end() const;
  void skip_line_end();

  std::string name_;
  std::string_view rest_, record_;
  std::size_t line_, record_line_;
};

/// A whole text whose first record names its columns; they come in any order, and those of the schema that are not there are null.
/// Errors   kInvalidArgument: a column that the schema has not, a record of more or fewer cells, a cell as above, each with file and line
Result<std::vector<Row>> rows_from_csv(std::string_view name, std::string_view text, const Schema& schema);

}  // namespace isobar::features
