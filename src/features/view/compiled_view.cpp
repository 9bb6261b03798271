#include "features/compiled_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "features/key_codec.h"

namespace isobar::features {

namespace {

bool same(const AggregateSpec& a, const AggregateSpec& b) {
  const auto all = [](const AggregateSpec& s) {
    return std::tie(s.function, s.argument, s.quantiles, s.k, s.bounds, s.half_life, s.precision);
  };
  return all(a) == all(b);
}

bool same(const Window& a, const Window& b) {
  const auto all = [](const Window& w) { return std::tie(w.kind, w.size, w.slide, w.hop, w.exact); };
  return all(a) == all(b);
}

/// The place of the one that is the same, which is put there if there is none.
template <class T>
std::size_t place_of(std::vector<T>& among, const T& wanted) {
  const auto at = std::ranges::find_if(among, [&](const T& one) { return same(one, wanted); });
  if (at != among.end()) return static_cast<std::size_t>(at - among.begin());
  among.push_back(wanted);
  return among.size() - 1;
}

}  // namespace

Result<CompiledView> CompiledView::create(const Definition& definition, const View& view) {
  CompiledView compiled;
  compiled.view_ = view;
  const Schema source = source_schema(definition, view);
  for (const auto& name : view.sources) compiled.lateness_ = std::max(compiled.lateness_, definition.find_source(name)->lateness);
  TRY(compiled.compile_keys(definition, source));
  if (!view.where.empty()) {
    TRY_ASSIGN(compiled.where_, Expression::compile_condition(view.where, source).context(view.name + ": where"));
  }
  for (const auto& feature : view.features) TRY(compiled.compile_feature(source, feature).context(view.name + ":" + feature.name));
  compiled.place_readings();
  return compiled;
}

Status CompiledView::compile_keys(const Definition& definition, const Schema& source) {
  for (const auto& entity : view_.entities)
    for (const auto& key : definition.find_entity(entity)->keys) {
      keys_.push_back(key);
      key_types_.push_back(key.type);
      if (view_.sources.empty()) continue;
      TRY_ASSIGN(const std::size_t place, source.require(key.name).context(view_.name));
      key_places_.push_back(place);
    }
  return {};
}

Status CompiledView::compile_feature(const Schema& source, const Feature& feature) {
  if (std::holds_alternative<OnDemandFeature>(feature.made_by)) return {};
  const std::size_t stored = stored_.size();
  stored_.push_back({feature.name, feature.type});
  if (const auto* aggregate = std::get_if<AggregateFeature>(&feature.made_by)) return compile_aggregate(source, *aggregate, stored);
  if (const auto* expensive = std::get_if<ExpensiveFeature>(&feature.made_by)) return compile_expensive(source, *expensive, stored);
  return compile_newest(source, feature, stored);
}

Status CompiledView::compile_newest(const Schema& source, const Feature& feature, std::size_t stored) {
  Giver giver{.what = view_.name + ":" + feature.name};
  if (const auto* column = std::get_if<ColumnFeature>(&feature.made_by)) {
    TRY_ASSIGN(giver.column, source.require(column->column));
  } else {
    TRY_ASSIGN(giver.expression, Expression::compile(std::get<ExpressionFeature>(feature.made_by).sql, source));
  }
  newest_.push_back(std::move(giver));
  newest_features_.push_back(stored);
  return {};
}

Result<std::size_t> CompiledView::argument_of(const Schema& source, const std::string& sql) {
  const auto known = std::ranges::find_if(arguments_, [&](const Giver& giver) { return giver.expression->text() == sql; });
  if (known != arguments_.end()) return static_cast<std::size_t>(known - arguments_.begin());
  TRY_ASSIGN(Expression expression, Expression::compile(sql, source));
  argument_types_.push_back(expression.type());
  arguments_.push_back({fmt::format("{}: {}", view_.name, sql), 0, std::move(expression)});
  return arguments_.size() - 1;
}

Status CompiledView::compile_aggregate(const Schema& source, const AggregateFeature& aggregate, std::size_t stored) {
  AggregateSpec spec = aggregate.spec;
  spec.argument.reset();
  if (!aggregate.of.empty()) {
    TRY_ASSIGN(spec.argument, argument_of(source, aggregate.of));
  }
  wanted_.push_back({stored, place_of(aggregates_, spec), place_of(windows_, aggregate.window)});
  return {};
}

Status CompiledView::compile_expensive(const Schema& source, const ExpensiveFeature& expensive, std::size_t stored) {
  expensive_.push_back({stored, inputs_.size(), expensive});
  const std::string what = view_.name + ":" + stored_[stored].name;
  const auto* outside = std::get_if<OutsideParameters>(&expensive.parameters);
  for (const std::string& of : outside != nullptr ? outside->of : std::vector<std::string>{expensive.of}) {
    TRY_ASSIGN(Expression value, Expression::compile(of, source));
    inputs_.push_back({what, 0, std::move(value)});
  }
  if (const auto* ridge = std::get_if<RidgeParameters>(&expensive.parameters)) {
    TRY_ASSIGN(Expression item, Expression::compile(ridge->item, source));
    inputs_.push_back({what, 0, std::move(item)});
  }
  return {};
}

void CompiledView::place_readings() {
  for (const auto& wanted : wanted_) windowed_features_.push_back({wanted.stored, wanted.window * aggregates_.size() + wanted.aggregate});
}

Row CompiledView::evaluate(const std::vector<Giver>& givers, const Row& event, std::string& problem) {
  Row values;
  values.reserve(givers.size());
  for (const auto& giver : givers) {
    if (!giver.expression) {
      values.push_back(event[giver.column]);
      continue;
    }
    auto value = giver.expression->evaluate(event);
    if (!value && problem.empty()) problem = fmt::format("{}: {}", giver.what, value.error().message());
    values.push_back(value ? std::move(*value) : Value());
  }
  return values;
}

Result<std::optional<Contribution>> CompiledView::contribution(const Row& event) const {
  if (where_) {
    const auto counts = where_->holds(event);
    if (!counts.ok()) return counts.error().context(view_.name + ": where");
    if (!*counts) return std::optional<Contribution>();
  }
  Contribution gives;
  Row keys;
  keys.reserve(key_places_.size());
  for (const std::size_t place : key_places_) keys.push_back(event[place]);
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (keys[i].is_null()) return invalid(fmt::format("{}: the key '{}' is null", view_.name, keys_[i].name));
  TRY_ASSIGN(gives.key, key_bytes(keys));
  gives.newest = evaluate(newest_, event, gives.problem);
  gives.arguments = evaluate(arguments_, event, gives.problem);
  gives.inputs = evaluate(inputs_, event, gives.problem);
  return std::optional(std::move(gives));
}

Result<std::string> CompiledView::key_bytes(std::span<const Value> values) const {
  auto key = encode_key(key_types_, values);
  if (!key.ok()) return key.error().context(view_.name);
  return key;
}

}  // namespace isobar::features
