#include "transfer/mount_order.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "transfer/fetch.h"

namespace isobar::transfer {

namespace json = boost::json;

namespace {

struct Setting {
  std::string_view name;
  bool number;  // else a size or a span, as rclone writes them
};
constexpr Setting kCacheSettings[] = {
    {"transfers", true},       {"buffer_size", false},         {"vfs_cache_max_size", false},    {"vfs_cache_max_age", false},
    {"vfs_read_ahead", false}, {"vfs_read_chunk_size", false}, {"vfs_read_chunk_streams", true}, {"vfs_write_back", false}};

bool is_value_of(const Setting& setting, std::string_view value) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto allowed = [&](char c) {
    return digit(c) || (!setting.number && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.'));
  };
  return !value.empty() && value.size() <= 20 && (digit(value[0]) || value == "off") && std::all_of(value.begin(), value.end(), allowed);
}

std::string names_of_settings() {
  std::string names;
  for (const auto& setting : kCacheSettings) names += fmt::format("{}{}", names.empty() ? "" : ", ", setting.name);
  return names;
}

}  // namespace

// The place and the credentials travel in the same text as for what is fetched.
std::string encode(const MountOrder& order) {
  json::object settings;
  for (const auto& [name, value] : order.settings) settings[name] = value;
  const FetchOrders place{{{order.store, order.destination}}, order.surroundings};
  return json::serialize(
      json::object{{"place", encode(place)}, {"cached", order.cached}, {"read_only", order.read_only}, {"settings", settings}});
}

Result<MountOrder> decode_mount_order(std::string_view text) {
  MountOrder order;
  std::string place;
  try {
    const auto parsed = json::parse(json::string_view(text.data(), text.size()));
    const auto& all = parsed.as_object();
    place = std::string(all.at("place").as_string());
    order.cached = all.at("cached").as_bool();
    order.read_only = all.at("read_only").as_bool();
    for (const auto& [name, value] : all.at("settings").as_object()) order.settings[std::string(name)] = std::string(value.as_string());
  } catch (const std::exception& error) {
    return invalid(fmt::format("the order to mount is not what it should be: {}", error.what()));
  }
  TRY_ASSIGN(auto decoded, decode_fetch_orders(place));
  if (decoded.orders.size() != 1) return invalid("an order to mount names one place");
  order.store = std::move(decoded.orders[0].store);
  order.destination = std::move(decoded.orders[0].destination);
  order.surroundings = std::move(decoded.surroundings);
  TRY(check_mount_settings(order.settings, order.cached));
  return order;
}

Status check_mount_settings(const std::map<std::string, std::string>& settings, bool cached) {
  for (const auto& [name, value] : settings) {
    const auto known = std::find_if(std::begin(kCacheSettings), std::end(kCacheSettings),
                                    [&wanted = name](const Setting& one) { return one.name == wanted; });
    if (!cached) return invalid(fmt::format("'{}' is a setting of MOUNT_CACHED; a MOUNT has read_only alone", name));
    if (known == std::end(kCacheSettings))
      return invalid(fmt::format("there is no setting '{}' of a mount; there are read_only, {}", name, names_of_settings()));
    if (!is_value_of(*known, value))
      return invalid(
          fmt::format("{}: expected {}, got '{}'", name, known->number ? "a number" : "a size or a time such as 10G or 5s", value));
  }
  return {};
}

}  // namespace isobar::transfer
