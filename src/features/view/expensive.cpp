#include "features/expensive.h"

#include "forecast_featurizer.h"

namespace isobar::features {

namespace {

constexpr std::uint8_t kForecastRow = 1, kVectorRow = 2, kValueRow = 3;

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
                                                             FeaturizerResource resource) {
  if (std::holds_alternative<RidgeParameters>(feature.parameters)) return make_ridge_featurizer(feature, std::move(resource.items));
  if (const auto* outside = std::get_if<OutsideParameters>(&feature.parameters))
    return make_outside_featurizer(*outside, std::move(resource.outside));
  return make_forecast_featurizer(feature, lateness);
}

void encode_row(std::string& out, const ExpensiveRow& row) {
  const auto* forecast = std::get_if<Forecast>(&row.made);
  const auto* value = std::get_if<Value>(&row.made);
  append_byte(out, forecast != nullptr ? kForecastRow : value != nullptr ? kValueRow : kVectorRow);
  encode_order(out, row.upto);
  append_zigzag(out, row.base);
  if (value != nullptr) return append_value(out, *value);
  if (forecast == nullptr) return encode_numbers(out, std::get<std::vector<double>>(row.made));
  for (const double number : {forecast->level, forecast->slope, forecast->momentum, forecast->damping}) append_fixed(out, number);
  encode_numbers(out, forecast->seasonal);
}

Result<ExpensiveRow> decode_row(ByteReader& reader) {
  ExpensiveRow row;
  TRY_ASSIGN(const std::uint8_t kind, reader.byte());
  if (kind < kForecastRow || kind > kValueRow) return damaged("an expensive row of a kind that this program does not know");
  TRY_ASSIGN(row.upto, decode_order(reader));
  TRY_ASSIGN(row.base, reader.zigzag());
  if (kind == kValueRow) {
    TRY_ASSIGN(row.made, reader.value());
    return row;
  }
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
