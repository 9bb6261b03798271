#include "freshness.h"

#include <fmt/format.h>

#include "feast_error.h"
#include "features/json_text.h"
#include "features/json_value.h"
#include "key_text.h"
#include "request_body.h"

namespace isobar::features {

namespace json = boost::json;

namespace {

Result<const CompiledView*> view_of(const std::shared_ptr<const Project>& project, const std::string& name) {
  if (!project) return unavailable("no definition was applied yet");
  const auto at = project->find_view(name);
  if (!at) return not_found(fmt::format("Feature view {} does not exist in project {}", name, project->definition().project));
  return &project->views()[*at];
}

Result<std::vector<Value>> read_key(const CompiledView& view, const json::value* key) {
  std::vector<Value> values;
  const auto& columns = view.keys();
  if (key == nullptr && columns.empty()) return values;
  if (key == nullptr) return invalid("\"key\": it is needed, as an object with the key's columns");
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const json::value* value = key;
    if (key->is_object()) value = key->get_object().if_contains(columns[i].name);
    else if (key->is_array()) value = i < key->get_array().size() ? &key->get_array()[i] : nullptr;
    else if (columns.size() > 1) value = nullptr;
    if (value == nullptr) return invalid(fmt::format("\"key\": it lacks the column '{}' of view '{}'", columns[i].name, view.name()));
    TRY_ASSIGN(Value read, value_from_json(*value, columns[i]));
    values.push_back(std::move(read));
  }
  return values;
}

/// A label is a number, or a list of them where the feature is one.
Result<std::optional<Value>> read_label(const RequestBody& body, std::string_view member) {
  const json::value* value = body.find(member);
  if (value == nullptr) return std::optional<Value>();
  TRY_ASSIGN(Value read, value_from_json(*value, {std::string(member), {Kind::kFloat64, value->is_array()}}));
  return std::optional(std::move(read));
}

Status take_report(Engine& engine, const RequestBody& body) {
  FeedbackReport report;
  TRY_ASSIGN(report.view, body.text("view"));
  TRY_ASSIGN(const auto feature, body.optional_text("feature"));
  report.feature = feature.value_or("");
  const auto project = engine.project();
  TRY_ASSIGN(const CompiledView* view, view_of(project, report.view));
  TRY_ASSIGN(report.key, read_key(*view, body.find("key")));
  TRY_ASSIGN(report.error, body.optional_number("error"));
  TRY_ASSIGN(report.label, read_label(body, "label"));
  TRY_ASSIGN(report.prediction, read_label(body, "prediction"));
  if (report.error.has_value() == report.label.has_value())
    return invalid("tell either an \"error\", or a \"label\" and the \"prediction\"");
  return engine.feedback(report);
}

std::string_view name_of_where(Explanation::Where where) {
  switch (where) {
    case Explanation::Where::kUnknown: return "unknown";
    case Explanation::Where::kUpToDate: return "up_to_date";
    case Explanation::Where::kWaiting: return "waiting";
    case Explanation::Where::kUnderWay: return "under_way";
  }
  return "unknown";
}

std::string explanation_json(const Explanation& e) {
  std::string out =
      fmt::format(R"({{"state":"{}","pending":{},"queries":{},"refreshes":{})", name_of_where(e.where), e.pending, e.queries, e.refreshes);
  const auto number = [&](std::string_view name, std::optional<double> value) {
    out.append(",\"").append(name).append("\":");
    append_json(out, value ? Value(*value) : Value());
  };
  const auto seconds = [](std::optional<Duration> span) { return span ? std::optional(to_seconds(*span)) : std::nullopt; };
  number("staleness_seconds", to_seconds(e.staleness));
  number("regret", e.regret);
  number("cost_seconds", e.cost);
  number("refreshed_seconds_ago", seconds(e.refreshed_ago));
  number("expected_in_seconds", seconds(e.expected_in));
  out += e.rank ? fmt::format(R"(,"rank":{},"why":)", *e.rank) : R"(,"rank":null,"why":)";
  append_json_string(out, e.why);
  return out + '}';
}

}  // namespace

HttpAnswer take_feedback(Engine& engine, std::string_view body) {
  const auto parsed = parse_json(body);
  if (!parsed.ok()) return feast_error(parsed.error().context("the body"));
  const bool several = parsed->is_array();
  const json::array reports = several ? parsed->get_array() : json::array(1, *parsed);
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const auto report = RequestBody::of(reports[i]);
    const Status taken = report.ok() ? take_report(engine, *report) : Status(report.error());
    if (!taken.ok())
      return feast_error(several ? taken.error().context(fmt::format("report {}", i + 1)) : taken.error(), "FeatureViewNotFoundException");
  }
  return {};
}

HttpAnswer explain_key(Engine& engine, const net::QueryParameters& query) {
  std::string view, feature, key;
  for (const auto& [name, value] : query) {
    if (name == "view") view = value;
    if (name == "feature") feature = value;
    if (name == "key") key = value;
  }
  if (view.empty()) return feast_error(422, "FeastError", "ask as /explain?view=VIEW&key=KEY");
  const auto explained = explain(engine, view, feature, key);
  if (!explained.ok()) return feast_error(explained.error(), "FeatureViewNotFoundException");
  return {.body = explanation_json(*explained)};
}

Status take_error(Engine& engine, const std::string& view, std::string_view key, double error) {
  const auto project = engine.project();
  TRY_ASSIGN(const CompiledView* compiled, view_of(project, view));
  FeedbackReport report{.view = view, .error = error};
  TRY_ASSIGN(report.key, key_values(*compiled, key));
  return engine.feedback(report);
}

Result<Explanation> explain(Engine& engine, const std::string& view, const std::string& feature, std::string_view key) {
  const auto project = engine.project();
  TRY_ASSIGN(const CompiledView* compiled, view_of(project, view));
  TRY_ASSIGN(const auto values, key_values(*compiled, key));
  return engine.explain(view, feature, values);
}

HttpAnswer restart_drift(Engine& engine, std::string_view body) {
  const auto request = RequestBody::parse(body);
  if (!request.ok()) return feast_error(request.error());
  auto views = request->texts("views");
  if (!views.ok()) return feast_error(views.error());
  const auto project = engine.project();
  if (views->empty() && project)
    for (const auto& view : project->views()) views->push_back(view.name());
  for (const auto& view : *views)
    if (const Status restarted = engine.restart_drift(view); !restarted.ok())
      return feast_error(restarted.error(), "FeatureViewNotFoundException");
  return {.body = "null"};
}

}  // namespace isobar::features
