#include <fmt/format.h>

#include <boost/json.hpp>

#include "transfer/fetch.h"

namespace isobar::transfer {

namespace json = boost::json;

namespace {

constexpr std::size_t kPieceBytes = 100 << 10, kBytesMost = 1 << 20;

json::object object_of(const std::map<std::string, std::string>& from) {
  json::object object;
  for (const auto& [name, value] : from) object[name] = value;
  return object;
}

// Throw what boost::json throws of a value that is missing or of another kind.
std::map<std::string, std::string> map_of(const json::value& from) {
  std::map<std::string, std::string> map;
  for (const auto& [name, value] : from.as_object()) map[std::string(name)] = std::string(value.as_string());
  return map;
}
std::string text_of(const json::object& from, std::string_view name) { return std::string(from.at(name).as_string()); }

FetchOrder order_of(const json::object& from) {
  FetchOrder order;
  order.destination = text_of(from, "destination");
  order.store.location = text_of(from, "location");
  order.store.endpoint = text_of(from, "endpoint");
  order.store.region = text_of(from, "region");
  order.store.profile = text_of(from, "profile");
  order.store.anonymous = from.at("anonymous").as_bool();
  order.store.requester_pays = from.at("requester_pays").as_bool();
  return order;
}

}  // namespace

std::string encode(const FetchOrders& orders) {
  json::array list;
  for (const auto& order : orders.orders)
    list.push_back(json::object{{"location", order.store.location},
                                {"destination", order.destination},
                                {"endpoint", order.store.endpoint},
                                {"region", order.store.region},
                                {"profile", order.store.profile},
                                {"anonymous", order.store.anonymous},
                                {"requester_pays", order.store.requester_pays}});
  return json::serialize(json::object{{"orders", std::move(list)},
                                      {"variables", object_of(orders.surroundings.variables)},
                                      {"files", object_of(orders.surroundings.files)},
                                      {"home", orders.surroundings.home}});
}

Result<FetchOrders> decode_fetch_orders(std::string_view text) {
  FetchOrders orders;
  try {
    const auto parsed = json::parse(json::string_view(text.data(), text.size()));
    const auto& all = parsed.as_object();
    for (const auto& each : all.at("orders").as_array()) orders.orders.push_back(order_of(each.as_object()));
    orders.surroundings = {map_of(all.at("variables")), map_of(all.at("files")), text_of(all, "home")};
  } catch (const std::exception& error) {
    return invalid(fmt::format("{} is not what it should be: {}", fetch_variable(0), error.what()));
  }
  return orders;
}

std::string fetch_variable(int index) { return index == 0 ? "ISOBAR_FETCH" : fmt::format("ISOBAR_FETCH_{}", index); }

Result<std::map<std::string, std::string>> fetch_variables(const FetchOrders& orders) {
  const auto text = encode(orders);
  if (text.size() > kBytesMost)
    return invalid(
        fmt::format("the credentials for what is to be fetched take {} bytes, and {} at most can be sent: make the files that "
                    "hold them, or AWS_CA_BUNDLE, smaller",
                    text.size(), kBytesMost));
  std::map<std::string, std::string> variables;
  for (std::size_t at = 0; at < text.size(); at += kPieceBytes)
    variables.emplace(fetch_variable(static_cast<int>(at / kPieceBytes)), text.substr(at, kPieceBytes));
  return variables;
}

}  // namespace isobar::transfer
