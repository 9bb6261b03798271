#pragma once

/// For tests: Compute Engine by its documentation. Calls that change something begin an operation, which is done some looks later, with
/// the error the test chose; names are unique in a zone; a request id acts once; the connection can break before or after Google has
/// acted.

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <deque>
#include <map>
#include <mutex>
#include <set>

#include "net/http.h"

namespace isobar::cloud::gcp {

class FakeCompute final : public net::HttpTransport {
 public:
  struct FakeMachine {
    std::string zone, name, status = "RUNNING";
    boost::json::object order;
    std::string metadata(const std::string& key) const {
      for (const auto& item : order.at("metadata").as_object().at("items").as_array())
        if (item.as_object().at("key").as_string() == key) return std::string(item.as_object().at("value").as_string());
      return {};
    }
  };
  struct FakeOperation {
    std::string name, zone, type, target, code, message;
    int looks = 0;
  };

  // What the test sets up, before it calls.
  std::map<std::string, std::deque<std::pair<int, std::string>>> refusals;   ///< "GET networks" → {HTTP status, reason}, one a call
  std::map<std::string, std::pair<int, std::string>> always;                 ///< the same, whatever is asked
  std::map<std::string, std::pair<std::string, std::string>> refused_ranks;  ///< rank → {code, message} of its operation
  std::set<std::string> images = {"ubuntu-2204-lts", "common-cu128-ubuntu-2204-nvidia-570", "debian-12"};
  std::map<std::string, double> regional_quotas = {{"NVIDIA_T4_GPUS", 4}, {"PREEMPTIBLE_NVIDIA_T4_GPUS", 0}};
  double gpus_all_regions = 4;
  int looks_until_done = 1;
  int answers_lost_of_insert = 0;
  int requests_until_dead = 1 << 30;
  std::size_t page = 500;
  std::string refused_start;  ///< code of the operation that starts a machine

  // What the test looks at, afterwards.
  std::vector<FakeMachine> machines;                     ///< that exist
  std::map<std::string, boost::json::object> firewalls;  ///< by name, as they were last told
  std::vector<std::string> asked;                        ///< "POST instances", in order
  std::string authorization;

  std::size_t times(const std::string& what) const { return static_cast<std::size_t>(std::count(asked.begin(), asked.end(), what)); }
  /// Machines are made several at once, so that their order says nothing of their ranks.
  void preempt(const std::string& rank) {
    for (auto& machine : machines)
      if (machine.metadata("isobar-rank") == rank) {
        machine.status = "TERMINATED";
        operations_.push_back(
            {"op-" + std::to_string(operations_.size()), machine.zone, "compute.instances.preempted", machine.name, "", ""});
      }
  }

  void start(net::HttpRequest request, net::HttpDone done) override {
    Result<net::HttpResponse> response = unavailable("the connection broke");
    {
      const std::scoped_lock lock(mutex_);
      if (requests_until_dead-- > 0) response = answer(request);
    }
    done(std::move(response));
  }

 private:
  static net::HttpResponse reply(const boost::json::object& body, int status = 200) {
    net::HttpResponse response;
    response.status = status;
    response.body = boost::json::serialize(body);
    return response;
  }
  static net::HttpResponse refusal(int status, const std::string& reason, const std::string& message = "No\nsuch luck.") {
    const boost::json::object first{{"message", message}, {"domain", "global"}, {"reason", reason}};
    return reply({{"error", {{"code", status}, {"message", message}, {"errors", boost::json::array{first}}}}}, status);
  }
  static std::string url(const std::string& path) { return "https://www.googleapis.com/compute/v1/projects/proj/" + path; }

  static std::vector<std::string> parts_of(const std::string& path) {
    std::vector<std::string> parts;
    for (std::size_t from = 0; from <= path.size();) {
      const auto end = std::min(path.find('/', from), path.size());
      parts.push_back(path.substr(from, end - from));
      from = end + 1;
    }
    return parts;
  }

  Result<net::HttpResponse> answer(const net::HttpRequest& request) {
    if (request.url.host == "oauth2.googleapis.com") return reply({{"access_token", "TOKEN"}, {"expires_in", 3600}});
    EXPECT_EQ(request.url.host, "compute.googleapis.com");
    const auto question = request.url.target.find('?');
    const std::string path = request.url.target.substr(0, question);
    const std::string query = question == path.npos ? "" : request.url.target.substr(question + 1);
    authorization = std::string(request.headers.get("Authorization"));
    const auto parts = parts_of(path.substr(std::string("/compute/v1/projects/").size()));
    const std::string kind = parts.size() == 1                             ? "project"
                             : parts[1] == "zones" || parts[1] == "global" ? parts[parts[1] == "zones" ? 3 : 2]
                                                                           : parts[1];
    asked.push_back(request.method + " " + kind);
    if (const auto queue = refusals.find(asked.back()); queue != refusals.end() && !queue->second.empty()) {
      const auto [status, reason] = queue->second.front();
      queue->second.pop_front();
      return refusal(status, reason);
    }
    if (const auto ever = always.find(asked.back()); ever != always.end()) return refusal(ever->second.first, ever->second.second);
    const auto body = request.owned_body.empty() ? boost::json::object() : boost::json::parse(request.owned_body).as_object();
    if (kind == "project") return quotas({{"GPUS_ALL_REGIONS", gpus_all_regions}});
    if (kind == "regions") return quotas(regional_quotas);
    if (kind == "aggregated") return list(query);
    if (kind == "networks") return reply({{"name", parts.back()}});
    if (kind == "images") {
      if (!images.contains(parts.back())) return refusal(404, "notFound");
      return reply({{"selfLink", "https://www.googleapis.com/compute/v1/projects/x/global/images/" + parts.back() + "-v1"},
                    {"architecture", "X86_64"},
                    {"diskSizeGb", "20"}});
    }
    if (kind == "firewalls" && request.method == "GET" && parts.size() == 3) return rules();
    if (kind == "firewalls" && request.method == "GET")
      return firewalls.contains(parts.back()) ? reply({{"name", parts.back()}}) : refusal(404, "notFound");
    if (kind == "firewalls") return firewall(request.method, parts.back(), body);
    if (kind == "operations" && parts.size() > (parts[1] == "zones" ? 4U : 3U)) return look(parts.back());
    if (kind == "operations") return taken(parts[2]);
    if (kind == "instances") return machine(request.method, parts, body, query);
    ADD_FAILURE() << "Compute Engine has no " << path;
    return refusal(404, "notFound");
  }

  Result<net::HttpResponse> rules() const {
    boost::json::array items;
    for (const auto& [name, rule] : firewalls) items.push_back(rule);
    return reply({{"items", items}});
  }

  Result<net::HttpResponse> firewall(const std::string& method, const std::string& name, const boost::json::object& body) {
    if (method == "POST") {
      if (!firewalls.emplace(std::string(body.at("name").as_string()), body).second) return refusal(409, "alreadyExists");
      return begin("", "insert", "");
    }
    if (!firewalls.contains(name)) return refusal(404, "notFound");
    if (method == "DELETE") firewalls.erase(name);
    else firewalls[name] = body;
    return begin("", method == "DELETE" ? "delete" : "patch", "");
  }

  static Result<net::HttpResponse> quotas(const std::map<std::string, double>& limits) {
    boost::json::array told;
    for (const auto& [metric, limit] : limits) told.push_back(boost::json::object{{"metric", metric}, {"limit", limit}, {"usage", 0}});
    return reply({{"quotas", told}});
  }

  Result<net::HttpResponse> begin(const std::string& zone, const std::string& type, const std::string& target, const std::string& code = {},
                                  const std::string& message = {}) {
    operations_.push_back({"op-" + std::to_string(operations_.size()), zone, type, target, code, message});
    return look(operations_.back().name);
  }

  Result<net::HttpResponse> look(const std::string& name) {
    const auto found = std::find_if(operations_.begin(), operations_.end(), [&](const auto& each) { return each.name == name; });
    if (found == operations_.end()) return refusal(404, "notFound");
    const bool done = found->looks++ >= looks_until_done;
    boost::json::object told{{"name", name}, {"operationType", found->type}, {"status", done ? "DONE" : "RUNNING"}};
    if (!found->zone.empty()) told["zone"] = url("zones/" + found->zone);
    if (done && !found->code.empty()) {
      told["httpErrorStatusCode"] = 503;
      told["error"] = {{"errors", boost::json::array{boost::json::object{{"code", found->code}, {"message", found->message}}}}};
    }
    return reply(told);
  }

  Result<net::HttpResponse> taken(const std::string& zone) {
    boost::json::array items;
    for (const auto& operation : operations_)
      if (operation.zone == zone && operation.type == "compute.instances.preempted")
        items.push_back(boost::json::object{{"operationType", operation.type},
                                            {"targetLink", url("zones/" + zone + "/instances/" + operation.target)}});
    return reply({{"items", items}});
  }

  static boost::json::object told(const FakeMachine& machine) {
    boost::json::object told = machine.order;
    told["zone"] = url("zones/" + machine.zone);
    told["status"] = machine.status;
    auto& interface = told["networkInterfaces"].as_array().front().as_object();
    interface["networkIP"] = "10.128.0.2";
    if (machine.status == "RUNNING") interface["accessConfigs"].as_array().front().as_object()["natIP"] = "192.0.2.7";
    return told;
  }

  Result<net::HttpResponse> list(const std::string& query) {
    EXPECT_NE(query.find("labels.isobar-owner%3D%22ada%22"), query.npos) << query;
    const auto token = query.find("pageToken=");
    const std::size_t from = token == query.npos ? 0 : std::stoul(query.substr(token + 10));
    boost::json::object items;
    for (std::size_t i = from; i < std::min(from + page, machines.size()); ++i) {
      auto& zone = items["zones/" + machines[i].zone];
      if (!zone.is_object()) zone = boost::json::object{{"instances", boost::json::array{}}};
      zone.as_object().at("instances").as_array().push_back(told(machines[i]));
    }
    items["zones/empty-1-a"] = boost::json::object{{"warning", {{"code", "NO_RESULTS_ON_PAGE"}}}};
    boost::json::object answer{{"items", items}};
    if (from + page < machines.size()) answer["nextPageToken"] = std::to_string(from + page);
    return reply(answer);
  }

  Result<net::HttpResponse> machine(const std::string& method, const std::vector<std::string>& parts, const boost::json::object& body,
                                    const std::string& query) {
    const std::string zone = parts[2], name = parts.size() > 4 ? parts[4] : std::string(body.at("name").as_string());
    const auto found =
        std::find_if(machines.begin(), machines.end(), [&](const auto& each) { return each.zone == zone && each.name == name; });
    if (parts.size() == 4) {
      if (const auto before = requests_.find(query); before != requests_.end()) return look(before->second);
      if (found != machines.end()) return refusal(409, "alreadyExists");
      FakeMachine made{zone, name, "RUNNING", body};
      const auto refused = refused_ranks.find(made.metadata("isobar-rank"));
      auto operation = refused == refused_ranks.end() ? begin(zone, "insert", name)
                                                      : begin(zone, "insert", name, refused->second.first, refused->second.second);
      requests_[query] = operations_.back().name;
      if (refused == refused_ranks.end()) machines.push_back(std::move(made));
      if (answers_lost_of_insert-- > 0) return unavailable("the connection broke");
      return operation;
    }
    if (found == machines.end()) return refusal(404, "notFound");
    if (method == "GET") return reply(told(*found));
    if (method == "DELETE") {
      machines.erase(found);
      return begin(zone, "delete", name);
    }
    if (parts.back() == "start" && !refused_start.empty()) return begin(zone, "start", name, std::exchange(refused_start, ""), "no room");
    found->status = parts.back() == "stop" ? "TERMINATED" : "RUNNING";
    return begin(zone, parts.back(), name);
  }

  std::mutex mutex_;
  std::vector<FakeOperation> operations_;
  std::map<std::string, std::string> requests_;  ///< query with the request id → operation
};

}  // namespace isobar::cloud::gcp
