#include "mend_text.h"

#include <boost/json.hpp>

namespace isobar::broker {

namespace json = boost::json;

std::string encode_mend(const MendPlan& plan) {
  json::array files;
  for (const auto& tree : plan.files)
    files.push_back(json::object{{"destination", tree.destination}, {"source", tree.source}, {"all", tree.passes_ignore_files}});
  return json::serialize(json::object{{"allowed", plan.allowed},
                                      {"generation", plan.generation},
                                      {"replacing", json::value_from(plan.replacing)},
                                      {"labels", json::value_from(plan.labels)},
                                      {"config", json::value_from(plan.config)},
                                      {"image", plan.image},
                                      {"files", std::move(files)}});
}

Result<MendPlan> decode_mend(std::string_view text) {
  MendPlan plan;
  if (text.empty()) return plan;
  try {
    using Texts = std::map<std::string, std::string>;
    const auto parsed = json::parse(json::string_view(text.data(), text.size()));
    plan.allowed = parsed.at("allowed").as_bool();
    plan.generation = json::value_to<int>(parsed.at("generation"));
    plan.replacing = json::value_to<std::vector<int>>(parsed.at("replacing"));
    plan.labels = json::value_to<Texts>(parsed.at("labels"));
    plan.config = json::value_to<Texts>(parsed.at("config"));
    plan.image = std::string(parsed.at("image").as_string());
    for (const auto& each : parsed.at("files").as_array())
      plan.files.push_back(
          {std::string(each.at("destination").as_string()), std::string(each.at("source").as_string()), each.at("all").as_bool()});
  } catch (const std::exception& failure) {
    return Error(Code::kDataLoss, std::string("how to mend a cluster is damaged in the state: ") + failure.what());
  }
  return plan;
}

}  // namespace isobar::broker
