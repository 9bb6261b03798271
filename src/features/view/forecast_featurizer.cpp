#include "forecast_featurizer.h"

#include <cmath>

#include "step_series.h"

namespace isobar::features {

std::optional<double> finite_number(const Value& value) {
  if (value.is_null() || !value.type().is_number()) return std::nullopt;
  const double number = value.type().is_integer() ? static_cast<double>(value.as_integer()) : value.as_float();
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

namespace {

class SeriesInput final : public ExpensiveInput {
 public:
  explicit SeriesInput(const StepSeries::Shape& shape) : shape_(shape) {}

  Added add(const EventOrder& order, std::span<const Value> inputs) override {
    const auto number = finite_number(inputs[0]);
    if (!number) return {};
    const auto ended = series_.add(shape_, order, *number);
    Added added;
    if (!ended) return added;
    added.fresh = true;
    added.known = std::pair(ended->step, ended->mean);
    return added;
  }
  void remove(const EventOrder& order, std::span<const Value> inputs) override {
    if (const auto number = finite_number(inputs[0])) series_.remove(shape_, order.time, *number);
  }
  std::optional<ExpensiveWork> work(Instant at) const override {
    auto points = series_.points(shape_, at);
    if (!points) return std::nullopt;
    return ExpensiveWork{.upto = series_.newest(), .base = points->base, .points = std::move(points->values), .ratings = {}, .events = {}};
  }
  /// The mean |step| of what a forecast made now would know.
  double scale(Instant at) const {
    const auto points = series_.points(shape_, at);
    if (!points || points->values.size() < 2) return 0;
    double sum = 0;
    for (std::size_t i = 1; i < points->values.size(); ++i) sum += std::abs(points->values[i] - points->values[i - 1]);
    return sum / static_cast<double>(points->values.size() - 1);
  }
  Instant newest() const { return series_.newest().time; }
  void encode(std::string& out) const override { series_.encode(out); }
  Status decode(ByteReader& reader) override {
    TRY_ASSIGN(series_, StepSeries::decode(reader));
    return {};
  }

 private:
  StepSeries::Shape shape_;
  StepSeries series_;
};

class ForecastFeaturizer final : public Featurizer {
 public:
  ForecastFeaturizer(std::unique_ptr<Forecaster> forecaster, StepSeries::Shape shape, int horizon, Loss loss)
      : forecaster_(std::move(forecaster)), shape_(shape), horizon_(horizon), loss_(loss) {}

  std::size_t inputs() const override { return 1; }
  std::unique_ptr<ExpensiveInput> input() const override { return std::make_unique<SeriesInput>(shape_); }
  Result<ExpensiveRow> make(const ExpensiveWork& work) const override {
    TRY_ASSIGN(Forecast forecast, forecaster_->fit(work.points));
    return ExpensiveRow{work.upto, work.base, std::move(forecast)};
  }
  Value value(const ExpensiveRow& row, Instant at) const override {
    const auto& forecast = std::get<Forecast>(row.made);
    const auto ahead = static_cast<std::size_t>(std::max<std::int64_t>(1, shape_.step_of(at) - row.base));
    std::vector<double> steps;
    for (int i = 0; i < horizon_; ++i) steps.push_back(forecast.at(ahead + static_cast<std::size_t>(i)));
    return Value(List(std::move(steps)));
  }
  bool has(const ExpensiveRow& row, std::int64_t step) const override { return step <= row.base; }
  std::optional<double> error(const ExpensiveRow& row, std::int64_t step, double value, const ExpensiveInput& input) const override {
    if (step <= row.base) return std::nullopt;
    const double foretold = std::get<Forecast>(row.made).at(static_cast<std::size_t>(step - row.base));
    const auto& series = dynamic_cast<const SeriesInput&>(input);
    const auto error = loss_of(loss_, value, foretold, loss_ == Loss::kScaled ? series.scale(series.newest()) : 1);
    return error.ok() ? std::optional(*error) : std::nullopt;
  }

 private:
  std::unique_ptr<Forecaster> forecaster_;
  StepSeries::Shape shape_;
  int horizon_;
  Loss loss_;
};

}  // namespace

Result<std::shared_ptr<const Featurizer>> make_forecast_featurizer(const ExpensiveFeature& feature, Duration lateness) {
  const auto& parameters = std::get<ForecastParameters>(feature.parameters);
  const auto window = static_cast<std::size_t>(parameters.window);
  TRY_ASSIGN(auto forecaster, make_forecaster(feature.featurizer, window, parameters.period));
  const StepSeries::Shape shape{parameters.step.count(), window, static_cast<std::size_t>(lateness / parameters.step) + 1};
  return std::shared_ptr<const Featurizer>(
      std::make_shared<ForecastFeaturizer>(std::move(forecaster), shape, parameters.horizon, feature.schedule.loss));
}

}  // namespace isobar::features
