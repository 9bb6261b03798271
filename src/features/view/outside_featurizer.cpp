// What code of the user's makes of a key's newest events: the events are kept here, the making is features/outside.h.

#include <algorithm>
#include <deque>

#include "forecast_featurizer.h"

namespace isobar::features {

namespace {

/// The newest events of a key, in their order.
class EventsInput final : public ExpensiveInput {
 public:
  EventsInput(std::size_t window, std::size_t columns) : window_(window), columns_(columns) {}

  Added add(const EventOrder& order, std::span<const Value> inputs) override {
    const auto at = std::ranges::upper_bound(events_, order, {}, &Kept::first);
    // A late one, older than all of a full window, is not in it.
    if (events_.size() == window_ && at == events_.begin()) return {};
    events_.insert(at, {order, Row(inputs.begin(), inputs.end())});
    if (events_.size() > window_) events_.pop_front();
    newest_ = std::max(newest_, order);
    return {.fresh = true, .known = {}};
  }
  void remove(const EventOrder& order, std::span<const Value>) override {
    const auto at = std::ranges::find(events_, order, &Kept::first);
    if (at != events_.end()) events_.erase(at);
  }
  std::optional<ExpensiveWork> work(Instant) const override {
    if (events_.empty()) return std::nullopt;
    ExpensiveWork work{.upto = newest_, .base = 0, .points = {}, .ratings = {}, .events = {}};
    for (const auto& [order, inputs] : events_) work.events.push_back(inputs);
    return work;
  }
  void encode(std::string& out) const override {
    encode_order(out, newest_);
    append_varint(out, events_.size());
    for (const auto& [order, inputs] : events_) {
      encode_order(out, order);
      for (const Value& value : inputs) append_value(out, value);
    }
  }
  Status decode(ByteReader& reader) override {
    TRY_ASSIGN(newest_, decode_order(reader));
    TRY_ASSIGN(const std::size_t events, reader.count(columns_));
    for (std::size_t i = 0; i < events; ++i) {
      auto& [order, inputs] = events_.emplace_back();
      TRY_ASSIGN(order, decode_order(reader));
      for (std::size_t column = 0; column < columns_; ++column) {
        TRY_ASSIGN(inputs.emplace_back(), reader.value());
      }
    }
    return {};
  }

 private:
  using Kept = std::pair<EventOrder, Row>;
  std::size_t window_, columns_;
  std::deque<Kept> events_;
  EventOrder newest_{};
};

class MadeElsewhere final : public Featurizer {
 public:
  MadeElsewhere(const OutsideParameters& parameters, std::shared_ptr<OutsideFeaturizer> maker)
      : window_(static_cast<std::size_t>(parameters.window)), columns_(parameters.of.size()), maker_(std::move(maker)) {}

  std::size_t inputs() const override { return columns_; }
  std::unique_ptr<ExpensiveInput> input() const override { return std::make_unique<EventsInput>(window_, columns_); }
  Result<ExpensiveRow> make(const ExpensiveWork& work) const override {
    if (!maker_) return unavailable("what makes it may not be run here");
    const std::span<const Row> events(work.events);
    TRY_ASSIGN(MadeOutside made, maker_->make({&events, 1}, {}));
    TRY_ASSIGN(Value value, std::move(made.values.front()));
    return ExpensiveRow{work.upto, 0, std::move(value)};
  }
  OutsideFeaturizer* outside() const override { return maker_.get(); }
  bool is_outside() const override { return true; }
  Value value(const ExpensiveRow& row, Instant) const override { return std::get<Value>(row.made); }
  bool has(const ExpensiveRow&, std::int64_t) const override { return false; }
  std::optional<double> error(const ExpensiveRow&, std::int64_t, double, const ExpensiveInput&) const override { return std::nullopt; }

 private:
  std::size_t window_, columns_;
  std::shared_ptr<OutsideFeaturizer> maker_;
};

}  // namespace

Result<std::shared_ptr<const Featurizer>> make_outside_featurizer(const OutsideParameters& parameters,
                                                                  std::shared_ptr<OutsideFeaturizer> maker) {
  return std::shared_ptr<const Featurizer>(std::make_shared<MadeElsewhere>(parameters, std::move(maker)));
}

}  // namespace isobar::features
