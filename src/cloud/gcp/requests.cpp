#include "requests.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "launch_rules.h"

namespace isobar::cloud::gcp {

namespace json = boost::json;

namespace {

json::object labels_of(const CreateOrder& order, const Mark& mark) {
  json::object labels;
  for (const auto& [key, value] : order.labels) labels[key] = value;
  labels[kOwnerTag] = mark.owner;
  return labels;
}

json::object metadata_of(const InsertOrder& machine) {
  json::array items;
  const auto add = [&](const std::string& key, const std::string& value) { items.push_back(json::object{{"key", key}, {"value", value}}); };
  for (const auto& [key, value] : tags_of(machine.mark)) add(key, value);
  add("ssh-keys", fmt::format("{}:{}", kLogin, machine.public_key_line));
  // Where a project turns OS Login on, keys of machines would be passed over.
  add("enable-oslogin", "FALSE");
  // Images of Deep Learning VM ask for it before they install NVIDIA's driver; others do not know it.
  if (machine.mark.gpus > 0) add("install-nvidia-driver", "True");
  return {{"items", std::move(items)}};
}

json::object disk_of(const CreateOrder& order, const InsertOrder& machine) {
  return {{"boot", true},
          {"autoDelete", true},
          {"initializeParams",
           {{"sourceImage", machine.image},
            {"diskSizeGb", std::to_string(machine.disk_gb)},
            {"diskType", fmt::format("zones/{}/diskTypes/{}", order.offer.zone, disk_type_of(order.offer.instance_type))},
            {"labels", labels_of(order, machine.mark)}}}};
}

json::object scheduling_of(const CreateOrder& order) {
  // Machines with GPUs cannot be moved while they run.
  const bool stays = order.offer.accelerator.empty() && !order.use_spot;
  json::object scheduling{{"onHostMaintenance", stays ? "MIGRATE" : "TERMINATE"}, {"automaticRestart", !order.use_spot}};
  if (order.use_spot) {
    scheduling["provisioningModel"] = "SPOT";
    scheduling["instanceTerminationAction"] = "STOP";
  }
  return scheduling;
}

}  // namespace

std::string insert_body(const CreateOrder& order, const InsertOrder& machine) {
  const Offer& offer = order.offer;
  json::object body{
      {"name", machine.name},
      {"machineType", fmt::format("zones/{}/machineTypes/{}", offer.zone, offer.instance_type)},
      {"labels", labels_of(order, machine.mark)},
      {"metadata", metadata_of(machine)},
      {"tags", {{"items", json::array{kNetworkTag, cluster_tag(machine.mark.owner, order.cluster)}}}},
      {"disks", json::array{disk_of(order, machine)}},
      {"networkInterfaces",
       json::array{json::object{{"network", machine.network},
                                {"accessConfigs", json::array{json::object{{"name", "External NAT"}, {"type", "ONE_TO_ONE_NAT"}}}}}}},
      {"scheduling", scheduling_of(order)}};
  if (const auto gpu = attached_gpu(offer); !gpu.empty())
    body["guestAccelerators"] = json::array{json::object{{"acceleratorType", fmt::format("zones/{}/acceleratorTypes/{}", offer.zone, gpu)},
                                                         {"acceleratorCount", static_cast<std::int64_t>(offer.accelerator_count)}}};
  return json::serialize(body);
}

std::string firewall_name(Ingress ingress) { return ingress == Ingress::kWithin ? "isobar-within" : "isobar-ssh"; }

std::string firewall_body(Ingress ingress, const std::string& network) {
  json::object body{{"name", firewall_name(ingress)},
                    {"description", "Machines that isobar makes: ssh from anywhere, everything among themselves"},
                    {"network", network},
                    {"direction", "INGRESS"},
                    {"targetTags", json::array{kNetworkTag}}};
  if (ingress == Ingress::kWithin) {
    body["sourceTags"] = json::array{kNetworkTag};
    body["allowed"] = json::array{json::object{{"IPProtocol", "all"}}};
  } else {
    body["sourceRanges"] = json::array{"0.0.0.0/0"};
    body["allowed"] = json::array{json::object{{"IPProtocol", "tcp"}, {"ports", json::array{"22"}}}};
  }
  return json::serialize(body);
}

std::string cluster_tag(const std::string& owner, const std::string& cluster) {
  return "isobar-" + crypto::to_hex(crypto::sha256(owner + "\n" + cluster)).substr(0, 12);
}

std::string ports_rule_name(const std::string& owner, const std::string& cluster) { return cluster_tag(owner, cluster) + "-ports"; }

std::string ports_rule_mark(const std::string& owner) { return fmt::format("Ports that isobar opens for {}: cluster ", owner); }

std::string ports_rule_body(const std::string& owner, const std::string& cluster, const std::string& network, const Ports& ports) {
  json::array ranges;
  for (const auto& range : ports) ranges.emplace_back(describe(range));
  return json::serialize(json::object{{"name", ports_rule_name(owner, cluster)},
                                      {"description", ports_rule_mark(owner) + cluster},
                                      {"network", network},
                                      {"direction", "INGRESS"},
                                      {"targetTags", json::array{cluster_tag(owner, cluster)}},
                                      {"sourceRanges", json::array{"0.0.0.0/0"}},
                                      {"allowed", json::array{json::object{{"IPProtocol", "tcp"}, {"ports", std::move(ranges)}}}}});
}

std::string request_id(const std::string& text) {
  std::string bytes = crypto::sha256(text).substr(0, 16);
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x50);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  const std::string hex = crypto::to_hex(bytes);
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4), hex.substr(20));
}

}  // namespace isobar::cloud::gcp
