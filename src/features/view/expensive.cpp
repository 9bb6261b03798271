#include "features/expensive.h"

#include "forecast_featurizer.h"

namespace isobar::features {

namespace {

constexpr std::uint8_t kForecastRow = 1, kVectorRow = 2;

void encode_numbers(std::string& out, std::span<const double> numbers) {
  append_varint(out, numbers.size());
  for (const double number : numbers) append_fixed(out, number);
}

Result<std::vector<double>> decode_numbers(ByteReader& reader) {
  TRY_ASSIGN(const std::size_t count, reader.count(sizeof(double)));
  std::vector<double> numbers(count);
  for (double& number : numbers) {
    TRY_ASSIGN(number, reader.fixed<double>());
  }
  return numbers;
}

}  // namespace

Result<std::shared_ptr<const Featurizer>> Featurizer::create(const ExpensiveFeature& feature, Duration lateness,
                                                             std::shared_ptr<const ItemFactors> items) {
  if (std::holds_alternative<RidgeParameters>(feature.parameters)) return make_ridge_featurizer(feature, std::move(items));
  return make_forecast_featurizer(feature, lateness);
}

void encode_row(std::string& out, const ExpensiveRow& row) {
  const auto* forecast = std::get_if<Forecast>(&row.made);
  append_byte(out, forecast != nullptr ? kForecastRow : kVectorRow);
  encode_order(out, row.upto);
  append_zigzag(out, row.base);
  if (forecast == nullptr) return encode_numbers(out, std::get<std::vector<double>>(row.made));
  for (const double number : {forecast->level, forecast->slope, forecast->momentum, forecast->damping}) append_fixed(out, number);
  encode_numbers(out, forecast->seasonal);
}

Result<ExpensiveRow> decode_row(ByteReader& reader) {
  ExpensiveRow row;
  TRY_ASSIGN(const std::uint8_t kind, reader.byte());
  if (kind != kForecastRow && kind != kVectorRow) return damaged("an expensive row of a kind that this program does not know");
  TRY_ASSIGN(row.upto, decode_order(reader));
  TRY_ASSIGN(row.base, reader.zigzag());
  if (kind == kVectorRow) {
    TRY_ASSIGN(row.made, decode_numbers(reader));
    return row;
  }
  Forecast forecast;
  for (double* number : {&forecast.level, &forecast.slope, &forecast.momentum, &forecast.damping}) {
    TRY_ASSIGN(*number, reader.fixed<double>());
  }
  TRY_ASSIGN(forecast.seasonal, decode_numbers(reader));
  row.made = std::move(forecast);
  return row;
}

}  // namespace isobar::features
