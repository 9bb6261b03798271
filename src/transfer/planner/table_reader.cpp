#include "table_reader.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/text.h"

namespace isobar::transfer {

namespace {

std::vector<Cell> cells_of(std::string_view line, std::size_t number) {
  std::vector<Cell> cells;
  std::size_t from = 0;
  for (const std::string_view part : split(line, ',')) {
    const std::string_view text = trim(part);
    cells.push_back({text, number, from + (text.empty() ? 0 : static_cast<std::size_t>(text.data() - part.data())) + 1});
    from += part.size() + 1;
  }
  return cells;
}

}  // namespace

Result<Table> Table::parse(std::string_view text, std::string name) {
  Table table;
  table.name_ = std::move(name);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::size_t number = 0;
  for (const std::string_view raw : split(text, '\n')) {
    ++number;
    const std::string_view line = raw.ends_with('\r') ? raw.substr(0, raw.size() - 1) : raw;
    if (const auto zero = line.find('\0'); zero != line.npos)
      return table.error_at({{}, number, zero + 1}, "a zero byte; the file is not text");
    if (trim(line).empty()) continue;
    if (line.starts_with('#')) {
      const auto colon = line.find(": ");
      if (colon != line.npos) table.facts_.emplace(trim(line.substr(1, colon - 1)), trim(line.substr(colon + 2)));
      continue;
    }
    auto cells = cells_of(line, number);
    if (table.heading_.empty()) {
      table.heading_ = std::move(cells);
    } else if (cells.size() != table.heading_.size()) {
      return table.error_at(cells.size() > table.heading_.size() ? cells[table.heading_.size()] : cells.back(),
                            fmt::format("this line has {} fields and the heading {}; give every line one field a heading", cells.size(),
                                        table.heading_.size()));
    } else {
      table.rows_.push_back(std::move(cells));
    }
  }
  if (table.heading_.empty()) return table.error_at({{}, 1, 1}, "the file is empty; its first line names the columns");
  return table;
}

std::string Table::fact(const std::string& name) const {
  const auto found = facts_.find(name);
  return found == facts_.end() ? "" : found->second;
}

Status Table::require_heading(const std::vector<std::string_view>& names) const {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (i >= heading_.size() || heading_[i].text != names[i])
      return error_at(i < heading_.size() ? heading_[i] : heading_.back(),
                      fmt::format("the columns are {}; write them in this order", fmt::join(names, ",")));
  if (heading_.size() > names.size())
    return error_at(heading_[names.size()], fmt::format("the columns are {}; remove this one", fmt::join(names, ",")));
  return {};
}

Result<double> Table::number(const Cell& cell, std::string_view what, double least, double most) const {
  double value = 0;
  const auto [end, failed] = std::from_chars(cell.text.data(), cell.text.data() + cell.text.size(), value);
  if (failed != std::errc() || end != cell.text.data() + cell.text.size() || !std::isfinite(value))
    return error_at(cell, fmt::format("'{}' is not a number; write the {} like 4.75", cell.text, what));
  if (value < least || value > most)
    return error_at(cell, fmt::format("{} {} is out of bounds; it lies between {} and {}", what, cell.text, least, most));
  return value;
}

Error Table::error_at(const Cell& cell, std::string_view what) const {
  return invalid(fmt::format("{}:{}:{}: {}", name_, cell.line, cell.column, what));
}

}  // namespace isobar::transfer
