// The canonical form: every field that is not what it would be if left out, in one order, each value written in one way.

#include "canonical.h"

#include <fmt/format.h>

#include "base/text.h"
#include "features/policy.h"
#include "reading.h"

namespace isobar::features {

namespace {

YamlNode map_node() { return {.kind = YamlNode::Kind::kMap}; }
YamlNode plain(std::string text) { return {.text = std::move(text), .plain = true}; }

void put(YamlNode& map, std::string key, YamlNode value) { map.fields.push_back({yaml_string(std::move(key)), std::move(value)}); }
void put(YamlNode& map, std::string key, std::string value) { put(map, std::move(key), yaml_string(std::move(value))); }
void put_text(YamlNode& map, std::string key, const std::string& text) {
  if (!text.empty()) put(map, std::move(key), text);
}
void put_true(YamlNode& map, std::string key, bool holds) {
  if (holds) put(map, std::move(key), plain("true"));
}
void put_texts(YamlNode& map, std::string key, const std::vector<std::string>& texts) {
  YamlNode list{.kind = YamlNode::Kind::kSequence};
  for (const auto& text : texts) list.items.push_back(yaml_string(text));
  if (!texts.empty()) put(map, std::move(key), std::move(list));
}
void put_numbers(YamlNode& map, std::string key, const std::vector<double>& numbers) {
  YamlNode list{.kind = YamlNode::Kind::kSequence};
  for (const double number : numbers) list.items.push_back(plain(number_text(number)));
  put(map, std::move(key), std::move(list));
}
void put_columns(YamlNode& map, std::string key, const std::vector<Column>& columns) {
  YamlNode types = map_node();
  for (const auto& column : columns) put(types, column.name, name_of(column.type));
  put(map, std::move(key), std::move(types));
}
void put_labels(YamlNode& map, const Labels& labels) {
  put_text(map, "description", labels.description);
  put_text(map, "owner", labels.owner);
  YamlNode tags = map_node();
  for (const auto& [name, value] : labels.tags) put(tags, name, value);
  if (!labels.tags.empty()) put(map, "tags", std::move(tags));
}

void put_parameters(YamlNode& map, const AggregateSpec& spec) {
  switch (spec.function) {
    case AggregateFunction::kQuantiles: return put_numbers(map, "quantiles", spec.quantiles);
    case AggregateFunction::kTopK: return put(map, "k", plain(fmt::format("{}", spec.k)));
    case AggregateFunction::kHistogram: return put_numbers(map, "bounds", spec.bounds);
    case AggregateFunction::kDecayedSum:
    case AggregateFunction::kDecayedCount: return put(map, "half_life", duration_text(spec.half_life));
    case AggregateFunction::kDistinct: return put(map, "precision", plain(fmt::format("{}", spec.precision)));
    default: return;
  }
}

std::string window_kind(WindowKind kind) {
  if (kind == WindowKind::kTumbling) return "tumbling";
  return kind == WindowKind::kHopping ? "hopping" : "";
}

std::string budget_text(const Budget& budget) {
  if (budget.per_second == std::numeric_limits<double>::infinity()) return "unlimited";
  return number_text(budget.per_second) + (budget.unit == CostUnit::kCpuSeconds ? " cpu" : "/s");
}

YamlNode schedule_tree(const Schedule& schedule) {
  YamlNode tree = map_node();
  put(tree, "policy", schedule.policy);
  put(tree, "floor_per_hour", plain(number_text(schedule.floor_per_hour)));
  put_true(tree, "cold_first", schedule.cold_first);
  if (schedule.max_staleness) put(tree, "max_staleness", duration_text(*schedule.max_staleness));
  put(tree, "budget", budget_text(schedule.budget));
  put(tree, "burst", plain(number_text(schedule.budget.burst)));
  put(tree, "loss", loss_names().at(static_cast<std::size_t>(schedule.loss)));
  return tree;
}

/// The fields of what a feature is made of.
struct PutMaking {
  YamlNode& tree;
  void operator()(const ColumnFeature& column) const { put(tree, "column", column.column); }
  void operator()(const ExpressionFeature& expression) const { put(tree, "sql", expression.sql); }
  void operator()(const AggregateFeature& aggregate) const {
    const Window& window = aggregate.window;
    put(tree, "function", std::string(name_of(aggregate.spec.function)));
    put_text(tree, "of", aggregate.of);
    put_parameters(tree, aggregate.spec);
    put(tree, "windows", window.kind == WindowKind::kUnbounded ? "unbounded" : duration_text(window.size));
    put_text(tree, "kind", window_kind(window.kind));
    const Duration hop = window.kind == WindowKind::kHopping ? window.slide : window.hop;
    if (hop > Duration::zero()) put(tree, "hop", duration_text(hop));
    put_true(tree, "exact", window.exact);
  }
  void operator()(const OnDemandFeature& on_demand) const {
    put_true(tree, "on_demand", true);
    if (!on_demand.request.empty()) put_columns(tree, "request", on_demand.request);
    put(tree, "sql", on_demand.sql);
  }
  void operator()(const ExpensiveFeature& expensive) const {
    put(tree, "featurizer", expensive.featurizer);
    put_text(tree, "of", expensive.of);
    std::visit(*this, expensive.parameters);
    put(tree, "schedule", schedule_tree(expensive.schedule));
  }
  void operator()(const ForecastParameters& forecast) const {
    put(tree, "step", duration_text(forecast.step));
    put(tree, "window", plain(fmt::format("{}", forecast.window)));
    put(tree, "period", plain(fmt::format("{}", forecast.period)));
    put(tree, "horizon", plain(fmt::format("{}", forecast.horizon)));
  }
  void operator()(const OutsideParameters& outside) const {
    put_texts(tree, "of", outside.of);
    put_texts(tree, "command", outside.command);
    put_text(tree, "library", outside.library);
    put_text(tree, "arguments", outside.arguments);
    put(tree, "window", plain(fmt::format("{}", outside.window)));
    if (outside.command.empty()) return;
    put(tree, "batch", plain(fmt::format("{}", outside.batch)));
    put(tree, "timeout", duration_text(outside.timeout));
  }
  void operator()(const RidgeParameters& ridge) const {
    put(tree, "item", ridge.item);
    put(tree, "item_factors", ridge.item_factors);
    put(tree, "factors", plain(fmt::format("{}", ridge.factors)));
    put(tree, "ridge", plain(number_text(ridge.ridge)));
  }
};

template <class Thing>
void put_all(YamlNode& document, std::string section, const std::vector<Thing>& things) {
  YamlNode all = map_node();
  for (const auto& thing : things) put(all, thing.name, tree_of(thing));
  if (!things.empty()) put(document, std::move(section), std::move(all));
}

void put_views(YamlNode& document, const std::vector<View>& views) {
  YamlNode all = map_node();
  for (const auto& view : views) {
    YamlNode tree = tree_of(view);
    put_all(tree, "features", view.features);
    put(all, view.name, std::move(tree));
  }
  if (!views.empty()) put(document, "views", std::move(all));
}

std::string leaf_text(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kScalar) return node.text;
  std::vector<std::string> items;
  for (const auto& item : node.items) items.push_back(item.text);
  return "[" + join(items, ", ") + "]";
}

void add_leaves(const YamlNode& tree, const std::string& prefix, std::vector<Leaf>& into) {
  for (const auto& [key, value] : tree.fields) {
    const std::string path = prefix.empty() ? key.text : prefix + "." + key.text;
    if (value.kind == YamlNode::Kind::kMap) add_leaves(value, path, into);
    else into.push_back({path, leaf_text(value)});
  }
}

}  // namespace

YamlNode tree_of(const Entity& entity) {
  YamlNode tree = map_node();
  put_columns(tree, "keys", entity.keys);
  put_labels(tree, entity.labels);
  return tree;
}

YamlNode tree_of(const Source& source) {
  YamlNode tree = map_node();
  put(tree, "kind", std::string(name_of(source.kind)));
  for (const auto& [field, text] : source.place) put(tree, field, text);
  put_columns(tree, "schema", source.columns);
  put(tree, "timestamp", source.timestamp);
  put_text(tree, "created", source.created);
  put_texts(tree, "key", source.key);
  if (source.lateness > Duration::zero()) put(tree, "lateness", duration_text(source.lateness));
  put_labels(tree, source.labels);
  return tree;
}

YamlNode tree_of(const Feature& feature) {
  YamlNode tree = map_node();
  std::visit(PutMaking{tree}, feature.made_by);
  put(tree, "type", name_of(feature.type));
  put_labels(tree, feature.labels);
  return tree;
}

YamlNode tree_of(const View& view) {
  YamlNode tree = map_node();
  put_texts(tree, "sources", view.sources);
  put_texts(tree, "entities", view.entities);
  put_text(tree, "where", view.where);
  if (view.ttl) put(tree, "ttl", duration_text(*view.ttl));
  if (!view.online) put(tree, "online", plain("false"));
  put_labels(tree, view.labels);
  return tree;
}

YamlNode tree_of(const Service& service) {
  YamlNode tree = map_node();
  std::vector<std::string> features;
  for (const auto& [view, feature, as] : service.features)
    features.push_back(fmt::format("{}:{}{}", view, feature, as == feature ? "" : " as " + as));
  put_texts(tree, "features", features);
  put_labels(tree, service.labels);
  return tree;
}

std::vector<Leaf> leaves_of(const YamlNode& tree) {
  std::vector<Leaf> leaves;
  add_leaves(tree, "", leaves);
  return leaves;
}

std::string canonical_text(const Definition& definition) {
  YamlNode document = map_node();
  put(document, "version", plain(fmt::format("{}", kDefinitionVersion)));
  put(document, "project", definition.project);
  put_all(document, "entities", definition.entities);
  put_all(document, "sources", definition.sources);
  put_views(document, definition.views);
  put_all(document, "services", definition.services);
  return write_yaml(document);
}

}  // namespace isobar::features
