// The answer has one column for each name, the keys first: values, statuses and times, each as long as the request. Feast's server says the
// same bytes, but for statuses that it does not know.

#include "online_features.h"

#include <fmt/format.h>

#include "base/text.h"
#include "feast_error.h"
#include "features/timestamp.h"
#include "request_body.h"

namespace isobar::features {

namespace json = boost::json;

namespace {

constexpr std::string_view kEpoch = "\"1970-01-01T00:00:00Z\"";
constexpr int kReplansMost = 3;

struct Request {
  RequestBody body;
  RequestSpec spec;
  bool include_age = false, include_regret = false;
};

Result<Request> read_request(std::string_view text) {
  TRY_ASSIGN(RequestBody body, RequestBody::parse(text));
  Request request{std::move(body), {}, false};
  TRY_ASSIGN(const auto service, request.body.optional_text("feature_service"));
  request.spec.service = service.value_or("");
  // As Feast has it: a service counts before features.
  if (request.spec.service.empty()) {
    TRY_ASSIGN(request.spec.features, request.body.texts("features"));
  }
  TRY_ASSIGN(request.spec.full_names, request.body.flag("full_feature_names", false));
  TRY_ASSIGN(request.include_age, request.body.flag("include_age", false));
  TRY_ASSIGN(request.include_regret, request.body.flag("include_regret", false));
  return request;
}

/// A request's entities and what goes with them, as rows of a plan's inputs.
class Entities {
 public:
  static Result<Entities> read(const Request& request, const RequestPlan& plan, std::size_t rows_most) {
    Entities read;
    TRY_ASSIGN(read.entities_, request.body.object("entities"));
    TRY_ASSIGN(read.context_, request.body.object("request_context"));
    TRY(read.count(plan, rows_most));
    read.rows_.assign(read.count_, Row(plan.inputs().size()));
    for (std::size_t input = 0; input < plan.inputs().size(); ++input) TRY(read.take(plan, input));
    read.order_keys(plan);
    return read;
  }
  const std::vector<Row>& rows() const { return rows_; }
  /// Keys, in the order in which the request says them.
  const std::vector<std::size_t>& keys() const { return keys_; }

 private:
  Status count(const RequestPlan& plan, std::size_t rows_most) {
    std::optional<std::size_t> count;
    for (const auto* columns : {entities_, context_}) {
      if (columns == nullptr) continue;
      for (const auto& column : *columns) {
        const std::string_view name(column.key().data(), column.key().size());
        if (!column.value().is_array()) return invalid(fmt::format("\"{}\": it is a list, with a value for each row", name));
        const std::size_t size = column.value().get_array().size();
        if (count && *count != size)
          return invalid(fmt::format("\"{}\" has {} values, and another column {}: all have one for each row", name, size, *count));
        count = size;
      }
    }
    // Where nothing is needed to tell rows apart there is one.
    count_ = count.value_or(plan.inputs().empty() ? 1 : 0);
    if (count_ > rows_most) return invalid(fmt::format("{} rows; ask for {} at once at most", count_, rows_most));
    return {};
  }

  const json::array* column(const Column& input) const {
    for (const auto* columns : {entities_, context_}) {
      const json::value* found = columns == nullptr ? nullptr : columns->if_contains(input.name);
      if (found != nullptr) return &found->get_array();
    }
    return nullptr;
  }

  Status take(const RequestPlan& plan, std::size_t input) {
    const Column& wanted = plan.inputs()[input];
    const json::array* values = column(wanted);
    if (values == nullptr && input < plan.key_count())
      return not_found(fmt::format("Missing join key values for keys: ['{}']. \"entities\" needs it, {}, for each row", wanted.name,
                                   name_of(wanted.type)));
    if (values == nullptr)
      return not_found(fmt::format(
          "Required request data source features ['{}'] not found in the entity rows, but required by feature views", wanted.name));
    for (std::size_t row = 0; row < count_; ++row) {
      auto value = value_from_json((*values)[row], wanted);
      if (!value.ok()) return invalid(fmt::format("row {}: {}", row + 1, value.error().message()));
      rows_[row][input] = std::move(*value);
    }
    return {};
  }

  void order_keys(const RequestPlan& plan) {
    if (entities_ != nullptr)
      for (const auto& column : *entities_)
        for (std::size_t key = 0; key < plan.key_count(); ++key)
          if (plan.inputs()[key].name == std::string_view(column.key().data(), column.key().size())) keys_.push_back(key);
    for (std::size_t key = 0; key < plan.key_count(); ++key)
      if (std::ranges::find(keys_, key) == keys_.end()) keys_.push_back(key);
  }

  const json::object *entities_ = nullptr, *context_ = nullptr;
  std::size_t count_ = 0;
  std::vector<Row> rows_;
  std::vector<std::size_t> keys_;
};

/// Writes the answer's columns. Times repeat from column to column, and are written once.
class AnswerWriter {
 public:
  AnswerWriter(const Entities& entities, std::span<const Answered> answers, std::size_t outputs)
      : entities_(entities), answers_(answers), outputs_(outputs), times_(entities.rows().size()) {}

  void key_column(std::size_t key) {
    begin_column();
    each_row([&](std::size_t row) { append_json(out_, entities_.rows()[row][key]); });
    out_ += R"(],"statuses":[)";
    each_row([&](std::size_t) { out_ += R"("PRESENT")"; });
    out_ += R"(],"event_timestamps":[)";
    each_row([&](std::size_t) { out_ += kEpoch; });
    out_ += ']';
  }

  void output_column(std::size_t output) {
    begin_column();
    each_row([&](std::size_t row) { append_json(out_, of(row, output).value); });
    out_ += R"(],"statuses":[)";
    each_row([&](std::size_t row) { out_.append("\"").append(name_of(of(row, output).status)).append("\""); });
    out_ += R"(],"event_timestamps":[)";
    each_row([&](std::size_t row) { append_time(row, of(row, output).event_time); });
    out_ += ']';
  }

  /// In seconds, beside the columns that are there; null: there is no event.
  void age_column(std::optional<std::size_t> output, Instant now) {
    out_ += R"(,"ages":[)";
    each_row([&](std::size_t row) {
      const Instant at = output ? of(row, *output).event_time : Instant();
      append_json(out_, at == Instant() ? Value() : Value(to_seconds(now - at)));
    });
    out_ += ']';
  }
  /// How wrong expensive rows have been since they were made; null: of what is up to date.
  void regret_column(std::size_t output) {
    out_ += R"(,"regrets":[)";
    each_row([&](std::size_t row) {
      const auto& regret = of(row, output).regret;
      append_json(out_, regret ? Value(*regret) : Value());
    });
    out_ += ']';
  }
  void end_column() { out_ += '}'; }

  std::string finish(const std::vector<std::string>& names) {
    out_ += R"(],"metadata":{"feature_names":[)";
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (i > 0) out_ += ',';
      append_json_string(out_, names[i]);
    }
    out_ += "]}}";
    return std::move(out_);
  }

 private:
  const Answered& of(std::size_t row, std::size_t output) const { return answers_[row * outputs_ + output]; }
  void begin_column() { out_ += std::exchange(first_, false) ? R"({"results":[{"values":[)" : R"(,{"values":[)"; }
  template <class Each>
  void each_row(const Each& each) {
    for (std::size_t row = 0; row < entities_.rows().size(); ++row) {
      if (row > 0) out_ += ',';
      each(row);
    }
  }
  void append_time(std::size_t row, Instant at) {
    if (at == Instant()) {
      out_ += kEpoch;
      return;
    }
    auto& [known, text] = times_[row];
    if (known != at || text.empty()) {
      known = at;
      text = "\"";
      append_rfc3339(text, at);
      text += '"';
    }
    out_ += text;
  }

  const Entities& entities_;
  std::span<const Answered> answers_;
  std::size_t outputs_;
  std::vector<std::pair<Instant, std::string>> times_;
  std::string out_;
  bool first_ = true;
};

std::string write_answer(const Request& request, const RequestPlan& plan, const Entities& entities, std::span<const Answered> answers,
                         Instant now) {
  AnswerWriter writer(entities, answers, plan.outputs().size());
  std::vector<std::string> names;
  for (const std::size_t key : entities.keys()) {
    names.push_back(plan.inputs()[key].name);
    writer.key_column(key);
    if (request.include_age) writer.age_column(std::nullopt, now);
    writer.end_column();
  }
  for (std::size_t output = 0; output < plan.outputs().size(); ++output) {
    names.push_back(plan.outputs()[output].name);
    writer.output_column(output);
    if (request.include_age) writer.age_column(output, now);
    if (request.include_regret) writer.regret_column(output);
    writer.end_column();
  }
  return writer.finish(names);
}

HttpAnswer plan_error(const Engine& engine, const RequestSpec& spec, const Error& error) {
  if (error.code() != Code::kNotFound) return feast_error(error);
  if (!spec.service.empty()) return feast_error(error, "FeatureServiceNotFoundException");
  const auto project = engine.project();
  for (const auto& feature : spec.features) {
    const std::size_t colon = feature.find(':');
    if (project && colon != std::string::npos && !project->find_view(std::string_view(feature).substr(0, colon)))
      return feast_error(error, "FeatureViewNotFoundException");
  }
  return feast_error(error);
}

/// What the request lacks is 422 in place of Feast's 500 for keys, and 404 for the request's own values, as Feast says.
HttpAnswer entities_error(const Error& error) {
  if (error.code() != Code::kNotFound) return feast_error(error);
  const bool key = error.message().starts_with("Missing join key");
  return key ? feast_error(422, "FeastError", error.message())
             : feast_error(404, "RequestDataNotFoundInEntityRowsException", error.message());
}

}  // namespace

HttpAnswer online_features(Engine& engine, const OnlineFeaturesOptions& options, std::string_view body, Instant now) {
  const auto request = read_request(body);
  if (!request.ok()) return feast_error(request.error());
  for (int tried = 1;; ++tried) {
    const auto plan = engine.plan(request->spec);
    if (!plan.ok()) return plan_error(engine, request->spec, plan.error());
    const auto entities = Entities::read(*request, **plan, options.rows_most);
    if (!entities.ok()) return entities_error(entities.error());
    const auto answers = engine.answer(**plan, entities->rows());
    if (answers.ok()) return {.body = write_answer(*request, **plan, *entities, *answers, now)};
    // The definition was replaced between the two.
    if (answers.error().code() != Code::kConflict || tried == kReplansMost) return feast_error(answers.error());
  }
}

}  // namespace isobar::features
