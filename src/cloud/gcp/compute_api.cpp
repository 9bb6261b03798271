#include "compute_api.h"

#include <fmt/format.h>

#include "gcp_refusals.h"
#include "net/url.h"

namespace isobar::cloud::gcp {

namespace {

constexpr int kPagesMost = 1000;
constexpr Duration kBetweenLooks = 1s;

}  // namespace

Answer<std::string> ComputeApi::get(const std::string& doing, const std::string& url) const {
  return client_.call({.doing = doing, .url = url}, end_);
}

Answer<Nothing> ComputeApi::act(const RestCall& call) const {
  TRY_ASSIGN(auto answer, client_.call(call, end_));
  for (;;) {
    TRY_ASSIGN(const auto operation, parse_operation(answer).context(call.doing));
    if (operation.failure) return refused_by(*operation.failure, kShown, kRefusals, call.doing);
    if (operation.done) return Nothing{};
    if (client_.pace().now() >= end_)
      return Error(Code::kDeadlineExceeded, fmt::format("{}: Compute Engine was not done in time ({})", call.doing, operation.name));
    client_.pace().pause(kBetweenLooks, end_);
    const std::string scope = operation.zone.empty() ? "global" : "zones/" + operation.zone;
    TRY_ASSIGN(answer, get(call.doing, fmt::format("{}/{}/operations/{}", root_, scope, operation.name)));
  }
}

Answer<std::vector<CloudMachine>> ComputeApi::machines(const std::string& owner) const {
  std::vector<CloudMachine> machines;
  std::string token;
  for (int page = 0; page < kPagesMost; ++page) {
    net::QueryParameters query = {{"filter", fmt::format("labels.{}=\"{}\"", kOwnerTag, owner)}, {"maxResults", "500"}};
    if (!token.empty()) query.emplace_back("pageToken", token);
    TRY_ASSIGN(const auto answer, get("list machines", root_ + "/aggregated/instances?" + net::encode_query(query)));
    TRY_ASSIGN(auto told, parse_machines(answer).context("list machines"));
    machines.insert(machines.end(), std::make_move_iterator(told.machines.begin()), std::make_move_iterator(told.machines.end()));
    token = told.next;
    if (token.empty()) return machines;
  }
  return Error(Code::kDataLoss, "list machines: Compute Engine's list has no end");
}

Answer<CloudMachine> ComputeApi::machine(const MachineId& id) const {
  TRY_ASSIGN(const auto answer, get("look at machine " + id.name, fmt::format("{}/zones/{}/instances/{}", root_, id.zone, id.name)));
  TRY_ASSIGN(auto machine, parse_machine(answer).context("look at machine " + id.name));
  return machine;
}

Answer<Nothing> ComputeApi::insert(const std::string& zone, const std::string& body, const std::string& request_id,
                                   const std::string& doing) const {
  return act(
      {.doing = doing, .method = "POST", .url = fmt::format("{}/zones/{}/instances?requestId={}", root_, zone, request_id), .body = body});
}

Answer<Nothing> ComputeApi::stop(const MachineId& id) const {
  return act(
      {.doing = "stop machine " + id.name, .method = "POST", .url = fmt::format("{}/zones/{}/instances/{}/stop", root_, id.zone, id.name)});
}

Answer<Nothing> ComputeApi::start(const MachineId& id) const {
  return act({.doing = "start machine " + id.name,
              .method = "POST",
              .url = fmt::format("{}/zones/{}/instances/{}/start", root_, id.zone, id.name)});
}

Answer<Nothing> ComputeApi::remove(const MachineId& id) const {
  auto done = act(
      {.doing = "delete machine " + id.name, .method = "DELETE", .url = fmt::format("{}/zones/{}/instances/{}", root_, id.zone, id.name)});
  if (done.refused_with("RESOURCE_NOT_FOUND")) return Nothing{};
  return done;
}

Answer<std::set<std::string>> ComputeApi::preempted(const std::string& zone) const {
  const net::QueryParameters query = {{"filter", "operationType=\"compute.instances.preempted\""}, {"maxResults", "500"}};
  TRY_ASSIGN(const auto answer,
             get("look for preempted machines", fmt::format("{}/zones/{}/operations?{}", root_, zone, net::encode_query(query))));
  TRY_ASSIGN(auto names, parse_preempted(answer).context("look for preempted machines"));
  return names;
}

Answer<Image> ComputeApi::image(const std::string& path) const {
  TRY_ASSIGN(const auto answer, get("look for the image " + path, base_ + "/" + path));
  TRY_ASSIGN(auto image, parse_image(answer).context("look for the image " + path));
  return image;
}

Answer<std::vector<Quota>> ComputeApi::regional_quotas(const std::string& region) const {
  TRY_ASSIGN(const auto answer, get("look at the quotas of " + region, root_ + "/regions/" + region));
  TRY_ASSIGN(auto quotas, parse_quotas(answer));
  return quotas;
}

Answer<std::vector<Quota>> ComputeApi::project_quotas() const {
  TRY_ASSIGN(const auto answer, get("look at the project", root_));
  TRY_ASSIGN(auto quotas, parse_quotas(answer));
  return quotas;
}

Answer<Nothing> ComputeApi::network(const std::string& name) const {
  TRY(get("look for the network " + name, root_ + "/global/networks/" + name));
  return Nothing{};
}

Answer<Nothing> ComputeApi::have_firewall(Ingress ingress, const std::string& network) const {
  const std::string name = firewall_name(ingress), doing = "have the firewall rule " + name;
  const auto there = get(doing, root_ + "/global/firewalls/" + name);
  // What a user has narrowed (ssh from one office alone) stays as it is.
  if (there.ok()) return Nothing{};
  if (!there.refused_with("RESOURCE_NOT_FOUND")) return there.error();
  auto made = act({.doing = doing, .method = "POST", .url = root_ + "/global/firewalls", .body = firewall_body(ingress, network)});
  if (made.refused_with("RESOURCE_ALREADY_EXISTS")) return Nothing{};  // Another process did so meanwhile.
  return made;
}

Answer<Nothing> ComputeApi::put_firewall(const std::string& name, const std::string& body) const {
  const std::string doing = "have the firewall rule " + name, rules = root_ + "/global/firewalls";
  auto made = act({.doing = doing, .method = "POST", .url = rules, .body = body});
  if (!made.refused_with("RESOURCE_ALREADY_EXISTS")) return made;
  return act({.doing = doing, .method = "PATCH", .url = rules + "/" + name, .body = body});
}

Answer<Nothing> ComputeApi::remove_firewall(const std::string& name) const {
  auto done = act({.doing = "delete the firewall rule " + name, .method = "DELETE", .url = root_ + "/global/firewalls/" + name});
  if (done.refused_with("RESOURCE_NOT_FOUND")) return Nothing{};
  return done;
}

Answer<std::set<std::string>> ComputeApi::clusters_with_rules(const std::string& mark) const {
  std::set<std::string> clusters;
  std::string token;
  for (int page = 0; page < kPagesMost; ++page) {
    net::QueryParameters query = {{"filter", "name eq \"isobar-.*-ports\""}, {"maxResults", "500"}};
    if (!token.empty()) query.emplace_back("pageToken", token);
    TRY_ASSIGN(const auto answer, get("list firewall rules", root_ + "/global/firewalls?" + net::encode_query(query)));
    TRY_ASSIGN(auto told, parse_ports_rules(answer, mark).context("list firewall rules"));
    clusters.merge(told.clusters);
    token = told.next;
    if (token.empty()) return clusters;
  }
  return Error(Code::kDataLoss, "list firewall rules: Compute Engine's list has no end");
}

}  // namespace isobar::cloud::gcp
