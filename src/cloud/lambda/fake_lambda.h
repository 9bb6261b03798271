#pragma once

/// For tests: Lambda Cloud by its documentation. Tags come back as they were given; lists can lag behind; machines boot for a while;
/// any call can be refused, once or for ever; launches can be told to wait; the connection can break before or after Lambda has acted.

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <deque>
#include <map>
#include <mutex>
#include <set>

#include "net/http.h"

namespace isobar::cloud::lambda {

class FakeLambda final : public net::HttpTransport {
 public:
  struct FakeMachine {
    std::string id, status = "booting";
    boost::json::object order;  ///< the body of the launch
    int looks = 0;
    std::string tag(const std::string& name) const {
      for (const auto& entry : order.at("tags").as_array())
        if (entry.as_object().at("key").as_string() == name) return std::string(entry.as_object().at("value").as_string());
      return {};
    }
  };

  // What the test sets up, before it calls.
  std::map<std::string, std::deque<std::pair<int, std::string>>> refusals;  ///< "GET /path" → {HTTP status, code}, one a call
  std::map<std::string, std::pair<int, std::string>> always;                ///< the same, whatever is asked
  std::map<std::string, std::string> refused_ranks;                         ///< rank → code of the launch
  std::map<std::string, std::string> ends_instead;                          ///< rank → status in place of active
  std::map<std::string, std::set<std::string>> room = {{"gpu_1x_a10", {"us-east-1", "us-west-1"}}, {"gpu_8x_h100_sxm5", {}}};
  std::set<std::string> keys;
  boost::json::array firewall = {boost::json::object{
      {"protocol", "tcp"}, {"port_range", boost::json::array{22, 22}}, {"source_network", "0.0.0.0/0"}, {"description", "ssh"}}};
  int launches_throttled = 0;  ///< answered 429, with a Retry-After of twelve seconds
  int looks_until_listed = 0, looks_until_active = 1;
  int answers_lost_of_launch = 0;  ///< the connection breaks after Lambda has acted
  int launches_lost = 0;           ///< and before
  int requests_until_dead = 1 << 30;
  bool keeps_tags = true;

  // What the test looks at, afterwards.
  std::vector<FakeMachine> machines;
  std::vector<std::string> asked;  ///< "GET /instances", in order
  std::string authorization;

  std::size_t alive() const {
    return static_cast<std::size_t>(
        std::count_if(machines.begin(), machines.end(), [](const auto& machine) { return machine.status != "terminated"; }));
  }
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
  static net::HttpResponse reply(const boost::json::value& data, int status = 200) {
    net::HttpResponse response;
    response.status = status;
    response.body = boost::json::serialize(boost::json::object{{"data", data}});
    return response;
  }
  static net::HttpResponse refusal(int status, const std::string& code) {
    net::HttpResponse response;
    response.status = status;
    response.body = boost::json::serialize(
        boost::json::object{{"error", {{"code", code}, {"message", "No\nsuch luck."}, {"suggestion", "Try again later."}}}});
    return response;
  }

  Result<net::HttpResponse> answer(const net::HttpRequest& request) {
    EXPECT_EQ(request.url.host, "cloud.lambda.ai");
    EXPECT_TRUE(request.url.target.starts_with("/api/v1/")) << request.url.target;
    const std::string path = request.url.target.substr(7);
    asked.push_back(request.method + " " + path);
    authorization = std::string(request.headers.get("Authorization"));
    if (const auto queue = refusals.find(asked.back()); queue != refusals.end() && !queue->second.empty()) {
      const auto [status, code] = queue->second.front();
      queue->second.pop_front();
      return refusal(status, code);
    }
    if (const auto ever = always.find(asked.back()); ever != always.end()) return refusal(ever->second.first, ever->second.second);
    const auto body = request.owned_body.empty() ? boost::json::object() : boost::json::parse(request.owned_body).as_object();
    if (path == "/instances") return list();
    if (path == "/instance-types") return types();
    if (path == "/firewall-rules") return reply(firewall);
    if (path == "/instance-operations/launch") return launch(body);
    if (path == "/instance-operations/terminate") return terminate(body);
    if (path == "/ssh-keys" && request.method == "GET") {
      boost::json::array names;
      for (const auto& key : keys) names.push_back({{"id", "k-" + key}, {"name", key}, {"public_key", "ssh-ed25519 …"}});
      return reply(names);
    }
    if (path == "/ssh-keys") {
      if (!keys.insert(std::string(body.at("name").as_string())).second) return refusal(400, "global/duplicate");
      return reply(body);
    }
    ADD_FAILURE() << "Lambda has no " << path;
    return refusal(404, "global/object-does-not-exist");
  }

  Result<net::HttpResponse> list() {
    boost::json::array listed;
    for (auto& machine : machines) {
      if (++machine.looks <= looks_until_listed || machine.status == "terminated") continue;
      if (machine.status == "booting" && machine.looks > looks_until_active + looks_until_listed) {
        const auto ends = ends_instead.find(machine.tag("isobar-rank"));
        machine.status = ends == ends_instead.end() ? "active" : ends->second;
      }
      boost::json::object told{{"id", machine.id},
                               {"name", machine.order.at("name")},
                               {"status", machine.status},
                               {"region", {{"name", machine.order.at("region_name")}, {"description", "somewhere"}}}};
      if (keeps_tags) told["tags"] = machine.order.at("tags");
      if (machine.status != "booting") {
        told["ip"] = "192.0.2." + machine.id.substr(2);
        told["private_ip"] = "10.0.0." + machine.id.substr(2);
      }
      listed.push_back(std::move(told));
    }
    return reply(listed);
  }

  Result<net::HttpResponse> types() const {
    boost::json::object types;
    for (const auto& [type, regions] : room) {
      boost::json::array free;
      for (const auto& region : regions) free.push_back({{"name", region}, {"description", "somewhere"}});
      types[type] = {{"instance_type", {{"name", type}}}, {"regions_with_capacity_available", free}};
    }
    return reply(types);
  }

  Result<net::HttpResponse> launch(const boost::json::object& order) {
    if (launches_throttled-- > 0) {
      auto told = refusal(429, "global/too-many-requests");
      told.headers.add("Retry-After", "12");
      return told;
    }
    FakeMachine machine{.id = "m-" + std::to_string(machines.size()), .order = order};
    if (const auto refused = refused_ranks.find(machine.tag("isobar-rank")); refused != refused_ranks.end())
      return refusal(400, refused->second);
    if (launches_lost-- > 0) return unavailable("the connection broke");
    machines.push_back(std::move(machine));
    if (answers_lost_of_launch-- > 0) return unavailable("the connection broke");
    return reply({{"instance_ids", {machines.back().id}}});
  }

  Result<net::HttpResponse> terminate(const boost::json::object& body) {
    boost::json::array ended;
    for (const auto& id : body.at("instance_ids").as_array()) {
      const auto machine =
          std::find_if(machines.begin(), machines.end(), [&](const auto& each) { return each.id == id.as_string().c_str(); });
      if (machine == machines.end() || machine->status == "terminated") return refusal(404, "global/object-does-not-exist");
    }
    for (const auto& id : body.at("instance_ids").as_array())
      for (auto& machine : machines)
        if (machine.id == id.as_string().c_str()) {
          machine.status = "terminated";
          ended.push_back({{"id", machine.id}, {"status", "terminating"}});
        }
    return reply({{"terminated_instances", ended}});
  }

  std::mutex mutex_;
};

}  // namespace isobar::cloud::lambda
