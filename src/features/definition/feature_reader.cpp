// Features that are columns, expressions, and transforms on demand; and what all features have in common.

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "features/expression.h"
#include "reading.h"

namespace isobar::features {

namespace {

bool has_field(const YamlNode& node, std::string_view key) { return node.kind == YamlNode::Kind::kMap && node.find(key) != nullptr; }

/// A feature that is written as one word, or as nothing: the column of that name, or of the feature's own.
void read_column_word(ViewReading& in, const YamlField& field, const std::string& path) {
  const std::string column = field.value.is_null() ? field.key.text : field.value.text;
  std::optional<Type> type;
  if (in.judged) {
    const auto at = in.schema.require(column);
    if (at.ok()) type = in.schema.columns()[*at].type;
    else
      in.reading.problems.add(field.value.mark, path,
                              at.error().message() + "; an expression is written {sql: ...}, an aggregate FUNCTION(COLUMN) over WINDOW");
  }
  add_feature(in, {.name = field.key.text, .made_by = ColumnFeature{column}, .mark = field.key.mark}, type, {}, path);
}

void read_column(ViewReading& in, FieldReader& reader, const YamlField& field, const std::string& path) {
  ColumnFeature column;
  std::optional<Type> type;
  if (reader.text("column", column.column) && in.judged) {
    const auto at = in.schema.require(column.column);
    if (at.ok()) type = in.schema.columns()[*at].type;
    else reader.report("column", at.error().message());
  }
  const Remarks remarks = read_remarks(reader);
  add_feature(in, {.name = field.key.text, .made_by = std::move(column), .mark = field.key.mark}, type, remarks, path);
}

void read_expression(ViewReading& in, FieldReader& reader, const YamlField& field, const std::string& path) {
  ExpressionFeature expression;
  const auto type = read_sql(in, reader, "sql", expression.sql, "");
  const Remarks remarks = read_remarks(reader);
  add_feature(in, {.name = field.key.text, .made_by = std::move(expression), .mark = field.key.mark}, type, remarks, path);
}

/// Keys, stored features and the request are one row to the expression.
void join_request(ViewReading& in, FieldReader& reader, const std::vector<Column>& request) {
  auto columns = in.schema.columns();
  columns.insert(columns.end(), request.begin(), request.end());
  auto joined = Schema::create(std::move(columns));
  if (joined.ok()) in.schema = std::move(*joined);
  else reader.report("request", joined.error().message() + "; the request must not say what the view knows");
}

}  // namespace

Remarks read_remarks(FieldReader& reader) {
  Remarks remarks;
  read_labels(reader, remarks.labels);
  std::string type;
  if (reader.text("type", type)) {
    const auto read = parse_type(type);
    if (read.ok()) remarks.type = *read;
    else reader.report("type", read.error().message());
    remarks.type_mark = reader.get("type")->mark;
  }
  reader.finish();
  return remarks;
}

void add_feature(ViewReading& in, Feature feature, std::optional<Type> type, const Remarks& remarks, const std::string& path) {
  if (remarks.type && type && *remarks.type != *type)
    in.reading.problems.add(remarks.type_mark, path + ".type",
                            fmt::format("it is {}, not {}; say so, or cast it in its expression", name_of(*type), name_of(*remarks.type)));
  feature.type = type.value_or(Type{});
  feature.labels = remarks.labels;
  in.view.features.push_back(std::move(feature));
}

std::optional<Type> type_in(ViewReading& in, const YamlNode& node, const std::string& path, std::string_view sql) {
  if (!in.judged) return std::nullopt;
  const auto compiled = Expression::compile(sql, in.schema);
  if (compiled.ok()) return compiled->type();
  in.reading.problems.add(node.mark, path, compiled.error().message());
  return std::nullopt;
}

std::optional<Type> read_sql(ViewReading& in, FieldReader& reader, std::string_view key, std::string& into, std::string_view needed) {
  if (!reader.text(key, into)) {
    if (!reader.has(key) && !needed.empty()) reader.problems().add(reader.mark(), reader.path(), needed);
    return std::nullopt;
  }
  into = std::string(trim(into));
  return type_in(in, *reader.get(key), reader.path_of(key), into);
}

bool is_on_demand(const YamlNode& node) { return has_field(node, "request") || has_field(node, "on_demand"); }

void read_on_demand(ViewReading& in, const YamlField& field, const std::string& path) {
  FieldReader reader(field.value, path, in.reading.problems);
  bool on_demand = true;
  reader.boolean("on_demand", on_demand);
  if (!on_demand) reader.report("on_demand", "a feature with it is on demand; leave it and request out for one that is stored");
  OnDemandFeature feature;
  feature.request = read_columns(reader, "request");
  std::ranges::sort(feature.request, {}, &Column::name);
  ViewReading joined = in;
  join_request(joined, reader, feature.request);
  const auto type =
      read_sql(joined, reader, "sql", feature.sql, "it needs sql: an expression over the request, the keys and the view's other features");
  const Remarks remarks = read_remarks(reader);
  add_feature(in, {.name = field.key.text, .made_by = std::move(feature), .mark = field.key.mark}, type, remarks, path);
}

void read_feature(ViewReading& in, const YamlField& field, const std::string& path) {
  const YamlNode& node = field.value;
  if (in.view.sources.empty())
    return in.reading.problems.add(field.key.mark, path,
                                   "the view has no source to make it from; add source, or request for one on demand");
  if (is_aggregate(node)) return read_aggregate(in, field, path);
  if (node.kind == YamlNode::Kind::kScalar) return read_column_word(in, field, path);
  if (has_field(node, "featurizer")) return read_expensive(in, field, path);
  FieldReader reader(node, path, in.reading.problems);
  if (has_field(node, "column")) return read_column(in, reader, field, path);
  if (has_field(node, "sql")) return read_expression(in, reader, field, path);
  if (node.kind == YamlNode::Kind::kMap)
    in.reading.problems.add(node.mark, path,
                            "it does not say what it is made of; give column, sql, function, featurizer, or request and sql");
}

}  // namespace isobar::features
