#include "kube_picture.h"

#include <boost/json.hpp>

#include "kube_ledger.h"

namespace isobar::cloud {

namespace json = boost::json;

namespace {

json::object to_json(const Offer& offer) {
  return {{"instance_type", offer.instance_type},
          {"vcpus", offer.vcpus},
          {"memory_gib", offer.memory_gib},
          {"accelerator", offer.accelerator},
          {"accelerator_count", offer.accelerator_count},
          {"architecture", offer.architecture},
          {"plain", offer.hourly_price.has_value()},
          {"spot", offer.hourly_spot_price.has_value()}};
}

Offer offer_of(const std::string& context, const json::object& from) {
  const auto text = [&](const char* name) { return std::string(from.at(name).as_string()); };
  const auto number = [&](const char* name) { return json::value_to<double>(from.at(name)); };
  Offer offer{.cloud = "kubernetes", .region = context, .zone = {}, .instance_type = text("instance_type")};
  offer.vcpus = number("vcpus");
  offer.memory_gib = number("memory_gib");
  offer.accelerator = text("accelerator");
  offer.accelerator_count = number("accelerator_count");
  offer.architecture = text("architecture");
  if (from.at("plain").as_bool()) offer.hourly_price = 0;
  if (from.at("spot").as_bool()) offer.hourly_spot_price = 0;
  return offer;
}

}  // namespace

fs::path KubePictures::file_of(const std::string& context) const { return folder_ / (file_name_for(context) + ".json"); }

std::optional<KubePicture> KubePictures::find(const std::string& context) const {
  const auto text = read_file(file_of(context));
  if (!text.ok()) return std::nullopt;
  try {
    const auto value = json::parse(*text);
    const auto& from = value.as_object();
    KubePicture picture{.at = Instant::from_unix_nanos(from.at("at_unix_nanos").to_number<std::int64_t>()),
                        .problem = std::string(from.at("problem").as_string()),
                        .facts = json::value_to<std::vector<std::string>>(from.at("facts")),
                        .offers = {}};
    for (const auto& offer : from.at("offers").as_array()) picture.offers.push_back(offer_of(context, offer.as_object()));
    return picture;
  } catch (const std::exception&) {
    return std::nullopt;  // it is only remembered; looking again makes it anew
  }
}

Status KubePictures::put(const std::string& context, const KubePicture& picture) const {
  json::array offers;
  for (const auto& offer : picture.offers) offers.push_back(to_json(offer));
  TRY(make_folders(folder_));
  return write_file(file_of(context),
                    json::serialize(json::object{{"context", context},
                                                 {"at_unix_nanos", picture.at.unix_nanos()},
                                                 {"problem", picture.problem},
                                                 {"facts", json::value_from(picture.facts)},
                                                 {"offers", offers}}) +
                        "\n",
                    Durability::kCache);
}

}  // namespace isobar::cloud
