#include <algorithm>
#include <deque>

#include "features/key_codec.h"
#include "features/ridge.h"
#include "forecast_featurizer.h"

namespace isobar::features {

namespace {

constexpr std::size_t kRatingsMost = 10'000;

class RatingsInput final : public ExpensiveInput {
 public:
  explicit RatingsInput(std::shared_ptr<const ItemFactors> items) : items_(std::move(items)) {}

  Added add(const EventOrder& order, std::span<const Value> inputs) override {
    const auto rating = finite_number(inputs[0]);
    if (!rating || inputs[1].is_null()) return {};
    std::string item;
    append_key_value(item, inputs[1]);
    ratings_.emplace_back(std::move(item), *rating);
    if (ratings_.size() > kRatingsMost) ratings_.pop_front();
    newest_ = std::max(newest_, order);
    return {.fresh = true, .known = {}};
  }
  void remove(const EventOrder&, std::span<const Value> inputs) override {
    const auto rating = finite_number(inputs[0]);
    if (!rating || inputs[1].is_null()) return;
    std::string item;
    append_key_value(item, inputs[1]);
    const auto at = std::ranges::find(ratings_, std::pair(item, *rating));
    if (at != ratings_.end()) ratings_.erase(at);
  }
  std::optional<ExpensiveWork> work(Instant) const override {
    ExpensiveWork work{.upto = newest_, .base = 0, .points = {}, .ratings = {}, .events = {}};
    for (const auto& [item, rating] : ratings_)
      if (const auto known = items_->find(item); known != items_->end()) work.ratings.emplace_back(&known->second, rating);
    return work.ratings.empty() ? std::nullopt : std::optional(std::move(work));
  }
  void encode(std::string& out) const override {
    encode_order(out, newest_);
    append_varint(out, ratings_.size());
    for (const auto& [item, rating] : ratings_) {
      append_varint(out, item.size());
      out += item;
      append_fixed(out, rating);
    }
  }
  Status decode(ByteReader& reader) override {
    TRY_ASSIGN(newest_, decode_order(reader));
    TRY_ASSIGN(const std::size_t ratings, reader.count(1 + sizeof(double)));
    for (std::size_t i = 0; i < ratings; ++i) {
      TRY_ASSIGN(const std::uint64_t bytes, reader.varint());
      TRY_ASSIGN(const std::string_view item, reader.take(bytes));
      TRY_ASSIGN(const double rating, reader.fixed<double>());
      ratings_.emplace_back(std::string(item), rating);
    }
    return {};
  }

 private:
  std::shared_ptr<const ItemFactors> items_;
  std::deque<std::pair<std::string, double>> ratings_;
  EventOrder newest_{};
};

class RidgeFeaturizer final : public Featurizer {
 public:
  RidgeFeaturizer(const RidgeParameters& parameters, std::shared_ptr<const ItemFactors> items)
      : dimensions_(static_cast<std::size_t>(parameters.factors)), ridge_(parameters.ridge), items_(std::move(items)) {}

  std::size_t inputs() const override { return 2; }
  std::unique_ptr<ExpensiveInput> input() const override { return std::make_unique<RatingsInput>(items_); }
  Result<ExpensiveRow> make(const ExpensiveWork& work) const override {
    RidgeSums sums(dimensions_);
    for (const auto& [factors, rating] : work.ratings) sums.add(*factors, rating);
    TRY_ASSIGN(auto vector, sums.solve(ridge_));
    return ExpensiveRow{work.upto, 0, std::move(vector)};
  }
  Value value(const ExpensiveRow& row, Instant) const override { return Value(List(std::get<std::vector<double>>(row.made))); }
  bool has(const ExpensiveRow&, std::int64_t) const override { return false; }
  std::optional<double> error(const ExpensiveRow&, std::int64_t, double, const ExpensiveInput&) const override { return std::nullopt; }

 private:
  std::size_t dimensions_;
  double ridge_;
  std::shared_ptr<const ItemFactors> items_;
};

}  // namespace

Result<std::shared_ptr<const Featurizer>> make_ridge_featurizer(const ExpensiveFeature& feature, std::shared_ptr<const ItemFactors> items) {
  const auto& parameters = std::get<RidgeParameters>(feature.parameters);
  if (items == nullptr) return invalid("the factors of the items, " + parameters.item_factors + ", are not loaded");
  return std::shared_ptr<const Featurizer>(std::make_shared<RidgeFeaturizer>(parameters, std::move(items)));
}

}  // namespace isobar::features
