#include "features/item_factors.h"

#include <fmt/format.h>

#include "base/file.h"
#include "features/csv.h"
#include "features/key_codec.h"

namespace isobar::features {

namespace {

Result<std::shared_ptr<const ItemFactors>> load(const RidgeParameters& parameters, Type item) {
  const std::string& file = parameters.item_factors;
  if (!file.ends_with(".csv")) return invalid(fmt::format("{}: factors of items are read from a .csv file", file));
  TRY_ASSIGN(const std::string text, read_file(file));
  TRY_ASSIGN(const Schema schema, Schema::create({{"item", item}, {"factors", {Kind::kFloat64, true}}}));
  TRY_ASSIGN(const auto rows, rows_from_csv(file, text, schema));
  auto factors = std::make_shared<ItemFactors>();
  for (const auto& row : rows) {
    if (row[0].is_null() || row[1].is_null()) return invalid(fmt::format("{}: an item, or its factors, are empty", file));
    const auto& vector = std::get<std::vector<double>>(row[1].as<List>());
    if (vector.size() != static_cast<std::size_t>(parameters.factors))
      return invalid(
          fmt::format("{}: item {} has {} factors; the definition says {}", file, describe(row[0]), vector.size(), parameters.factors));
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
