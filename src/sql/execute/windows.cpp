// Window functions. All rows are kept and put in the order of partitions and keys; then each partition is gone through once for each
// function.

#include <fmt/format.h>

#include <algorithm>

#include "compiler.h"

namespace isobar::sql::execute {
namespace {

using lg::Frame;

struct WindowEval {
  const lg::WindowCall* call = nullptr;
  std::vector<EvalPtr> args;
  EvalPtr filter;
  std::size_t first = 0;  ///< place of its arguments in a kept row; the filter's value is behind them
  Cell* cell = nullptr;
  std::vector<const Value*> values;
};

class WindowOperator final : public Operator {
 public:
  WindowOperator(Compiler& compiler, const ph::Window& n)
      : context_(compiler.context()), window_(n.window), input_(compiler.node(*n.input)), cells_(compiler.shown_cells(*n.input)) {
    std::size_t at = cells_.size();
    for (const auto& key : window_.partition) {
      partition_.keys.push_back({key->type, false, false, at++});
      extra_.push_back(compiler.expr(key));
    }
    peers_ = KeyOrder(window_.order, at);
    for (const auto& key : window_.order) extra_.push_back(compiler.expr(key.value)), ++at;
    order_ = partition_;
    order_.keys.insert(order_.keys.end(), peers_.keys.begin(), peers_.keys.end());
    for (std::size_t i = 0; i < window_.calls.size(); ++i) {
      const auto& call = window_.calls[i];
      WindowEval made;
      made.call = &call, made.first = at;
      made.cell = context_.cell({window_.relation, static_cast<std::uint32_t>(i)});
      for (const auto& arg : call.args) extra_.push_back(compiler.expr(arg)), ++at;
      if (call.filter != nullptr) extra_.push_back(compiler.expr(call.filter)), ++at;
      made.values.resize(call.args.size());
      calls_.push_back(std::move(made));
    }
    start_offset_ = compiler.expr(window_.frame.start_offset), end_offset_ = compiler.expr(window_.frame.end_offset);
    rows_ = std::make_unique<RowStore>(context_, at);
    results_ = std::make_unique<RowStore>(context_, calls_.size());
  }

  bool open() override {
    rows_->clear(), results_->clear(), places_.clear();
    at_ = partition_end_ = 0;
    if (!input_->open()) return false;
    while (input_->next())
      if (!keep()) return false;
    input_->close();
    if (context_.failed() || !offsets()) return false;
    std::ranges::stable_sort(places_, [&](std::size_t a, std::size_t b) { return order_.compare(rows_->row(a), rows_->row(b)) < 0; });
    for (std::size_t i = 0; i < places_.size(); ++i) results_->add();
    return true;
  }
  bool next() override {
    if (at_ >= places_.size() || !context_.goes_on()) return false;
    if (at_ == partition_end_ && !partition()) return false;
    rows_->show(places_[at_], cells_);
    for (std::size_t i = 0; i < calls_.size(); ++i) *calls_[i].cell = results_->row(at_) + i;
    ++at_;
    return true;
  }
  void close() override { input_->close(), rows_->clear(), results_->clear(), places_.clear(), at_ = partition_end_ = 0; }

 private:
  const Value* row(std::size_t place) const { return rows_->row(places_[place]); }
  bool keep() {
    Value* into = rows_->add();
    for (std::size_t i = 0; i < cells_.size(); ++i) into[i] = **cells_[i];
    for (std::size_t i = 0; i < extra_.size(); ++i) {
      const Value* value = extra_[i]->run();
      if (value == nullptr) return false;
      into[cells_.size() + i] = *value;
    }
    places_.push_back(rows_->size() - 1);
    return rows_->kept();
  }
  /// The offsets of the frame are the same for all rows.
  bool offsets() {
    for (const auto& [eval, into, what] :
         {std::tuple{&start_offset_, &start_value_, "starting"}, std::tuple{&end_offset_, &end_value_, "ending"}}) {
      if (*eval == nullptr) continue;
      const Value* value = (*eval)->run();
      if (value == nullptr) return false;
      if (value->is_null())
        return context_.fail(SqlError(state::kNullValueNotAllowed, fmt::format("frame {} offset must not be null", what)));
      *into = *value;
      const bool integer = std::holds_alternative<std::int64_t>(value->held()), real = std::holds_alternative<double>(value->held());
      const bool negative = (integer && value->integer() < 0) || (real && value->real() < 0);
      if (negative && window_.frame.unit == Frame::Unit::kRange)
        return context_.fail(SqlError("22013", "invalid preceding or following size in window function"));
      if (negative) return context_.fail(SqlError("22013", fmt::format("frame {} offset must not be negative", what)));
    }
    return true;
  }
  bool partition() {
    begin_ = at_;
    std::size_t end = at_ + 1;
    while (end < places_.size() && partition_.compare(row(begin_), row(end)) == 0) ++end;
    partition_end_ = end;
    groups_.assign(1, begin_);
    group_of_.clear();
    for (std::size_t i = begin_; i < end; ++i) {
      if (i > begin_ && peers_.compare(row(i - 1), row(i)) != 0) groups_.push_back(i);
      group_of_.push_back(groups_.size() - 1);
    }
    groups_.push_back(end);
    for (std::size_t i = 0; i < calls_.size(); ++i)
      if (!compute(calls_[i], i)) return false;
    return true;
  }
  std::size_t group(std::size_t at) const { return group_of_[at - begin_]; }
  std::size_t group_start(std::size_t at) const { return groups_[group(at)]; }
  std::size_t group_end(std::size_t at) const { return groups_[group(at) + 1]; }
  Value& result(std::size_t at, std::size_t call) { return results_->row(at)[call]; }

  bool compute(WindowEval& one, std::size_t call) {
    if (const auto* aggregate = std::get_if<BoundAggregate>(&one.call->function)) return aggregate_over(one, *aggregate, call);
    const auto kind = std::get<BoundWindow>(one.call->function).function->kind;
    switch (kind) {
      case WindowKind::kLag:
      case WindowKind::kLead: return shifted(one, call, kind == WindowKind::kLead);
      case WindowKind::kFirstValue:
      case WindowKind::kLastValue:
      case WindowKind::kNthValue: return of_frame(one, call, kind);
      case WindowKind::kNtile: return tiles(one, call);
      default: break;
    }
    const auto size = static_cast<double>(partition_end_ - begin_);
    for (std::size_t at = begin_; at < partition_end_; ++at) {
      const auto rank = static_cast<std::int64_t>(group_start(at) - begin_ + 1);
      auto& into = result(at, call);
      if (kind == WindowKind::kRowNumber) into.set(static_cast<std::int64_t>(at - begin_ + 1));
      else if (kind == WindowKind::kRank) into.set(rank);
      else if (kind == WindowKind::kDenseRank) into.set(static_cast<std::int64_t>(group(at) + 1));
      else if (kind == WindowKind::kPercentRank) into.set(size <= 1 ? 0.0 : static_cast<double>(rank - 1) / (size - 1));
      else into.set(static_cast<double>(group_end(at) - begin_) / size);
    }
    return true;
  }
  bool tiles(WindowEval& one, std::size_t call) {
    const Value& count = row(begin_)[one.first];
    if (count.is_null()) return true;
    if (count.integer() <= 0) return context_.fail(SqlError("22014", "argument of ntile must be greater than zero"));
    const auto tiles = count.integer();
    const auto size = static_cast<std::int64_t>(partition_end_ - begin_);
    const std::int64_t small = size / tiles, larger = size % tiles;
    for (std::int64_t i = 0; i < size; ++i) {
      const std::int64_t in_larger = larger * (small + 1);
      const std::int64_t tile = i < in_larger ? i / (small + 1) : larger + (small == 0 ? 0 : (i - in_larger) / small);
      result(begin_ + static_cast<std::size_t>(i), call).set(tile + 1);
    }
    return true;
  }
  bool shifted(WindowEval& one, std::size_t call, bool forward) {
    const std::size_t args = one.call->args.size();
    for (std::size_t at = begin_; at < partition_end_; ++at) {
      const Value* from = row(at) + one.first;
      std::int64_t by = 1;
      if (args > 1) {
        if (from[1].is_null()) continue;
        by = from[1].integer();
      }
      const auto target = static_cast<std::int64_t>(at) + (forward ? by : -by);
      const bool inside = target >= static_cast<std::int64_t>(begin_) && target < static_cast<std::int64_t>(partition_end_);
      if (inside) result(at, call) = row(static_cast<std::size_t>(target))[one.first];
      else if (args > 2) result(at, call) = from[2];
    }
    return true;
  }

  struct Range {
    std::size_t begin, end;
  };
  /// The first row whose key is not before the edge, or, past it, the first that is after.
  std::size_t find_edge(const Value& edge, bool past) const {
    const auto& key = peers_.keys[0];
    std::size_t low = begin_, high = partition_end_;
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      const int order = KeyOrder::compare_by(key, row(middle)[key.place], edge);
      if (order < 0 || (past && order == 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
  /// The edge of a RANGE frame with an offset: the row's key minus, or plus, it.
  bool range_edge(std::size_t at, const Value& offset, bool preceding, bool is_start, std::size_t& into) {
    const auto& key = peers_.keys[0];
    const Value& value = row(at)[key.place];
    if (value.is_null()) return into = is_start ? group_start(at) : group_end(at), true;
    const auto& function = preceding != key.descending ? window_.frame.minus : window_.frame.plus;
    const Value* const args[] = {&value, &offset};
    Value edge;
    if (auto status = call(function, *context_.session, args, edge); !status.ok()) {
      // Beyond what the type can hold everything is inside.
      if (status.error().sqlstate() != state::kNumericValueOutOfRange) return context_.fail(status.error());
      return into = preceding ? begin_ : partition_end_, true;
    }
    into = find_edge(edge, !is_start);
    return true;
  }
  std::size_t shifted_rows(std::size_t at, const Value& offset, bool preceding) const {
    const auto by = offset.integer();
    const auto from = static_cast<std::int64_t>(at), first = static_cast<std::int64_t>(begin_),
               last = static_cast<std::int64_t>(partition_end_);
    if (preceding) return static_cast<std::size_t>(by > from - first ? first : from - by);
    return static_cast<std::size_t>(by > last - from ? last : from + by);
  }
  std::size_t shifted_groups(std::size_t at, const Value& offset, bool preceding, bool is_start) const {
    const auto here = static_cast<std::int64_t>(group(at)), count = static_cast<std::int64_t>(groups_.size() - 1);
    const auto by = std::min(offset.integer(), count + 1);
    const std::int64_t target = preceding ? here - by : here + by;
    if (target < 0) return begin_;
    if (target >= count) return partition_end_;
    return groups_[static_cast<std::size_t>(target + (is_start ? 0 : 1))];
  }
  bool edge(std::size_t at, Frame::Edge kind, const Value& offset, bool is_start, std::size_t& into) {
    const auto unit = window_.frame.unit;
    switch (kind) {
      case Frame::Edge::kUnboundedPreceding: return into = begin_, true;
      case Frame::Edge::kUnboundedFollowing: return into = partition_end_, true;
      case Frame::Edge::kCurrentRow:
        into = unit == Frame::Unit::kRows ? (is_start ? at : at + 1) : (is_start ? group_start(at) : group_end(at));
        return true;
      default: break;
    }
    const bool preceding = kind == Frame::Edge::kPreceding;
    if (unit == Frame::Unit::kRange) return range_edge(at, offset, preceding, is_start, into);
    if (unit == Frame::Unit::kGroups) return into = shifted_groups(at, offset, preceding, is_start), true;
    into = shifted_rows(at, offset, preceding);
    if (!is_start) {
      const bool before_all = preceding && offset.integer() > static_cast<std::int64_t>(at - begin_);
      into = before_all ? begin_ : std::min(into + 1, partition_end_);
    }
    return true;
  }
  bool frame(std::size_t at, Range& into) {
    if (!edge(at, window_.frame.start, start_value_, true, into.begin) || !edge(at, window_.frame.end, end_value_, false, into.end))
      return false;
    into.end = std::max(into.begin, into.end);
    return true;
  }
  bool excluded(std::size_t at, std::size_t other) const {
    switch (window_.frame.exclude) {
      case Frame::Exclude::kNothing: return false;
      case Frame::Exclude::kCurrentRow: return at == other;
      case Frame::Exclude::kGroup: return group(at) == group(other);
      default: return group(at) == group(other) && at != other;
    }
  }

  bool of_frame(WindowEval& one, std::size_t call, WindowKind kind) {
    for (std::size_t at = begin_; at < partition_end_; ++at) {
      Range range{};
      if (!frame(at, range)) return false;
      std::int64_t nth = 1;
      if (kind == WindowKind::kNthValue) {
        const Value& count = row(at)[one.first + 1];
        if (count.is_null()) continue;
        nth = count.integer();
        if (nth <= 0) return context_.fail(SqlError("22016", "argument of nth_value must be greater than zero"));
      }
      const bool last = kind == WindowKind::kLastValue;
      for (std::size_t i = 0; i < range.end - range.begin; ++i) {
        const std::size_t other = last ? range.end - 1 - i : range.begin + i;
        if (excluded(at, other) || --nth > 0) continue;
        result(at, call) = row(other)[one.first];
        break;
      }
    }
    return true;
  }

  bool step(WindowEval& one, AggregateState& state, std::size_t at) {
    const Value* from = row(at) + one.first;
    const std::size_t args = one.call->args.size();
    if (one.call->filter != nullptr && (from[args].is_null() || !from[args].boolean())) return true;
    for (std::size_t i = 0; i < args; ++i) one.values[i] = from + i;
    auto status = state.step(*context_.session, one.values);
    return status.ok() || context_.fail(status.error());
  }
  /// A frame that begins where the last one did goes on from its state; another one is summed up anew.
  bool aggregate_over(WindowEval& one, const BoundAggregate& aggregate, std::size_t call) {
    std::unique_ptr<AggregateState> state;
    Range done{begin_, begin_};
    const bool whole = window_.frame.exclude == Frame::Exclude::kNothing;
    for (std::size_t at = begin_; at < partition_end_; ++at) {
      Range range{};
      if (!frame(at, range) || !context_.goes_on()) return false;
      const bool on = state != nullptr && whole && range.begin == done.begin && range.end >= done.end;
      if (on && range.end == done.end && at > begin_) {
        result(at, call) = result(at - 1, call);
        continue;
      }
      if (!on) state = aggregate.aggregate->start(aggregate), done = {range.begin, range.begin};
      for (std::size_t other = done.end; other < range.end; ++other)
        if ((whole || !excluded(at, other)) && !step(one, *state, other)) return false;
      done = range;
      if (auto status = state->finish(*context_.session, {}, result(at, call)); !status.ok()) return context_.fail(status.error());
    }
    return true;
  }

  Context& context_;
  const lg::Window& window_;
  OperatorPtr input_;
  std::vector<Cell*> cells_;
  std::vector<EvalPtr> extra_;
  KeyOrder partition_, peers_, order_;
  std::vector<WindowEval> calls_;
  EvalPtr start_offset_, end_offset_;
  Value start_value_, end_value_;
  std::unique_ptr<RowStore> rows_, results_;
  std::vector<std::size_t> places_, groups_, group_of_;
  std::size_t at_ = 0, begin_ = 0, partition_end_ = 0;
};

}  // namespace

OperatorPtr make_window(Compiler& compiler, const ph::Window& n) { return std::make_unique<WindowOperator>(compiler, n); }

}  // namespace isobar::sql::execute
