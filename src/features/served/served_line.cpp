#include "served_line.h"

#include <fmt/format.h>

#include <algorithm>

#include "features/json_value.h"
#include "features/timestamp.h"

namespace isobar::features {

namespace json = boost::json;

namespace {

constexpr std::array kStatuses = {FieldStatus::kInvalid, FieldStatus::kPresent, FieldStatus::kNullValue, FieldStatus::kNotFound,
                                  FieldStatus::kOutsideMaxAge};

/// [each, each, …]
template <class All, class Each>
void append_list(std::string& out, const All& all, const Each& each) {
  out += '[';
  bool first = true;
  for (const auto& one : all) {
    if (!std::exchange(first, false)) out += ',';
    each(one);
  }
  out += ']';
}

void append_time(std::string& out, Instant at) {
  out += '"';
  append_rfc3339(out, at);
  out += '"';
}

Result<const json::array*> array_of(const json::object& line, std::string_view member, std::optional<std::size_t> size = {}) {
  const json::value* value = line.if_contains(member);
  const json::array* array = value == nullptr ? nullptr : value->if_array();
  if (array == nullptr || (size && array->size() != *size))
    return damaged(fmt::format("\"{}\" is no list of as many as there should be", member));
  return array;
}

Result<std::string> text_of_member(const json::value* value, std::string_view member) {
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  if (text == nullptr) return damaged(fmt::format("\"{}\" is no text", member));
  return std::string(text->data(), text->size());
}

Result<std::uint64_t> number_of_member(const json::value* value, std::string_view member) {
  if (value != nullptr && value->is_uint64()) return value->get_uint64();
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0) return damaged(fmt::format("\"{}\" is no number", member));
  return static_cast<std::uint64_t>(value->get_int64());
}

Result<std::vector<std::string>> texts_of(const json::object& line, std::string_view member) {
  TRY_ASSIGN(const json::array* array, array_of(line, member));
  std::vector<std::string> texts;
  for (const auto& each : *array) {
    TRY_ASSIGN(texts.emplace_back(), text_of_member(&each, member));
  }
  return texts;
}

Result<Instant> time_of(const json::value& value, std::string_view member) {
  TRY_ASSIGN(const std::string text, text_of_member(&value, member));
  const auto at = parse_timestamp(text);
  if (!at.ok()) return damaged(fmt::format("\"{}\": {}", member, at.error().message()));
  return *at;
}

Result<Value> value_of(const json::value& value, const Column& column) {
  auto read = value_from_json(value, column);
  if (!read.ok()) return damaged(read.error().message());
  return std::move(*read);
}

}  // namespace

void append_served_head(std::string& out, std::string_view canonical_definition) {
  fmt::format_to(std::back_inserter(out), R"({{"served":{},"definition":)", kServedVersion);
  append_json_string(out, canonical_definition);
  out += "}\n";
}

void append_served_request(std::string& out, std::uint64_t number, const RequestPlan& plan) {
  fmt::format_to(std::back_inserter(out), R"({{"request":{},"service":)", number);
  append_json_string(out, plan.spec().service);
  out += R"(,"features":)";
  append_list(out, plan.outputs(), [&](const auto& output) { append_json_string(out, output.view + ":" + output.feature); });
  out += R"(,"inputs":)";
  append_list(out, plan.inputs(), [&](const auto& input) { append_json_string(out, input.name); });
  out += "}\n";
}

bool append_served_row(std::string& out, std::uint64_t number, const ServedAnswer& answer) {
  const std::size_t begin = out.size();
  bool exact = true;
  fmt::format_to(std::back_inserter(out), R"({{"of":{},"at":)", number);
  append_time(out, answer.at);
  out += R"(,"seen":)";
  append_list(out, answer.seen, [&](const SeenUpto& seen) {
    fmt::format_to(std::back_inserter(out), "[{},", seen.line);
    append_time(out, seen.watermark);
    out += ']';
  });
  out += R"(,"inputs":)";
  append_list(out, answer.inputs, [&](const Value& value) { exact = append_json(out, value) == JsonLoss::kNone && exact; });
  out += R"(,"values":)";
  append_list(out, answer.answers, [&](const Answered& each) { append_json(out, each.value); });
  out += R"(,"statuses":)";
  append_list(out, answer.answers, [&](const Answered& each) { out.append("\"").append(name_of(each.status)).append("\""); });
  out += "}\n";
  if (!exact) out.resize(begin);
  return exact;
}

Result<std::string> read_served_head(const json::object& line) {
  const json::value* version = line.if_contains("served");
  if (version == nullptr || !version->is_int64()) return damaged("the first line of a file of served answers says \"served\"");
  if (version->get_int64() != kServedVersion)
    return damaged(fmt::format("it is of version {}, and this program reads {}", version->get_int64(), kServedVersion));
  return text_of_member(line.if_contains("definition"), "definition");
}

Result<ServedRequestLine> read_served_request(const json::object& line) {
  ServedRequestLine read;
  TRY_ASSIGN(read.number, number_of_member(line.if_contains("request"), "request"));
  TRY_ASSIGN(read.service, text_of_member(line.if_contains("service"), "service"));
  TRY_ASSIGN(read.features, texts_of(line, "features"));
  TRY_ASSIGN(read.inputs, texts_of(line, "inputs"));
  return read;
}

Result<ServedRow> read_served_row(const json::object& line, const RequestPlan& plan) {
  ServedRow row;
  const json::value* at = line.if_contains("at");
  if (at == nullptr) return damaged("\"at\" is not there");
  TRY_ASSIGN(row.at, time_of(*at, "at"));
  TRY_ASSIGN(const json::array* seen, array_of(line, "seen", plan.parts().size()));
  for (const auto& each : *seen) {
    const json::array* pair = each.if_array();
    if (pair == nullptr || pair->size() != 2) return damaged("\"seen\" has pairs of a line and a time");
    SeenUpto& upto = row.seen.emplace_back();
    TRY_ASSIGN(upto.line, number_of_member(&(*pair)[0], "seen"));
    TRY_ASSIGN(upto.watermark, time_of((*pair)[1], "seen"));
  }
  TRY_ASSIGN(const json::array* inputs, array_of(line, "inputs", plan.inputs().size()));
  for (std::size_t i = 0; i < inputs->size(); ++i) {
    TRY_ASSIGN(row.inputs.emplace_back(), value_of((*inputs)[i], plan.inputs()[i]));
  }
  TRY_ASSIGN(const json::array* values, array_of(line, "values", plan.outputs().size()));
  TRY_ASSIGN(const auto statuses, texts_of(line, "statuses"));
  if (statuses.size() != values->size()) return damaged("\"statuses\" are not as many as the values");
  for (std::size_t i = 0; i < values->size(); ++i) {
    Answered& answer = row.answers.emplace_back();
    TRY_ASSIGN(answer.value, value_of((*values)[i], {plan.outputs()[i].name, plan.outputs()[i].type}));
    const auto status = std::ranges::find(kStatuses, std::string_view(statuses[i]), [](FieldStatus each) { return name_of(each); });
    if (status == kStatuses.end()) return damaged(fmt::format("\"statuses\": '{}' is none", statuses[i]));
    answer.status = *status;
  }
  return row;
}

}  // namespace isobar::features
