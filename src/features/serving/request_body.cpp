#include "request_body.h"

#include <fmt/format.h>

#include "features/json_text.h"
#include "features/json_value.h"

namespace isobar::features {

namespace json = boost::json;

namespace {

Error wrong(std::string_view member, std::string_view mend) { return invalid(fmt::format("\"{}\": {}", member, mend)); }
std::string text_of(const json::string& text) { return {text.data(), text.size()}; }

}  // namespace

Result<RequestBody> RequestBody::parse(std::string_view text) {
  TRY_ASSIGN(auto value, parse_json(text).context("the body"));
  return of(std::move(value));
}

Result<RequestBody> RequestBody::of(json::value value) {
  if (!value.is_object()) return invalid("the body is not a JSON object");
  return RequestBody(std::move(value));
}

const json::value* RequestBody::find(std::string_view member) const {
  const json::value* found = value_.get_object().if_contains({member.data(), member.size()});
  return found == nullptr || found->is_null() ? nullptr : found;
}

Result<std::optional<std::string>> RequestBody::optional_text(std::string_view member) const {
  const json::value* found = find(member);
  if (found == nullptr) return std::optional<std::string>();
  if (!found->is_string()) return wrong(member, "it is a text, in quotes");
  return std::optional(text_of(found->get_string()));
}

Result<std::string> RequestBody::text(std::string_view member) const {
  TRY_ASSIGN(auto found, optional_text(member));
  if (!found || found->empty()) return wrong(member, "it is needed, as a text in quotes");
  return std::move(*found);
}

Result<bool> RequestBody::flag(std::string_view member, bool otherwise) const {
  const json::value* found = find(member);
  if (found == nullptr) return otherwise;
  if (!found->is_bool()) return wrong(member, "it is true or false");
  return found->get_bool();
}

Result<std::optional<double>> RequestBody::optional_number(std::string_view member) const {
  const json::value* found = find(member);
  if (found == nullptr) return std::optional<double>();
  if (!found->is_number()) return wrong(member, "it is a number");
  return std::optional(found->to_number<double>());
}

Result<std::vector<std::string>> RequestBody::texts(std::string_view member) const {
  std::vector<std::string> texts;
  const json::value* found = find(member);
  if (found == nullptr) return texts;
  if (!found->is_array()) return wrong(member, "it is a list of texts");
  for (const auto& each : found->get_array()) {
    if (!each.is_string()) return wrong(member, "it is a list of texts");
    texts.push_back(text_of(each.get_string()));
  }
  return texts;
}

Result<const json::object*> RequestBody::object(std::string_view member) const {
  const json::value* found = find(member);
  if (found == nullptr) return static_cast<const json::object*>(nullptr);
  if (!found->is_object()) return wrong(member, "it is an object");
  return &found->get_object();
}

}  // namespace isobar::features
