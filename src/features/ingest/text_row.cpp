#include "text_row.h"

#include <algorithm>

#include "features/csv.h"

namespace isobar::features {

Result<Row> row_from_texts(std::span<const NamedText> fields, std::span<const Column> columns) {
  Row row(columns.size());
  for (const auto& [name, text] : fields) {
    const auto column = std::ranges::find(columns, name, &Column::name);
    if (column == columns.end()) continue;
    const bool is_text = column->type.is(Kind::kString) || column->type.is(Kind::kBytes);
    TRY_ASSIGN(row[static_cast<std::size_t>(column - columns.begin())], value_from_csv({std::string(text), is_text}, *column));
  }
  return row;
}

}  // namespace isobar::features
