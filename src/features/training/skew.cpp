#include "features/skew.h"

#include <fmt/format.h>

#include <cmath>

#include "features/timestamp.h"

namespace isobar::features {

namespace {

class ServedRows final : public EntityRows {
 public:
  explicit ServedRows(const std::vector<ServedRow>& served) : served_(served) {}
  Status restart() override {
    given_ = 0;
    return {};
  }
  Result<bool> next(Row& inputs, Instant& at) override {
    if (given_ == served_.size()) return false;
    inputs = served_[given_].inputs;
    at = served_[given_++].at;
    return true;
  }

 private:
  const std::vector<ServedRow>& served_;
  std::size_t given_ = 0;
};

bool is_there(const Answered& answer) { return answer.status == FieldStatus::kPresent || answer.status == FieldStatus::kInvalid; }

/// None: they are not numbers, or not finite.
std::optional<double> relative_error(const Value& a, const Value& b) {
  if (a.is_null() || b.is_null() || !a.type().is_number() || !b.type().is_number()) return std::nullopt;
  const auto number = [](const Value& value) {
    return value.type().is_float() ? value.as_float() : static_cast<double>(value.as_integer());
  };
  const double x = number(a), y = number(b);
  if (!std::isfinite(x) || !std::isfinite(y)) return std::nullopt;
  return x == y ? 0 : 2 * std::abs(x - y) / (std::abs(x) + std::abs(y));
}

class Comparison {
 public:
  explicit Comparison(const RequestPlan& plan) : numbers_(plan.outputs().size()) {
    for (const auto& output : plan.outputs()) report_.features.push_back({.name = output.name, .example = {}});
  }

  void add(const ServedRow& served, std::span<const Answered> recomputed) {
    bool differs = false;
    for (std::size_t i = 0; i < recomputed.size(); ++i) differs |= compare(i, served.at, served.answers[i], recomputed[i]);
    ++report_.rows;
    report_.differing_rows += differs ? 1 : 0;
  }
  SkewReport report() && {
    for (std::size_t i = 0; i < numbers_.size(); ++i)
      if (numbers_[i] > 0) report_.features[i].smape /= static_cast<double>(numbers_[i]);
    return std::move(report_);
  }

 private:
  bool compare(std::size_t feature, Instant at, const Answered& served, const Answered& recomputed) {
    FeatureSkew& skew = report_.features[feature];
    ++skew.compared;
    if (const auto error = relative_error(served.value, recomputed.value)) {
      skew.smape += *error;
      ++numbers_[feature];
    }
    if (served.value == recomputed.value && served.status == recomputed.status) return false;
    if (is_there(served) == is_there(recomputed)) ++skew.mismatches;
    else ++(is_there(served) ? skew.extra : skew.missing);
    if (skew.example.empty())
      skew.example = fmt::format("at {} {} ({}) was served, and {} ({}) is recomputed", to_rfc3339(at), describe(served.value),
                                 name_of(served.status), describe(recomputed.value), name_of(recomputed.status));
    return true;
  }

  SkewReport report_;
  std::vector<std::uint64_t> numbers_;  ///< of each feature, that are in its smape
};

}  // namespace

Result<SkewReport> measure_skew(const RequestPlan& plan, const std::vector<ServedRow>& served, const EventStream& events,
                                const JoinOptions& options) {
  for (std::size_t i = 0; i < served.size(); ++i)
    if (served[i].inputs.size() != plan.inputs().size() || served[i].answers.size() != plan.outputs().size())
      return invalid(fmt::format("row {} of what was served has {} inputs and {} answers; the features that are asked for have {} and {}",
                                 i + 1, served[i].inputs.size(), served[i].answers.size(), plan.inputs().size(), plan.outputs().size()));
  ServedRows rows(served);
  Comparison comparison(plan);
  std::size_t row = 0;
  TRY(join_as_of(plan, rows, events, options, [&](const Row&, std::span<const Answered> recomputed) -> Status {
    comparison.add(served[row++], recomputed);
    return {};
  }));
  return std::move(comparison).report();
}

}  // namespace isobar::features
