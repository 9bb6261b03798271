#include "cloud/slurm_order.h"

#include <fmt/format.h>

#include <boost/json.hpp>

namespace isobar::cloud {

namespace json = boost::json;

namespace {

std::string text_at(const json::object& from, const char* name) { return std::string(from.at(name).as_string()); }

SlurmOrder order_of(const json::object& from) {
  SlurmOrder order{text_at(from, "cluster"), text_at(from, "token"), text_at(from, "region"), text_at(from, "zone"), text_at(from, "user")};
  order.cpus = json::value_to<double>(from.at("cpus"));
  order.gpus = json::value_to<int>(from.at("gpus"));
  order.agent_tokens = json::value_to<std::vector<std::string>>(from.at("agent_tokens"));
  return order;
}

}  // namespace

std::string encode(const SlurmOrder& order) {
  return json::serialize(json::object{{"cluster", order.cluster},
                                      {"token", order.token},
                                      {"region", order.region},
                                      {"zone", order.zone},
                                      {"user", order.user},
                                      {"cpus", order.cpus},
                                      {"gpus", order.gpus},
                                      {"agent_tokens", json::value_from(order.agent_tokens)}}) +
         "\n";
}

Result<SlurmOrder> parse_slurm_order(std::string_view text) {
  try {
    auto order = order_of(json::parse(json::string_view(text.data(), text.size())).as_object());
    if (order.agent_tokens.empty()) return invalid("the order of a Slurm cluster names no rank");
    for (const auto& token : order.agent_tokens)
      if (token.empty()) return invalid("the order of a Slurm cluster has an empty token, which would let everybody in");
    return order;
  } catch (const std::exception& failure) {
    return invalid(fmt::format("the order of a Slurm cluster is not of its form: {}", failure.what()));
  }
}

std::string encode(const PublishedRank& published) {
  return json::serialize(
             json::object{{"token", published.token}, {"rank", published.rank}, {"address", published.address}, {"port", published.port}}) +
         "\n";
}

Result<PublishedRank> parse_published_rank(std::string_view text) {
  try {
    const auto value = json::parse(json::string_view(text.data(), text.size()));
    const auto& from = value.as_object();
    PublishedRank published{text_at(from, "token"), json::value_to<int>(from.at("rank")), text_at(from, "address"),
                            json::value_to<int>(from.at("port"))};
    if (published.rank < 0 || published.port < 1 || published.port > 65'535 || published.address.empty())
      return invalid("a rank says that it is where nothing can be");
    return published;
  } catch (const std::exception& failure) {
    return invalid(fmt::format("what a rank says of itself is not of its form: {}", failure.what()));
  }
}

std::string agent_address_of(const PublishedRank& published) { return fmt::format("tls:{}:{}", published.address, published.port); }

}  // namespace isobar::cloud
