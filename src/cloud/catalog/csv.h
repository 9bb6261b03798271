#pragma once

/// Comma-separated values after RFC 4180: quoted fields may hold commas, line breaks and doubled quotes. Strict where
/// leniency would shift a price into the wrong column.

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isobar::cloud {

struct CsvField {
  std::string_view text;               ///< without its quotes; valid until the next record is read
  std::uint32_t line = 0, column = 0;  ///< where it starts, from 1; the column counts bytes
};

class CsvReader {
 public:
  /// text   must outlive the reader. A byte-order mark at its start is passed over
  /// name   the file, for messages
  CsvReader(std::string_view text, std::string name);

  /// Reads one record; false at the end. Empty lines are passed over.
  /// Errors   kInvalidArgument: "name:line:column: what is wrong; what mends it"
  Result<bool> next(std::vector<CsvField>& fields);

  /// The error that stands at a field.
  Error error_at(const CsvField& field, std::string_view what) const;

 private:
  Result<CsvField> field();
  Result<CsvField> quoted_field();
  void advance();
  CsvField here() const { return {{}, line_, static_cast<std::uint32_t>(at_ - line_start_ + 1)}; }
  bool at_end() const { return at_ == text_.size(); }
  bool at_line_end() const { return text_[at_] == '\n' || (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n'); }
  void skip_line_end();

  std::string_view text_;
  std::string name_;
  std::size_t at_ = 0, line_start_ = 0;
  std::uint32_t line_ = 1;
  std::deque<std::string> unescaped_;  // of the current record
};

}  // namespace isobar::cloud
