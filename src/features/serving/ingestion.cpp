#include "ingestion.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "feast_error.h"
#include "features/json_value.h"
#include "features/timestamp.h"
#include "request_body.h"

namespace isobar::features {

namespace json = boost::json;

namespace {

using SourceUse = Project::SourceUse;

/// Feast's answer is empty; what would be lost in silence is told.
HttpAnswer taken_answer(const Taken& taken, std::string_view body) {
  if (taken.late == 0 && taken.invalid == 0) return {.body = std::string(body)};
  HttpAnswer answer;
  answer.body = fmt::format(R"({{"rows":{},"late":{},"invalid":{},"problem":)", taken.rows, taken.late, taken.invalid);
  append_json_string(answer.body, taken.problem);
  answer.body += '}';
  return answer;
}

Error none_applied() { return unavailable("no definition was applied yet; apply one by: isobar features serve DEFINITION"); }

Result<std::shared_ptr<const Project>> project_of(const Engine& engine) {
  auto project = engine.project();
  if (!project) return none_applied();
  return project;
}

Result<const json::value*> rows_of(const RequestBody& body) {
  const json::value* rows = body.find("df");
  if (rows == nullptr) return invalid("\"df\": it is needed: an object with a list of values for each column");
  return rows;
}

void take_in(Engine& engine, Arrival arrival, std::string_view answer, const HttpDone& done) {
  engine.push(std::move(arrival),
              [done, answer](const Result<Taken>& taken) { done(taken.ok() ? taken_answer(*taken, answer) : feast_error(taken.error())); });
}

Arrival arrival_of(const SourceUse& source, std::vector<Row> rows, const std::string& idempotency_key) {
  Arrival arrival{.source = source.source->name, .id = idempotency_key};
  arrival.rows.reserve(rows.size());
  for (auto& row : rows) arrival.rows.push_back({std::move(row), false});
  return arrival;
}

Status check_destination(const RequestBody& body) {
  TRY_ASSIGN(const auto to, body.optional_text("to"));
  if (!to || *to == "online" || *to == "online_and_offline") return {};
  if (*to == "offline") return invalid("\"to\": rows are served and learnt from alike here; push them once, to online_and_offline");
  return invalid(fmt::format("{} is not a supported push format. Please specify one of these ['online', 'online_and_offline'].", *to));
}

/// Feast's clients send times as seconds since 1970, too.
json::value with_times(const json::value& values, const Type& type) {
  if (!type.is(Kind::kTimestamp) || !values.is_array()) return values;
  json::array times;
  for (const auto& value : values.get_array()) {
    const bool seconds = value.is_int64() && std::abs(value.get_int64()) <= INT64_MAX / 1'000'000'000;
    times.push_back(seconds ? json::value(to_rfc3339(Instant::from_unix_seconds(value.get_int64()))) : value);
  }
  return times;
}

/// The columns as the source calls them.
Result<json::value> renamed(const json::value& df, const SourceUse& source) {
  if (!df.is_object()) return df;
  const auto& columns = source.schema.columns();
  json::object out;
  for (const auto& member : df.get_object()) {
    std::string name(member.key().data(), member.key().size());
    if (!source.schema.find(name)) {
      if (name == "event_timestamp") name = columns[source.timestamp].name;
      else if (name == "created" && !source.created) continue;
      else if (name == "created") name = columns[*source.created].name;
    }
    if (out.contains(name)) return invalid(fmt::format("column '{}' is there twice, under Feast's name and its own", name));
    const auto at = source.schema.find(name);
    out[name] = at ? with_times(member.value(), columns[*at].type) : member.value();
  }
  return json::value(std::move(out));
}

Result<Arrival> read_push(const Engine& engine, const RequestBody& body, const std::string& idempotency_key) {
  TRY(check_destination(body));
  TRY_ASSIGN(const auto project, project_of(engine));
  TRY_ASSIGN(const std::string name, body.text("push_source_name"));
  TRY_ASSIGN(const SourceUse* found, push_source(project.get(), name));
  TRY_ASSIGN(const json::value* df, rows_of(body));
  const SourceUse& source = *found;
  TRY_ASSIGN(const json::value columns, renamed(*df, source));
  TRY_ASSIGN(auto rows, rows_from_json_columns(columns, source.schema));
  return arrival_of(source, std::move(rows), idempotency_key);
}

Result<Arrival> read_write(const Engine& engine, const RequestBody& body, const std::string& idempotency_key) {
  TRY_ASSIGN(const auto project, project_of(engine));
  TRY_ASSIGN(const std::string view, body.text("feature_view_name"));
  TRY_ASSIGN(const SourceUse* source, push_source_of_view(project.get(), view));
  TRY_ASSIGN(const json::value* df, rows_of(body));
  TRY_ASSIGN(const json::value columns, renamed(*df, *source));
  TRY_ASSIGN(auto rows, rows_from_json_columns(columns, source->schema));
  return arrival_of(*source, std::move(rows), idempotency_key);
}

}  // namespace

Result<const SourceUse*> push_source(const Project* project, const std::string& name) {
  if (project == nullptr) return none_applied();
  const auto at = project->find_source(name);
  const auto is_pushed = [](const SourceUse& use) { return use.source->kind == SourceKind::kPush; };
  if (!at || !is_pushed(project->sources()[*at])) {
    std::vector<std::string> known;
    for (const auto& use : project->sources())
      if (is_pushed(use)) known.push_back(use.source->name);
    const std::string other = at ? fmt::format(" It is a source of kind {}.", name_of(project->sources()[*at].source->kind)) : "";
    return not_found(fmt::format("Unable to find push source '{}'.{} There {}", name, other,
                                 known.empty() ? "is none." : "is " + join(known, ", ") + "."));
  }
  return &project->sources()[*at];
}

Result<const SourceUse*> push_source_of_view(const Project* project, const std::string& view) {
  if (project == nullptr) return none_applied();
  const auto at = project->find_view(view);
  if (!at) return not_found(fmt::format("Feature view {} does not exist in project {}", view, project->definition().project));
  const SourceUse* found = nullptr;
  for (const auto& use : project->sources()) {
    if (use.source->kind != SourceKind::kPush || std::ranges::find(use.views, *at) == use.views.end()) continue;
    if (found != nullptr)
      return invalid(fmt::format("view '{}' has the push sources {} and {}; push to one of them by name", view, found->source->name,
                                 use.source->name));
    found = &use;
  }
  if (found == nullptr) return invalid(fmt::format("view '{}' has no push source; its rows come from elsewhere", view));
  return found;
}

void push_rows(Engine& engine, std::string_view body, const std::string& idempotency_key, const HttpDone& done) {
  const auto parsed = RequestBody::parse(body);
  if (!parsed.ok()) return done(feast_error(parsed.error()));
  auto arrival = read_push(engine, *parsed, idempotency_key);
  if (!arrival.ok()) return done(feast_error(arrival.error(), "PushSourceNotFoundException"));
  take_in(engine, std::move(*arrival), "", done);
}

void write_to_view(Engine& engine, std::string_view body, const std::string& idempotency_key, const HttpDone& done) {
  const auto parsed = RequestBody::parse(body);
  if (!parsed.ok()) return done(feast_error(parsed.error()));
  auto arrival = read_write(engine, *parsed, idempotency_key);
  if (!arrival.ok()) return done(feast_error(arrival.error(), "FeatureViewNotFoundException"));
  take_in(engine, std::move(*arrival), "null", done);
}

}  // namespace isobar::features
