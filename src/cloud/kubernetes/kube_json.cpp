#include "kube_json.h"

#include <fmt/format.h>

namespace isobar::cloud {

namespace json = boost::json;

namespace {

constexpr std::size_t kDepthMost = 64;

}  // namespace

Result<json::value> parse_kube_json(std::string_view text) {
  boost::system::error_code failure;
  json::parse_options options;
  options.max_depth = kDepthMost;
  auto value = json::parse(json::string_view(text.data(), text.size()), failure, {}, options);
  if (failure) return Error(Code::kDataLoss, fmt::format("what the API server answers is not JSON: {}", failure.message()));
  return value;
}

const json::value& value_in(const json::value& from, std::initializer_list<std::string_view> path) {
  static const json::value kNothing;
  const json::value* at = &from;
  for (const auto name : path) {
    const auto* object = at->if_object();
    at = object ? object->if_contains(json::string_view(name.data(), name.size())) : nullptr;
    if (!at) return kNothing;
  }
  return *at;
}

std::string_view text_in(const json::value& from, std::initializer_list<std::string_view> path) {
  const auto* text = value_in(from, path).if_string();
  return text ? std::string_view(text->data(), text->size()) : std::string_view();
}

const json::array& list_in(const json::value& from, std::initializer_list<std::string_view> path) {
  static const json::array kNone;
  const auto* list = value_in(from, path).if_array();
  return list ? *list : kNone;
}

const json::object& object_in(const json::value& from, std::initializer_list<std::string_view> path) {
  static const json::object kNone;
  const auto* object = value_in(from, path).if_object();
  return object ? *object : kNone;
}

}  // namespace isobar::cloud
