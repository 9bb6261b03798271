#include "requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"
#include "cloud/json_fields.h"

namespace isobar::cloud::lambda {

namespace json = boost::json;

namespace {

constexpr std::size_t kNameMost = 64, kKeyLeast = 2, kKeyMost = 55, kValueMost = 128, kLabelsMost = 20;

/// ^[a-z][a-z0-9-:]+$
bool is_tag_key(std::string_view key) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == ':'; };
  return key.size() >= kKeyLeast && key.size() <= kKeyMost && key[0] >= 'a' && key[0] <= 'z' && std::all_of(key.begin(), key.end(), fits);
}

Status check_label(const std::string& key, const std::string& value) {
  if (!is_tag_key(key))
    return invalid(
        fmt::format("the label '{}': Lambda takes keys of {} to {} lower-case letters, digits, - and :, that begin with a letter", key,
                    kKeyLeast, kKeyMost));
  if (value.empty() || value.size() > kValueMost || !is_utf8(value))
    return invalid(fmt::format("the label '{}': Lambda takes values of 1 to {} bytes, in UTF-8", key, kValueMost));
  if (key.starts_with("isobar-")) return invalid(fmt::format("the label '{}' belongs to isobar; choose another key", key));
  return {};
}

/// By their ids images are UUIDs; everything else is a family.
bool is_image_id(std::string_view image) {
  return image.size() == 36 && std::count(image.begin(), image.end(), '-') == 4 &&
         std::all_of(image.begin(), image.end(), [](char c) { return c == '-' || std::isxdigit(static_cast<unsigned char>(c)); });
}

}  // namespace

Status check_order(const CreateOrder& order) {
  if (order.cluster.empty() || order.cluster.size() > kValueMost || !is_utf8(order.cluster))
    return invalid(fmt::format("'{}' cannot name a cluster on lambda", order.cluster));
  if (order.token.empty() || order.token.size() > kValueMost) return invalid("an order to lambda needs a token of at most 128 characters");
  if (!is_plain_name(order.offer.region)) return invalid(fmt::format("'{}' is no region of lambda", order.offer.region));
  if (order.count < 1 || order.count > kNodesMost)
    return invalid(fmt::format("a cluster on lambda has 1 to {} nodes, not {}", kNodesMost, order.count));
  if (order.use_spot) return invalid("lambda sells no spot machines");
  if (!order.image.empty() && !is_plain_name(order.image))
    return invalid(fmt::format("'{}' is no image of lambda; name a family (lambda-stack-22-04) or an image's id", order.image));
  if (order.labels.size() > kLabelsMost)
    return invalid(fmt::format("{} labels; lambda takes at most {}", order.labels.size(), kLabelsMost));
  for (const auto& [key, value] : order.labels) TRY(check_label(key, value));
  return {};
}

std::string launch_body(const CreateOrder& order, const Mark& mark, const std::string& key_name) {
  json::array tags;
  for (const auto& [key, value] : order.labels) tags.push_back(json::object{{"key", key}, {"value", value}});
  for (const auto& [key, value] : tags_of(mark)) tags.push_back(json::object{{"key", key}, {"value", value}});
  json::object body{{"region_name", order.offer.region},
                    {"instance_type_name", order.offer.instance_type},
                    {"ssh_key_names", json::array{key_name}},
                    {"file_system_names", json::array{}},
                    {"name", fmt::format("{}-{}", order.cluster.substr(0, kNameMost - 4), mark.rank)},
                    {"tags", std::move(tags)}};
  if (!order.image.empty()) body["image"] = json::object{{is_image_id(order.image) ? "id" : "family", order.image}};
  return json::serialize(body);
}

std::string terminate_body(const std::vector<std::string>& ids) {
  return json::serialize(json::object{{"instance_ids", json::array(ids.begin(), ids.end())}});
}

std::string key_body(const std::string& name, const std::string& public_line) {
  return json::serialize(json::object{{"name", name}, {"public_key", public_line}});
}

Result<std::string> parse_key_file(std::string_view text) {
  for (const auto line : split(text, '\n')) {
    const auto equals = line.find('=');
    if (equals == line.npos || trim(line.substr(0, equals)) != "api_key") continue;
    const auto key = trim(line.substr(equals + 1));
    const bool is_one = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (is_one) return std::string(key);
  }
  return invalid("it has no line `api_key = KEY`");
}

}  // namespace isobar::cloud::lambda
