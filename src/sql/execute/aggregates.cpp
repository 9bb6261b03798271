// GROUP BY and aggregates: groups by their keys in a hash table, for each grouping set one.

#include <algorithm>

#include "compiler.h"

namespace isobar::sql::execute {
namespace {

/// One aggregate of a query.
struct AggregateEval {
  const lg::AggregateCall* call = nullptr;
  std::vector<EvalPtr> direct, args, order_values;
  EvalPtr filter;
  Cell* cell = nullptr;
  bool gathers = false;   ///< rows are kept, to be put in order or to find equal ones
  bool grows = false;     ///< its state grows with what it is given
  KeyOrder order, equal;  ///< of gathered rows
  std::vector<const Value*> values;
};

struct CallState {
  std::unique_ptr<AggregateState> state;
  std::unique_ptr<RowStore> rows;
};

/// The groups of one set.
struct GroupSet {
  std::vector<std::uint32_t> groups;
  std::unique_ptr<KeyTable> keys;
  std::vector<CallState> states;  ///< calls of the first group, then those of the second
  std::vector<const Value*> values;
  Value mask;
};

class AggregateOperator final : public Operator {
 public:
  AggregateOperator(Compiler& compiler, const ph::Aggregate& n)
      : context_(compiler.context()),
        aggregate_(n.aggregate),
        input_(compiler.node(*n.input)),
        groups_(compiler.exprs(n.aggregate.groups)) {
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const auto* column = std::get_if<lg::Column>(&aggregate_.groups[i]->node);
      group_cells_.push_back(context_.cell(column != nullptr ? column->id : ColumnId{aggregate_.relation, static_cast<std::uint32_t>(i)}));
    }
    for (std::size_t i = 0; i < aggregate_.calls.size(); ++i) add_call(compiler, i);
    results_.resize(calls_.size());
    mask_cell_ = context_.cell({aggregate_.relation, UINT32_MAX});
    auto sets = aggregate_.sets;
    if (sets.empty()) {
      sets.emplace_back();
      for (std::uint32_t i = 0; i < groups_.size(); ++i) sets[0].push_back(i);
    }
    for (auto& set : sets) add_set(std::move(set));
    group_values_.resize(groups_.size());
  }

  bool open() override {
    clear();
    if (!input_->open()) return false;
    while (input_->next())
      if (!take()) return false;
    input_->close();
    if (context_.failed()) return false;
    // Without keys there is one group, with rows or without.
    for (auto& set : sets_)
      if (set.groups.empty() && set.keys->size() == 0) {
        bool added = false;
        set.keys->find_or_add(nullptr, added);
        start(set);
      }
    return true;
  }
  bool next() override {
    while (at_set_ < sets_.size() && at_group_ >= sets_[at_set_].keys->size()) ++at_set_, at_group_ = 0;
    if (at_set_ >= sets_.size() || !context_.goes_on()) return false;
    auto& set = sets_[at_set_];
    for (auto* cell : group_cells_) *cell = &kNullValue;
    const Value* keys = set.keys->keys(static_cast<std::uint32_t>(at_group_));
    for (std::size_t i = 0; i < set.groups.size(); ++i) *group_cells_[set.groups[i]] = keys + i;
    *mask_cell_ = &set.mask;
    for (std::size_t i = 0; i < calls_.size(); ++i)
      if (!finish(calls_[i], set.states[at_group_ * calls_.size() + i], results_[i])) return false;
    for (std::size_t i = 0; i < calls_.size(); ++i) *calls_[i].cell = &results_[i];
    ++at_group_;
    return true;
  }
  void close() override { input_->close(), clear(); }

 private:
  void clear() {
    for (auto& set : sets_) set.keys->clear(), set.states.clear();
    context_.budget.give(grown_);
    grown_ = at_set_ = at_group_ = 0;
  }
  void add_set(std::vector<std::uint32_t> groups) {
    GroupSet set;
    std::vector<Type> types;
    for (const auto group : groups) types.push_back(aggregate_.groups[group]->type);
    std::string mask(aggregate_.groups.size(), '0');
    for (const auto group : groups) mask[group] = '1';
    set.mask.set(std::move(mask));
    set.keys = std::make_unique<KeyTable>(context_, std::move(types));
    set.values.resize(groups.size());
    set.groups = std::move(groups);
    sets_.push_back(std::move(set));
  }
  void add_call(Compiler& compiler, std::size_t place) {
    const auto& call = aggregate_.calls[place];
    AggregateEval made;
    made.call = &call;
    made.direct = compiler.exprs(call.direct), made.args = compiler.exprs(call.args), made.filter = compiler.expr(call.filter);
    made.cell = context_.cell({aggregate_.calls_relation, static_cast<std::uint32_t>(place)});
    const bool distinct = call.distinct && !call.function.aggregate->ignores_duplicates;
    made.gathers = distinct || !call.order.empty();
    const auto kind = call.function.result.kind;
    made.grows = kind == Kind::kArray || kind == Kind::kText || kind == Kind::kJson || kind == Kind::kJsonb || kind == Kind::kBytea;
    made.order = KeyOrder(call.order, call.args.size());
    for (const auto& key : call.order) made.order_values.push_back(compiler.expr(key.value));
    if (distinct)
      for (std::size_t i = 0; i < call.args.size(); ++i) {
        made.equal.keys.push_back({call.args[i]->type, false, false, i});
        made.order.keys.push_back(made.equal.keys.back());
      }
    made.values.resize(made.args.size());
    calls_.push_back(std::move(made));
  }
  void start(GroupSet& set) {
    for (const auto& one : calls_) {
      CallState made;
      if (one.gathers) made.rows = std::make_unique<RowStore>(context_, one.args.size() + one.order_values.size());
      else made.state = one.call->function.aggregate->start(one.call->function);
      set.states.push_back(std::move(made));
    }
  }
  bool take() {
    for (std::size_t i = 0; i < groups_.size(); ++i)
      if ((group_values_[i] = groups_[i]->run()) == nullptr) return false;
    targets_.clear();
    for (auto& set : sets_) {
      std::uint32_t place = 0;
      if (set.groups.empty() && set.keys->size() > 0) {
        targets_.push_back(set.states.data());
        continue;
      }
      for (std::size_t i = 0; i < set.groups.size(); ++i) set.values[i] = group_values_[set.groups[i]];
      bool added = false;
      place = set.keys->find_or_add(set.values.data(), added);
      if (place == KeyTable::kNone) return false;
      if (added) {
        start(set);
        grown_ += 64 * calls_.size();
        if (!context_.keep(64 * calls_.size())) return false;
      }
      targets_.push_back(set.states.data() + place * calls_.size());
    }
    for (std::size_t i = 0; i < calls_.size(); ++i)
      if (!step(calls_[i], i)) return false;
    return true;
  }
  bool step(AggregateEval& one, std::size_t place) {
    if (one.filter != nullptr) {
      const Truth wanted = one.filter->test();
      if (wanted != Truth::kTrue) return wanted != Truth::kError;
    }
    for (std::size_t i = 0; i < one.args.size(); ++i)
      if ((one.values[i] = one.args[i]->run()) == nullptr) return false;
    for (auto* states : targets_) {
      auto& into = states[place];
      if (one.gathers) {
        if (!gather(one, *into.rows)) return false;
        continue;
      }
      if (auto status = into.state->step(*context_.session, one.values); !status.ok()) return context_.fail(status.error());
      if (!one.grows) continue;
      std::size_t bytes = 0;
      for (const Value* value : one.values) bytes += bytes_of(*value);
      grown_ += bytes;
      if (!context_.keep(bytes)) return false;
    }
    return true;
  }
  bool gather(AggregateEval& one, RowStore& rows) {
    Value* row = rows.add();
    for (std::size_t i = 0; i < one.args.size(); ++i) row[i] = *one.values[i];
    for (std::size_t i = 0; i < one.order_values.size(); ++i) {
      const Value* value = one.order_values[i]->run();
      if (value == nullptr) return false;
      row[one.args.size() + i] = *value;
    }
    return rows.kept();
  }
  bool finish(AggregateEval& one, CallState& state, Value& result) {
    if (one.gathers && !step_gathered(one, state)) return false;
    std::vector<const Value*> direct;
    for (const auto& eval : one.direct) {
      const Value* value = eval->run();
      if (value == nullptr) return false;
      direct.push_back(value);
    }
    auto status = state.state->finish(*context_.session, direct, result);
    return status.ok() || context_.fail(status.error());
  }
  bool step_gathered(AggregateEval& one, CallState& state) {
    state.state = one.call->function.aggregate->start(one.call->function);
    std::vector<std::size_t> places(state.rows->size());
    for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
    const auto& rows = *state.rows;
    std::ranges::stable_sort(places, [&](std::size_t a, std::size_t b) { return one.order.compare(rows.row(a), rows.row(b)) < 0; });
    const Value* last = nullptr;
    for (const auto place : places) {
      const Value* row = rows.row(place);
      if (last != nullptr && !one.equal.keys.empty() && one.equal.compare(last, row) == 0) continue;
      last = row;
      for (std::size_t i = 0; i < one.args.size(); ++i) one.values[i] = row + i;
      if (auto status = state.state->step(*context_.session, one.values); !status.ok()) return context_.fail(status.error());
    }
    return true;
  }

  Context& context_;
  const lg::Aggregate& aggregate_;
  OperatorPtr input_;
  std::vector<EvalPtr> groups_;
  std::vector<Cell*> group_cells_;
  Cell* mask_cell_ = nullptr;
  std::vector<AggregateEval> calls_;
  std::vector<GroupSet> sets_;
  std::vector<const Value*> group_values_;
  std::vector<CallState*> targets_;
  std::vector<Value> results_;
  std::size_t at_set_ = 0, at_group_ = 0, grown_ = 0;
};

}  // namespace

OperatorPtr make_aggregate(Compiler& compiler, const ph::Aggregate& n) { return std::make_unique<AggregateOperator>(compiler, n); }

}  // namespace isobar::sql::execute
