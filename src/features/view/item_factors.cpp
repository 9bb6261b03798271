#include "features/item_factors.h"

#include <fmt/format.h>

#include "features/key_codec.h"
#include "features/table.h"

namespace isobar::features {

namespace {

Result<std::shared_ptr<const ItemFactors>> load(const RidgeParameters& parameters, Type item) {
  TRY_ASSIGN(const TableFile file, table_file(parameters.item_factors));
  const std::vector<Column> columns{{"item", item}, {"factors", {Kind::kFloat64, true}}};
  TRY_ASSIGN(const auto table, read_table(file, to_table_columns(columns)));
  auto factors = std::make_shared<ItemFactors>();
  Row row;
  while (true) {
    TRY_ASSIGN(const bool more, table->next(row));
    if (!more) break;
    if (row[0].is_null() || row[1].is_null()) return invalid(fmt::format("{}: an item, or its factors, are empty", table->place()));
    const auto& vector = std::get<std::vector<double>>(row[1].as<List>());
    if (vector.size() != static_cast<std::size_t>(parameters.factors))
      return invalid(fmt::format("{}: item {} has {} factors; the definition says {}", table->place(), describe(row[0]), vector.size(),
                                 parameters.factors));
    std::string key;
    append_key_value(key, row[0]);
    factors->insert_or_assign(std::move(key), vector);
  }
  return std::shared_ptr<const ItemFactors>(std::move(factors));
}

}  // namespace

Result<std::vector<std::shared_ptr<const ItemFactors>>> load_item_factors(const CompiledView& view) {
  std::vector<std::shared_ptr<const ItemFactors>> items;
  for (const auto& expensive : view.expensive_features()) {
    items.push_back(nullptr);
    const auto* ridge = std::get_if<RidgeParameters>(&expensive.feature.parameters);
    if (ridge == nullptr) continue;
    TRY_ASSIGN(items.back(),
               load(*ridge, view.input_type(expensive.input + 1)).context(view.name() + ":" + view.stored()[expensive.stored].name));
  }
  return items;
}

}  // namespace isobar::features
