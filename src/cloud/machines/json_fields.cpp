#include "cloud/json_fields.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::cloud {

namespace json = boost::json;

namespace {

const json::object kNoObject;
const json::array kNoArray;
constexpr std::size_t kNameMost = 200;

}  // namespace

Result<json::object> parse_object(std::string_view text, std::string_view whose) {
  boost::system::error_code failure;
  auto value = json::parse(text, failure);
  if (failure || !value.is_object()) return Error(Code::kDataLoss, fmt::format("the answer of {} is no JSON object", whose));
  return std::move(value.get_object());
}

Result<json::array> parse_array(std::string_view text, std::string_view whose) {
  boost::system::error_code failure;
  auto value = json::parse(text, failure);
  if (failure || !value.is_array()) return Error(Code::kDataLoss, fmt::format("the answer of {} is no JSON list", whose));
  return std::move(value.get_array());
}

const json::object& object_in(const json::object& from, std::string_view name) {
  const auto* field = from.if_contains(name);
  return field != nullptr && field->is_object() ? field->get_object() : kNoObject;
}

const json::array& array_in(const json::object& from, std::string_view name) {
  const auto* field = from.if_contains(name);
  return field != nullptr && field->is_array() ? field->get_array() : kNoArray;
}

std::string text_in(const json::object& from, std::string_view name) {
  const auto* field = from.if_contains(name);
  return field != nullptr && field->is_string() ? std::string(field->get_string()) : std::string();
}

std::uint64_t count_in(const json::object& from, std::string_view name) {
  const auto* field = from.if_contains(name);
  if (field == nullptr) return 0;
  if (field->is_uint64()) return field->get_uint64();
  return field->is_int64() && field->get_int64() > 0 ? static_cast<std::uint64_t>(field->get_int64()) : 0;
}

bool flag_in(const json::object& from, std::string_view name) {
  const auto* field = from.if_contains(name);
  return field != nullptr && field->is_bool() && field->get_bool();
}

const json::object& as_object(const json::value& value) { return value.is_object() ? value.get_object() : kNoObject; }

std::map<std::string, std::string> texts_in(const json::object& from, std::string_view name) {
  std::map<std::string, std::string> texts;
  for (const auto& [key, value] : object_in(from, name))
    if (value.is_string()) texts.emplace(key, value.get_string());
  return texts;
}

bool is_plain_name(std::string_view text) {
  const auto fits = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !text.empty() && text[0] != '.' && text.size() <= kNameMost && std::all_of(text.begin(), text.end(), fits);
}

}  // namespace isobar::cloud
