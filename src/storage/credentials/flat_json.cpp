#include "flat_json.h"

#include <fmt/format.h>

#include <boost/json.hpp>

namespace isobar::storage {

namespace json = boost::json;

namespace {
void flatten(const json::object& object, const std::string& prefix, std::map<std::string, std::string>& fields) {
  for (const auto& [key, value] : object) {
    const std::string path = prefix + std::string(key.data(), key.size());
    if (value.is_object()) flatten(value.get_object(), path + ".", fields);
    if (value.is_string()) fields[path] = std::string(value.get_string().data(), value.get_string().size());
    if (value.is_int64() || value.is_uint64() || value.is_bool()) fields[path] = json::serialize(value);
    if (value.is_double()) fields[path] = fmt::format("{:.0f}", value.get_double());
  }
}
}  // namespace

Result<FlatJson> FlatJson::parse(std::string_view text) {
  json::error_code failure;
  json::stream_parser parser;
  parser.write(text.data(), text.size(), failure);
  if (!failure) parser.finish(failure);
  if (failure) return invalid("it is not JSON: " + failure.message());
  const json::value value = parser.release();
  if (!value.is_object()) return invalid("it is not a JSON object");
  FlatJson flat;
  flatten(value.get_object(), "", flat.fields_);
  return flat;
}

std::string FlatJson::get(const std::string& path) const {
  const auto found = fields_.find(path);
  return found == fields_.end() ? std::string() : found->second;
}

Result<std::string> FlatJson::need(const std::string& path) const {
  std::string value = get(path);
  if (value.empty()) return invalid(fmt::format("the field '{}' is missing", path));
  return value;
}

}  // namespace isobar::storage
