#include "base/text_table.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace isobar {

void TextTable::add(std::vector<std::string> row) {
  CHECK(row.size() == widths_.size(), row.size(), widths_.size());
  for (std::size_t i = 0; i < row.size(); ++i) widths_[i] = std::max(widths_[i], display_width(row[i]));
  rows_.push_back(std::move(row));
}

std::string TextTable::render(std::size_t margin, std::size_t gap, bool ruled) const {
  std::size_t width = margin;
  for (const std::size_t column : widths_) width += column + gap;
  const std::string rule = ruled ? std::string(width, '-') + "\n" : "";
  std::string text = rule;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    std::string line(margin, ' ');
    for (std::size_t i = 0; i < widths_.size(); ++i) line += rows_[r][i] + std::string(widths_[i] - display_width(rows_[r][i]) + gap, ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
    if (r == 0) text += rule;
  }
  return text + rule;
}

}  // namespace isobar
