#include "json_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "features/json_text.h"
#include "features/json_value.h"
#include "text_row.h"

namespace isobar::features {

Result<SourceRow> row_of_message(const Source& source, std::string_view key, std::string_view value) {
  if (value.empty()) {
    if (source.key.size() != 1)
      return invalid("the message is empty: a deletion, and the source's key is not one column, which the message's key could be of");
    const NamedText named{source.key.front(), key};
    TRY_ASSIGN(Row row, row_from_texts(std::span(&named, 1), source.columns));
    return SourceRow{std::move(row), true};
  }
  TRY_ASSIGN(const auto json, parse_json(value));
  if (!json.is_object()) return invalid("the message is no JSON object");
  Row row;
  for (const auto& column : source.columns) {
    const auto* member = json.get_object().if_contains(column.name);
    if (member == nullptr) {
      row.emplace_back();
      continue;
    }
    TRY_ASSIGN(Value cell, value_from_json(*member, column));
    row.push_back(std::move(cell));
  }
  return SourceRow{std::move(row), false};
}

}  // namespace isobar::features
