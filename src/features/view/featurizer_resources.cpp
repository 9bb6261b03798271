#include "features/featurizer_resources.h"

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

Result<FeaturizerResources> load_resources(const CompiledView& view, const OutsidePrograms& programs, const std::vector<bool>& wanted) {
  FeaturizerResources all;
  for (const auto& expensive : view.expensive_features()) {
    FeaturizerResource& one = all.emplace_back();
    if (!wanted.empty() && !wanted[expensive.stored]) continue;
    const std::string name = view.name() + ":" + view.stored()[expensive.stored].name;
    if (const auto* ridge = std::get_if<RidgeParameters>(&expensive.feature.parameters)) {
      TRY_ASSIGN(one.items, load(*ridge, view.input_type(expensive.input + 1)).context(name));
    } else if (const auto* outside = std::get_if<OutsideParameters>(&expensive.feature.parameters)) {
      TRY_ASSIGN(one.outside, open_outside(*outside, view.stored()[expensive.stored].type, programs).context(name));
    }
  }
  return all;
}

}  // namespace isobar::features
