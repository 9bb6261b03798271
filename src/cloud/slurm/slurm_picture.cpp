#include "slurm_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "slurm_offers.h"

namespace isobar::cloud {

namespace json = boost::json;

namespace {

json::object to_json(const Offer& offer) {
  return {{"zone", offer.zone},
          {"instance_type", offer.instance_type},
          {"vcpus", offer.vcpus},
          {"memory_gib", offer.memory_gib},
          {"accelerator", offer.accelerator},
          {"accelerator_count", offer.accelerator_count},
          {"hourly_price", offer.hourly_price.value_or(0)}};
}

Offer offer_of(const std::string& cluster, const json::object& from) {
  const auto text = [&](const char* name) { return std::string(from.at(name).as_string()); };
  const auto number = [&](const char* name) { return json::value_to<double>(from.at(name)); };
  Offer offer{.cloud = "slurm", .region = cluster, .zone = text("zone"), .instance_type = text("instance_type")};
  offer.vcpus = number("vcpus");
  offer.memory_gib = number("memory_gib");
  offer.accelerator = text("accelerator");
  offer.accelerator_count = number("accelerator_count");
  offer.hourly_price = number("hourly_price");
  return offer;
}

std::string describe(const SlurmInventory& inventory, const SlurmPartition& partition) {
  if (!partition.up()) return fmt::format("partition {}: closed (Slurm: {})", partition.name, partition.state);
  const auto nodes = inventory.nodes_of(partition);
  const auto free =
      std::count_if(nodes.begin(), nodes.end(), [](const SlurmNode* node) { return node->takes_jobs() && node->cpus_allocated == 0; });
  const auto limit = partition.time_limit ? ", at most " + format_slurm_span(*partition.time_limit) : std::string();
  return fmt::format("partition {}: {} of {} nodes free{}", partition.name, free, nodes.size(), limit);
}

}  // namespace

SlurmPicture picture_of(const std::string& cluster, const SlurmInventory& inventory, Instant at) {
  SlurmPicture picture{.at = at, .problem = {}, .version = inventory.version, .partitions = {}, .offers = {}};
  for (const auto& partition : inventory.partitions) picture.partitions.push_back(describe(inventory, partition));
  for (auto& each : slurm_offers(cluster, inventory)) picture.offers.push_back(std::move(each.offer));
  return picture;
}

std::optional<SlurmPicture> SlurmPictures::find(const std::string& cluster) const {
  const auto text = read_file(file_of(cluster));
  if (!text.ok()) return std::nullopt;
  try {
    const auto value = json::parse(*text);
    const auto& from = value.as_object();
    SlurmPicture picture{.at = Instant::from_unix_nanos(from.at("at_unix_nanos").to_number<std::int64_t>()),
                         .problem = std::string(from.at("problem").as_string()),
                         .version = std::string(from.at("version").as_string()),
                         .partitions = json::value_to<std::vector<std::string>>(from.at("partitions")),
                         .offers = {}};
    for (const auto& offer : from.at("offers").as_array()) picture.offers.push_back(offer_of(cluster, offer.as_object()));
    return picture;
  } catch (const std::exception&) {
    return std::nullopt;  // it is only remembered; looking again makes it anew
  }
}

Status SlurmPictures::put(const std::string& cluster, const SlurmPicture& picture) const {
  json::array offers;
  for (const auto& offer : picture.offers) offers.push_back(to_json(offer));
  TRY(make_folders(folder_));
  return write_file(file_of(cluster),
                    json::serialize(json::object{{"at_unix_nanos", picture.at.unix_nanos()},
                                                 {"problem", picture.problem},
                                                 {"version", picture.version},
                                                 {"partitions", json::value_from(picture.partitions)},
                                                 {"offers", offers}}) +
                        "\n",
                    Durability::kCache);
}

}  // namespace isobar::cloud
