#pragma once

/// For tests: Keystone, Nova, Neutron and Glance by their documentation. Servers boot for a while and can end in ERROR; names are not
/// unique, but a port takes one server; tokens expire; any call can be refused, once or for ever; the connection can break before or
/// after a service has acted.

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <deque>
#include <map>
#include <mutex>

#include "net/http.h"

namespace isobar::cloud::openstack {

class FakeOpenStack final : public net::HttpTransport {
 public:
  struct Server {
    std::string id, status = "BUILD", fault;
    boost::json::object order;
    int looks = 0;
    std::string mark(const std::string& name) const {
      const auto& metadata = order.at("metadata").as_object();
      return metadata.contains(name) ? std::string(metadata.at(name).as_string()) : "";
    }
  };
  struct Thing {  // a port, a floating address, a security group
    std::string id;
    boost::json::object order;
    std::vector<boost::json::object> rules = {};
  };

  // What the test sets up, before it calls.
  std::map<std::string, std::deque<std::pair<int, std::string>>> refusals;  ///< "POST servers" → {HTTP status, body}, one a call
  std::map<std::string, std::pair<int, std::string>> always;                ///< the same, whatever is asked
  std::map<std::string, std::string> faults;                                ///< rank → why it ends in ERROR
  std::string version = "2.95";
  std::string limits = R"({"limits":{"absolute":{"maxTotalCores":20,"totalCoresUsed":0,"maxTotalInstances":-1,"maxTotalRAMSize":-1}}})";
  std::string images = R"({"images":[{"id":"img-2","name":"ubuntu-22.04","created_at":"2","os_distro":"ubuntu","min_disk":10}]})";
  std::string networks = R"({"networks":[{"id":"net-1","name":"private","router:external":false}]})";
  std::string external = R"({"networks":[{"id":"ext-1","name":"public","router:external":true}]})";
  int looks_until_active = 1, answers_lost_of_server = 0, requests_until_dead = 1 << 30;
  std::string token_expires = "2099-01-01T00:00:00Z", project = "p1";
  std::size_t page = 1000;

  // What the test looks at, afterwards.
  std::vector<Server> servers;
  std::vector<Thing> ports, floating, groups;
  std::vector<std::string> keys, asked;  ///< "POST servers"
  boost::json::object signed_in;         ///< the body of the last sign-in
  std::string last_version;
  int tokens = 0;

  std::size_t times(const std::string& what) const { return static_cast<std::size_t>(std::count(asked.begin(), asked.end(), what)); }
  std::size_t alive() const { return servers.size(); }

  void start(net::HttpRequest request, net::HttpDone done) override {
    Result<net::HttpResponse> response = unavailable("the connection broke");
    {
      const std::scoped_lock lock(mutex_);
      if (requests_until_dead-- > 0) response = answer(request);
    }
    done(std::move(response));
  }

 private:
  static net::HttpResponse text(std::string body, int status = 200) {
    net::HttpResponse response;
    response.status = status;
    response.body = std::move(body);
    return response;
  }
  static net::HttpResponse reply(const boost::json::object& body, int status = 200) { return text(boost::json::serialize(body), status); }
  static net::HttpResponse missing() { return text(R"({"itemNotFound":{"code":404,"message":"It could not be found."}})", 404); }

  static std::string words_of(const std::string& host, std::string target) {
    target = target.substr(0, target.find('?'));
    const std::string prefix = host == "nova" ? "/v2.1/" : host == "neutron" ? "/v2.0/" : host == "glance" ? "/v2/" : "/v3/";
    EXPECT_TRUE(target.starts_with(prefix)) << host << target;
    return target.substr(prefix.size());
  }

  Result<net::HttpResponse> answer(const net::HttpRequest& request) {
    const std::string path = words_of(request.url.host, request.url.target);
    const std::string kind = path.substr(0, path.find('/'));
    asked.push_back(request.method + " " + kind);
    if (const auto queue = refusals.find(asked.back()); queue != refusals.end() && !queue->second.empty()) {
      const auto [status, body] = queue->second.front();
      queue->second.pop_front();
      return text(body, status);
    }
    if (const auto ever = always.find(asked.back()); ever != always.end()) return text(ever->second.second, ever->second.first);
    const auto body = request.owned_body.empty() ? boost::json::object() : boost::json::parse(request.owned_body).as_object();
    if (request.url.host == "keystone") return sign_in(body);
    if (request.headers.get("X-Auth-Token") != "TOKEN-" + std::to_string(tokens)) return text(R"({"error":{"title":"Unauthorized"}})", 401);
    if (request.url.host == "nova") return nova(request, path, kind, body);
    if (request.url.host == "glance")
      return text(request.url.target.find("name=ubuntu-22.04") != std::string::npos || images.empty() ? images
                  : request.url.target.find("name=&") != std::string::npos                            ? images
                                                                                                      : R"({"images":[]})");
    return neutron(request, path, kind, body);
  }

  net::HttpResponse sign_in(const boost::json::object& body) {
    signed_in = body;
    boost::json::array catalog;
    for (const auto& [type, url] :
         std::map<std::string, std::string>{{"compute", "http://nova/v2.1/"}, {"network", "http://neutron"}, {"image", "http://glance"}}) {
      boost::json::array endpoints;
      for (const char* region : {"RegionOne", "RegionTwo"})
        endpoints.push_back({{"interface", "public"}, {"region_id", region}, {"region", region}, {"url", url}});
      endpoints.push_back({{"interface", "internal"}, {"region_id", "RegionOne"}, {"url", "http://10.0.0.1"}});
      catalog.push_back(boost::json::object{{"type", type}, {"endpoints", endpoints}});
    }
    auto response = reply({{"token", {{"expires_at", token_expires}, {"project", {{"id", project}}}, {"catalog", catalog}}}}, 201);
    response.headers.add("X-Subject-Token", "TOKEN-" + std::to_string(++tokens));
    return response;
  }

  Result<net::HttpResponse> nova(const net::HttpRequest& request, const std::string& path, const std::string& kind,
                                 const boost::json::object& body) {
    last_version = std::string(request.headers.get("OpenStack-API-Version"));
    if (path.empty()) return reply({{"version", {{"id", "v2.1"}, {"version", version}, {"min_version", "2.1"}}}});
    if (kind == "limits") return text(limits);
    if (kind == "os-availability-zone")
      return text(R"({"availabilityZoneInfo":[{"zoneName":"nova","zoneState":{"available":true}},
                                              {"zoneName":"dark","zoneState":{"available":false}}]})");
    if (kind == "flavors")
      return text(R"({"flavors":[
        {"id":"f1","name":"m1.small","vcpus":2,"ram":4096,"disk":20,"extra_specs":{}},
        {"id":"f2","name":"m1.volume","vcpus":4,"ram":8192,"disk":0,"extra_specs":{}},
        {"id":"f3","name":"g1.a100","vcpus":16,"ram":131072,"disk":100,"extra_specs":{"pci_passthrough:alias":"nvidia-a100:2"}}]})");
    if (kind == "os-keypairs") return key_pairs(request.method, body);
    if (request.method == "POST" && path == "servers") return create(body.at("server").as_object());
    if (path == "servers/detail") return list();
    const auto server =
        std::find_if(servers.begin(), servers.end(), [&](const Server& each) { return path.find("/" + each.id) != path.npos; });
    if (server == servers.end()) return missing();
    if (request.method == "DELETE") {
      for (auto& port : ports)
        if (device_of(port) == server->id) port.order.erase("device_id");
      servers.erase(server);
      return text("", 204);
    }
    return act(*server, body);
  }

  net::HttpResponse key_pairs(const std::string& method, const boost::json::object& body) {
    if (method == "POST") keys.emplace_back(body.at("keypair").at("name").as_string());
    boost::json::array list;
    for (const auto& key : keys) list.push_back(boost::json::object{{"keypair", {{"name", key}}}});
    return reply({{"keypairs", list}});
  }

  net::HttpResponse act(Server& server, const boost::json::object& body) {
    const std::string action(body.begin()->key());
    const std::string wanted = action == "os-stop" ? "SHUTOFF" : "ACTIVE";
    if (server.status == wanted) return text(R"({"conflictingRequest":{"code":409,"message":"Cannot while it is in vm_state"}})", 409);
    server.status = wanted;
    return text("", 202);
  }

  Result<net::HttpResponse> create(const boost::json::object& order) {
    const std::string wanted(order.at("networks").as_array().at(0).at("port").as_string());
    const auto port = std::find_if(ports.begin(), ports.end(), [&](const Thing& each) { return each.id == wanted; });
    if (port == ports.end()) return text(R"({"badRequest":{"message":"Port could not be found."}})", 400);
    if (port->order.contains("device_id")) return text(R"({"conflictingRequest":{"message":"Port is still in use."}})", 409);
    servers.push_back({.id = "s-" + std::to_string(++last_), .order = order});
    port->order["device_id"] = servers.back().id;
    if (answers_lost_of_server-- > 0) return unavailable("the connection broke");
    return reply({{"server", {{"id", servers.back().id}}}}, 202);
  }

  static std::string device_of(const Thing& port) {
    return port.order.contains("device_id") ? std::string(port.order.at("device_id").as_string()) : "";
  }

  net::HttpResponse list() {
    boost::json::array listed;
    for (auto& server : servers) {
      if (server.status == "BUILD" && ++server.looks > looks_until_active) {
        const auto fault = faults.find(server.mark("isobar-rank"));
        server.status = fault == faults.end() ? "ACTIVE" : "ERROR";
        if (fault != faults.end()) server.fault = fault->second;
      }
      const std::string number = server.id.substr(2);
      boost::json::array addresses = {{{"addr", "fd00::" + number}, {"version", 6}, {"OS-EXT-IPS:type", "fixed"}},
                                      {{"addr", "10.0.0." + number}, {"version", 4}, {"OS-EXT-IPS:type", "fixed"}}};
      const bool floats = std::any_of(floating.begin(), floating.end(), [&](const Thing& address) {
        return std::any_of(ports.begin(), ports.end(), [&](const Thing& port) {
          return port.id == address.order.at("port_id").as_string().c_str() && device_of(port) == server.id;
        });
      });
      if (floats) addresses.push_back({{"addr", "192.0.2." + number}, {"version", 4}, {"OS-EXT-IPS:type", "floating"}});
      boost::json::object told{{"id", server.id},
                               {"status", server.status},
                               {"metadata", server.order.at("metadata")},
                               {"OS-EXT-AZ:availability_zone", "nova"},
                               {"addresses", {{"private", addresses}}}};
      if (server.fault.empty() && server.status != "BUILD") told["OS-SRV-USG:launched_at"] = "2026-11-27T23:08:26.000000";
      if (!server.fault.empty()) told["fault"] = {{"message", server.fault}};
      listed.push_back(std::move(told));
    }
    return reply({{"servers", listed}});
  }

  net::HttpResponse neutron(const net::HttpRequest& request, const std::string& path, const std::string& kind,
                            const boost::json::object& body) {
    if (kind == "networks") return text(request.url.target.find("router:external=true") == std::string::npos ? networks : external);
    if (kind == "security-group-rules") {
      const auto& rule = body.at("security_group_rule").as_object();
      for (auto& group : groups) {
        if (group.id != rule.at("security_group_id").as_string().c_str()) continue;
        if (std::find(group.rules.begin(), group.rules.end(), rule) != group.rules.end())
          return text(R"({"NeutronError":{"type":"SecurityGroupRuleExists","message":"It exists."}})", 409);
        group.rules.push_back(rule);
      }
      return reply({{"security_group_rule", {{"id", "r"}}}}, 201);
    }
    if (kind == "ports") return things(request, path, "port", ports, body);
    if (kind == "floatingips") return things(request, path, "floatingip", floating, body);
    if (kind == "security-groups") return things(request, path, "security_group", groups, body);
    ADD_FAILURE() << "Neutron has no " << path;
    return missing();
  }

  net::HttpResponse things(const net::HttpRequest& request, const std::string& path, const std::string& kind, std::vector<Thing>& of,
                           const boost::json::object& body) {
    if (request.method == "POST") {
      of.push_back({kind + "-" + std::to_string(++last_), body.at(kind).as_object()});
      return reply({{kind, {{"id", of.back().id}}}}, 201);
    }
    if (request.method == "PUT") {
      for (auto& each : of)
        if (path.ends_with("/" + each.id)) each.order["security_groups"] = body.at(kind).at("security_groups");
      return reply({});
    }
    if (request.method == "DELETE") {
      const auto before = of.size();
      std::erase_if(of, [&](const Thing& each) { return path.ends_with("/" + each.id); });
      return before == of.size() ? missing() : text("", 204);
    }
    const auto at = request.url.target.find("?name=");
    const std::string name = at == std::string::npos ? "" : request.url.target.substr(at + 6);
    boost::json::array list;
    for (const auto& each : of) {
      if (!name.empty() && each.order.at("name").as_string() != name) continue;
      auto told = each.order;
      told["id"] = each.id;
      if (kind == "floatingip") told["floating_ip_address"] = "192.0.2.1";
      if (kind == "security_group") {
        boost::json::array rules;
        for (const auto& rule : each.rules) rules.push_back(rule);
        told["security_group_rules"] = rules;
      }
      list.push_back(std::move(told));
    }
    return reply({{kind + "s", list}});
  }

  int last_ = 0;
  std::mutex mutex_;
};

}  // namespace isobar::cloud::openstack
