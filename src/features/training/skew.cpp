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
  std::span<const SeenUpto> seen() const override { return served_[given_ - 1].seen; }

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
  Comparison(const RequestPlan& plan, bool as_served) : plan_(plan), numbers_(plan.outputs().size()) {
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
      const auto& output = plan.outputs()[i];
      report_.features.push_back(
          {.name = output.name, .feature = output.view + ":" + output.feature, .left_out = as_served && plan.scheduled(i)});
    }
  }

  void add(const ServedRow& served, std::span<const Answered> recomputed) {
    bool differs = false;
    for (std::size_t i = 0; i < recomputed.size(); ++i)
      if (!report_.features[i].left_out) differs |= compare(i, served, recomputed[i]);
    ++report_.rows;
    report_.differing_rows += differs ? 1 : 0;
  }
  SkewReport report() && {
    for (std::size_t i = 0; i < numbers_.size(); ++i)
      if (numbers_[i] > 0) report_.features[i].smape /= static_cast<double>(numbers_[i]);
    return std::move(report_);
  }

 private:
  bool same(std::size_t feature, const ServedRow& row, const Answered& recomputed) const {
    const Answered& served = row.answers[feature];
    if (served.status == FieldStatus::kInvalid && recomputed.status == FieldStatus::kInvalid) return true;
    if (served.status == FieldStatus::kNotFound && recomputed.status == FieldStatus::kOutsideMaxAge) {
      const auto view = plan_.project().find_view(plan_.outputs()[feature].view);
      const auto ttl = plan_.project().views()[*view].view().ttl;
      return ttl && row.at - recomputed.event_time > *ttl + ViewState::Options{}.remembered;
    }
    return served.value == recomputed.value && served.status == recomputed.status;
  }

  bool compare(std::size_t feature, const ServedRow& row, const Answered& recomputed) {
    const Answered& served = row.answers[feature];
    FeatureSkew& skew = report_.features[feature];
    ++skew.compared;
    if (const auto error = relative_error(served.value, recomputed.value)) {
      skew.smape += *error;
      ++numbers_[feature];
    }
    if (same(feature, row, recomputed)) return false;
    if (is_there(served) == is_there(recomputed)) ++skew.mismatches;
    else ++(is_there(served) ? skew.extra : skew.missing);
    if (skew.differing() <= SkewReport::kExamplesMost)
      report_.examples.push_back({skew.feature, key_of(feature, row), row.at, served, recomputed});
    return true;
  }

  std::string key_of(std::size_t feature, const ServedRow& row) const {
    std::string text;
    for (const auto& part : plan_.parts()) {
      if (plan_.project().views()[part.view].name() != plan_.outputs()[feature].view) continue;
      for (const std::size_t input : part.keys) text += (text.empty() ? "" : ":") + describe(row.inputs[input]);
    }
    return text;
  }

  const RequestPlan& plan_;
  SkewReport report_;
  std::vector<std::uint64_t> numbers_;  ///< of each feature, that are in its smape
};

}  // namespace

std::string describe(const SkewExample& example) {
  return fmt::format("at {} {} ({}) was served, and {} ({}) is recomputed", to_rfc3339(example.at), describe(example.served.value),
                     name_of(example.served.status), describe(example.recomputed.value), name_of(example.recomputed.status));
}

Result<SkewReport> measure_skew(const RequestPlan& plan, const std::vector<ServedRow>& served, const EventStream& events,
                                const JoinOptions& options) {
  for (std::size_t i = 0; i < served.size(); ++i)
    if (served[i].inputs.size() != plan.inputs().size() || served[i].answers.size() != plan.outputs().size())
      return invalid(fmt::format("row {} of what was served has {} inputs and {} answers; the features that are asked for have {} and {}",
                                 i + 1, served[i].inputs.size(), served[i].answers.size(), plan.inputs().size(), plan.outputs().size()));
  ServedRows rows(served);
  Comparison comparison(plan, options.as_served);
  std::size_t row = 0;
  TRY(join_as_of(plan, rows, events, options, [&](const Row&, std::span<const Answered> recomputed) -> Status {
    comparison.add(served[row++], recomputed);
    return {};
  }));
  return std::move(comparison).report();
}

}  // namespace isobar::features
