#pragma once

/// For tests: Azure Resource Manager by its documentation. Names are unique in their groups and case does not matter in them; a machine is
/// made a while after it was asked for, with the failure the test chose; its interface and address come with it; a group goes with all
/// that it holds, some looks later; the connection can break before or after Azure has acted.

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <deque>
#include <map>
#include <mutex>
#include <set>

#include "net/http.h"

namespace isobar::cloud::azure {

class FakeArm final : public net::HttpTransport {
 public:
  struct FakeMachine {
    std::string group, name, power = "running", failure;
    boost::json::object order;
    int looks = 0;
  };
  struct FakeGroup {
    boost::json::object order;
    bool ends = false;
    std::map<std::string, boost::json::object> rules = {};  ///< of its security group, beside those that it was made with
  };

  // What the test sets up, before it calls.
  std::map<std::string, std::deque<std::pair<int, std::string>>> refusals;  ///< "PUT virtualMachines" → {HTTP status, code}
  std::map<std::string, std::pair<int, std::string>> always;                ///< the same, whatever is asked
  std::map<std::string, std::string> failing_ranks;                         ///< rank → code with which its machine fails
  std::string message = "no";
  int looks_until_made = 2, answers_lost_of_put = 0, requests_until_dead = 1 << 30;
  bool groups_stay = false;  ///< they are being deleted for as long as the test runs
  std::size_t page = 100;
  std::string failing_start;                              ///< code
  std::map<std::string, int> quotas = {{"cores", 1000}};  ///< of each region, of which 1 is used

  // What the test looks at, afterwards.
  std::vector<FakeMachine> machines;
  std::map<std::string, FakeGroup> groups;
  std::vector<std::string> asked;
  std::string authorization;

  std::size_t times(const std::string& what) const { return static_cast<std::size_t>(std::count(asked.begin(), asked.end(), what)); }

  void start(net::HttpRequest request, net::HttpDone done) override {
    Result<net::HttpResponse> response = unavailable("the connection broke");
    {
      const std::scoped_lock lock(mutex_);
      if (requests_until_dead-- > 0) response = answer(request);
    }
    done(std::move(response));
  }

 private:
  static constexpr const char* kRoot = "/subscriptions/01234567-89ab-cdef-0123-456789abcdef";

  static net::HttpResponse reply(const boost::json::object& body, int status = 200) {
    net::HttpResponse response;
    response.status = status;
    response.body = boost::json::serialize(body);
    return response;
  }
  net::HttpResponse refusal(int status, const std::string& code) const {
    return reply({{"error", {{"code", code}, {"message", message}}}}, status);
  }
  static std::string id_of(const FakeMachine& machine, const std::string& kind, const std::string& suffix = {}) {
    return std::string(kRoot) + "/resourceGroups/" + machine.group + "/providers/" + kind + "/" + machine.name + suffix;
  }
  static std::string upper(std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
  }
  static std::string state_of(const FakeMachine& machine) {
    return !machine.failure.empty() ? "Failed" : machine.looks > 0 ? "Creating" : "Succeeded";
  }
  static boost::json::object view_of(const FakeMachine& machine) {
    boost::json::array statuses;
    if (!machine.failure.empty())
      statuses.push_back(boost::json::object{{"code", "ProvisioningState/failed/" + machine.failure}, {"message", "It did not work."}});
    // One that failed to start is where it was; one that failed to be made never was anywhere.
    const bool was_made = machine.looks <= 0 && (machine.failure.empty() || machine.power == "deallocated");
    if (was_made) statuses.push_back(boost::json::object{{"code", "PowerState/" + machine.power}});
    return {{"statuses", statuses}};
  }
  boost::json::object told(const FakeMachine& machine, bool with_view) const {
    boost::json::object told = machine.order;
    told["id"] = id_of(machine, "Microsoft.Compute/virtualMachines");
    told["name"] = machine.name;
    auto& properties = told["properties"].as_object();
    properties["provisioningState"] = state_of(machine);
    properties["networkProfile"] = {{"networkInterfaces", boost::json::array{boost::json::object{
                                                              {"id", id_of(machine, "Microsoft.Network/networkInterfaces", "-nic")}}}}};
    if (with_view) properties["instanceView"] = view_of(machine);
    return told;
  }

  net::HttpResponse usages_in(const std::string& region) const {
    EXPECT_EQ(region, "eastus");
    boost::json::array told;
    for (const auto& [name, limit] : quotas)
      told.push_back({{"name", {{"value", name}, {"localizedValue", name}}}, {"limit", limit}, {"currentValue", 1}, {"unit", "Count"}});
    return reply({{"value", told}});
  }

  Result<net::HttpResponse> answer(const net::HttpRequest& request) {
    if (request.url.host == "login.microsoftonline.com") return reply({{"access_token", "TOKEN"}, {"expires_in", 3600}});
    EXPECT_EQ(request.url.host, "management.azure.com");
    const auto question = request.url.target.find('?');
    const std::string path = request.url.target.substr(0, question), query = request.url.target.substr(question + 1);
    EXPECT_NE(query.find("api-version=20"), query.npos) << request.url.target;
    EXPECT_TRUE(path.starts_with(kRoot)) << path;
    authorization = std::string(request.headers.get("Authorization"));
    std::vector<std::string> parts;
    for (std::size_t from = std::string(kRoot).size() + 1; from <= path.size();) {
      const auto end = std::min(path.find('/', from), path.size());
      parts.push_back(path.substr(from, end - from));
      from = end + 1;
    }
    const std::string kind = parts.empty()                  ? "subscription"
                             : parts[0] == "resourcegroups" ? "groups"
                             : parts[0] == "providers"      ? parts.back() == "usages" ? "usages" : parts[2]
                                                            : parts[4];
    asked.push_back(request.method + " " + kind);
    if (const auto queue = refusals.find(asked.back()); queue != refusals.end() && !queue->second.empty()) {
      const auto [status, code] = queue->second.front();
      queue->second.pop_front();
      return refusal(status, code);
    }
    if (const auto ever = always.find(asked.back()); ever != always.end()) return refusal(ever->second.first, ever->second.second);
    const auto body = request.owned_body.empty() ? boost::json::object() : boost::json::parse(request.owned_body).as_object();
    if (kind == "subscription") return reply({{"subscriptionId", "x"}, {"displayName", "Research"}});
    if (kind == "usages") return usages_in(parts[3]);
    if (kind == "groups") return group(request.method, parts, body);
    if (parts[0] == "providers") return list(kind, query);
    if (!groups.contains(parts[1])) return refusal(404, "ResourceGroupNotFound");
    if (kind == "networkSecurityGroups" && parts.size() > 6) groups[parts[1]].rules[parts.back()] = body;
    if (kind != "virtualMachines") {
      boost::json::object told = body;
      told["properties"].is_object() ? told["properties"].as_object()["provisioningState"] = "Succeeded"
                                     : told["properties"] = boost::json::object{{"provisioningState", "Succeeded"}};
      return reply(told);
    }
    return machine(request.method, parts, body);
  }

  Result<net::HttpResponse> group(const std::string& method, const std::vector<std::string>& parts, const boost::json::object& body) {
    if (parts.size() == 1) {
      boost::json::array value;
      for (const auto& [name, group] : groups)
        value.push_back(boost::json::object{{"name", name},
                                            {"tags", group.order.at("tags")},
                                            {"properties", {{"provisioningState", group.ends ? "Deleting" : "Succeeded"}}}});
      return reply({{"value", value}});
    }
    if (method == "PUT") {
      groups[parts[1]] = {body};
      return reply(body, 201);
    }
    if (!groups.contains(parts[1])) return refusal(404, "ResourceGroupNotFound");
    std::erase_if(machines, [&](const auto& each) { return each.group == parts[1]; });
    if (groups_stay) groups[parts[1]].ends = true;
    else groups.erase(parts[1]);
    return reply({}, 202);
  }

  Result<net::HttpResponse> list(const std::string& kind, const std::string& query) {
    boost::json::array value;
    const auto skip = query.find("skip=");
    const std::size_t from = skip == query.npos ? 0 : std::stoul(query.substr(skip + 5));
    for (std::size_t i = from; i < std::min(from + page, machines.size()); ++i) {
      const FakeMachine& each = machines[i];
      if (kind == "virtualMachines" && query.find("statusOnly=true") != query.npos)
        value.push_back(boost::json::object{{"id", upper(id_of(each, "Microsoft.Compute/virtualMachines"))},
                                            {"properties", {{"instanceView", view_of(each)}}}});
      else if (kind == "virtualMachines") value.push_back(told(each, false));
      if (kind == "networkInterfaces") {
        const boost::json::object properties{{"privateIPAddress", "10.60.0.4"},
                                             {"publicIPAddress", {{"id", id_of(each, "Microsoft.Network/publicIPAddresses", "-ip")}}}};
        value.push_back(boost::json::object{
            {"id", id_of(each, "Microsoft.Network/networkInterfaces", "-nic")},
            {"properties", {{"ipConfigurations", boost::json::array{boost::json::object{{"properties", properties}}}}}}});
      }
      if (kind == "publicIPAddresses")
        value.push_back(boost::json::object{{"id", id_of(each, "Microsoft.Network/publicIPAddresses", "-ip")},
                                            {"properties", {{"ipAddress", "192.0.2.5"}}}});
    }
    boost::json::object answer{{"value", value}};
    if (from + page < machines.size())
      answer["nextLink"] = std::string("https://management.azure.com") + kRoot + "/providers/x/" + kind + "?api-version=2024-07-01" +
                           (query.find("statusOnly") == query.npos ? "" : "&statusOnly=true") + "&skip=" + std::to_string(from + page);
    return reply(answer);
  }

  Result<net::HttpResponse> machine(const std::string& method, const std::vector<std::string>& parts, const boost::json::object& body) {
    const auto found =
        std::find_if(machines.begin(), machines.end(), [&](const auto& each) { return each.group == parts[1] && each.name == parts[5]; });
    if (method == "PUT") {
      if (found == machines.end()) {
        FakeMachine made{.group = parts[1], .name = parts[5], .order = body, .looks = looks_until_made};
        const auto rank = std::string(body.at("tags").as_object().at("isobar-rank").as_string());
        if (failing_ranks.contains(rank)) made.failure = failing_ranks[rank];
        machines.push_back(std::move(made));
      }
      if (answers_lost_of_put-- > 0) return unavailable("the connection broke");
      return reply(body, 201);
    }
    if (found == machines.end()) return refusal(404, "ResourceNotFound");
    if (method == "GET") {
      --found->looks;
      return reply(told(*found, true));
    }
    if (method == "DELETE") {
      machines.erase(found);
      return reply({}, 202);
    }
    found->failure.clear();
    if (parts.back() == "deallocate") found->power = "deallocated";
    if (parts.back() == "start" && failing_start.empty()) found->power = "running";
    if (parts.back() == "start") found->failure = std::exchange(failing_start, "");
    return reply({}, 202);
  }

  std::mutex mutex_;
};

}  // namespace isobar::cloud::azure
