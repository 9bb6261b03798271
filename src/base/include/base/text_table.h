#pragma once

/// Rows of text under headings, in columns as wide as their widest cell. Cells may hold UTF-8 and colour escapes.

#include <string>
#include <vector>

namespace isobar {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> headings) : widths_(headings.size()) { add(std::move(headings)); }

  /// row   as many cells as there are headings
  void add(std::vector<std::string> row);
  /// margin   before the first column of every line
  /// gap      between columns
  /// ruled    with a line of dashes above, below the headings and at the end
  std::string render(std::size_t margin = 0, std::size_t gap = 2, bool ruled = false) const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> widths_;
};

}  // namespace isobar
