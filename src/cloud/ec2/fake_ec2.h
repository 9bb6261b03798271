#pragma once

/// For tests: the parts of EC2 that imitations made by others lack. A client token makes one machine however often it is sent; lists
/// lag behind; machines are pending for a while, and may end instead of running; any action can be refused, once or for ever; the
/// connection can break before or after AWS has acted. One account; its regions are
/// alike.

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <set>

#include "net/http.h"
#include "requests.h"
#include "storage/xml.h"

namespace isobar::cloud::ec2 {

class FakeEc2 final : public net::HttpTransport {
 public:
  struct FakeMachine {
    std::string id, host, token, state = "pending", reason;
    Form form;  ///< of the call that made it
    int looks = 0;
    std::vector<std::string> groups = {"sg-1"};
    std::string get(const std::string& name) const { return value_of(form, name); }
  };

  // What the test sets up, before it calls.
  std::map<std::string, std::deque<std::pair<int, std::string>>> refusals;  ///< action → {HTTP status, code}, one a call
  std::map<std::string, std::pair<int, std::string>> always;                ///< action → refused whatever is asked
  std::map<std::string, std::string> refused_ranks;                         ///< rank → code of RunInstances
  std::map<std::string, std::string> ends_instead;                          ///< rank → reason for which it ends instead of running
  std::map<std::string, double> quotas;
  int looks_until_listed = 0;  ///< so many lists do not hold a machine yet
  int looks_until_running = 1;
  int answers_lost_of_run = 0;  ///< the connection breaks after EC2 has acted
  int requests_until_dead = 1 << 30;
  std::set<std::string> closed_regions;  ///< the account has not enabled them
  bool has_default_vpc = true;
  int group_listed_after = 0;  ///< another process makes the security group, and so many questions later it is listed
  bool has_group = false;      ///< the security group, without rules
  bool groups_let_go = false;  ///< machines that ended have let go of theirs
  std::set<std::string> zones_with_subnets = {"us-east-1a", "us-east-1b", "us-east-1c"};

  // What the test looks at, afterwards.
  std::set<std::string> spot_requests;  ///< open ones
  struct FakeGroup {
    Form form;  ///< of the call that made it
    std::vector<std::string> ranges = {};
  };
  std::map<std::string, FakeGroup> groups;  ///< of clusters, by id
  std::vector<FakeMachine> machines;
  std::vector<std::string> asked;  ///< actions, in order
  std::vector<net::HttpRequest> requests;

  /// The first that was made for it; the calls for several ranks come in any order.
  FakeMachine& of_rank(const std::string& rank) {
    return *std::find_if(machines.begin(), machines.end(),
                         [&](const FakeMachine& each) { return tag_of(each.form, "isobar-rank") == rank; });
  }

  static std::string value_of(const Form& form, const std::string& name) {
    for (const auto& [key, value] : form)
      if (key == name) return value;
    return {};
  }
  static std::string tag_of(const Form& form, const std::string& tag) {
    for (const auto& [key, value] : form)
      if (value == tag && key.ends_with(".Key")) return value_of(form, key.substr(0, key.size() - 3) + "Value");
    return {};
  }
  std::size_t alive() const {
    std::size_t count = 0;
    for (const auto& machine : machines) count += machine.state != "terminated";
    return count;
  }
  std::size_t times(const std::string& action) const { return static_cast<std::size_t>(std::count(asked.begin(), asked.end(), action)); }

  void start(net::HttpRequest request, net::HttpDone done) override {
    Result<net::HttpResponse> response = unavailable("the connection broke");
    {
      const std::scoped_lock lock(mutex_);
      if (requests_until_dead-- > 0) response = answer(request);
      requests.push_back(std::move(request));
    }
    done(std::move(response));
  }

 private:
  static Form parse(std::string_view body) {
    Form form;
    for (std::size_t from = 0; from < body.size();) {
      const auto end = std::min(body.find('&', from), body.size());
      const auto pair = body.substr(from, end - from);
      const auto equals = pair.find('=');
      form.emplace_back(net::percent_decode(pair.substr(0, equals)).value(), net::percent_decode(pair.substr(equals + 1)).value());
      from = end + 1;
    }
    return form;
  }
  static net::HttpResponse reply(std::string body, int status = 200) {
    net::HttpResponse response;
    response.status = status;
    response.body = std::move(body);
    return response;
  }
  static net::HttpResponse refusal(int status, const std::string& code) {
    return reply(
        "<Response><Errors><Error><Code>" + code + "</Code><Message>no</Message></Error></Errors><RequestID>r-1</RequestID></Response>",
        status);
  }
  static std::string item(const std::string& inner) { return "<item>" + inner + "</item>"; }
  static std::string element(const std::string& name, const std::string& text) {
    return "<" + name + ">" + storage::xml_escape(text) + "</" + name + ">";
  }

  Result<net::HttpResponse> answer(const net::HttpRequest& request) {
    const std::string target(request.headers.get("X-Amz-Target"));
    const Form form = target.empty() ? parse(request.owned_body) : Form{};
    const std::string action = target.empty() ? value_of(form, "Action") : target.substr(target.find('.') + 1);
    asked.push_back(action);
    for (const auto& region : closed_regions)
      if (request.url.host.find(region) != std::string::npos) return refusal(401, "AuthFailure");
    if (const auto queue = refusals.find(action); queue != refusals.end() && !queue->second.empty()) {
      const auto [status, code] = queue->second.front();
      queue->second.pop_front();
      return refusal(status, code);
    }
    if (const auto ever = always.find(action); ever != always.end()) return refusal(ever->second.first, ever->second.second);
    if (action == "RunInstances") return run(form, request.url.host);
    if (action == "DescribeInstances") return describe_machines(form, request.url.host);
    if (action == "TerminateInstances") return change(form, "terminated");
    if (action == "StopInstances") return change(form, "stopped");
    if (action == "StartInstances") return change(form, "pending");
    if (action == "ModifyInstanceAttribute" && !value_of(form, "GroupId.1").empty()) return regroup(form);
    if (action == "DeleteSecurityGroup") return delete_group(value_of(form, "GroupId"));
    if (action == "GetParameter") return reply(R"({"Parameter":{"Value":"ami-1"}})");
    if (action == "GetServiceQuota") return quota(request.owned_body);
    return reply(ground(action, form));
  }

  std::string describe_groups(const Form& form) const {
    std::string items;
    for (const auto& [id, group] : groups) {
      const std::string cluster = tag_of(group.form, "isobar-cluster"), owner = tag_of(group.form, "isobar-owner");
      const bool of_cluster = value_of(form, "Filter.2.Name") != "tag:isobar-cluster" || value_of(form, "Filter.2.Value.1") == cluster;
      if (!of_cluster || value_of(form, "Filter.1.Value.1") != owner) continue;
      std::string permissions;
      for (const auto& range : group.ranges)
        permissions +=
            item("<ipProtocol>tcp</ipProtocol>" + element("fromPort", range.substr(0, range.find('-'))) +
                 element("toPort", range.substr(range.find('-') + 1)) + "<ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges>");
      items += item(element("groupId", id) + "<ipPermissions>" + permissions + "</ipPermissions><tagSet>" +
                    item("<key>isobar-cluster</key>" + element("value", cluster)) + "</tagSet>");
    }
    return "<R><securityGroupInfo>" + items + "</securityGroupInfo></R>";
  }

  Result<net::HttpResponse> regroup(const Form& form) {
    for (auto& machine : machines) {
      if (machine.id != value_of(form, "InstanceId")) continue;
      if (machine.state == "terminated") return refusal(400, "IncorrectInstanceState");
      machine.groups.clear();
      for (const auto& [key, id] : form)
        if (key.starts_with("GroupId.")) machine.groups.push_back(id);
    }
    return reply("<R><return>true</return></R>");
  }

  Result<net::HttpResponse> delete_group(const std::string& id) {
    for (const auto& machine : machines)
      if (std::find(machine.groups.begin(), machine.groups.end(), id) != machine.groups.end() && !groups_let_go)
        return refusal(400, "DependencyViolation");
    if (groups.erase(id) == 0) return refusal(400, "InvalidGroup.NotFound");
    return reply("<R><return>true</return></R>");
  }

  Result<net::HttpResponse> quota(std::string_view json) const {
    for (const auto& [code, value] : quotas)
      if (json.find(code) != json.npos) return reply("{\"Quota\":{\"Value\":" + std::to_string(value) + "}}");
    return reply(R"({"__type":"NoSuchResourceException","message":"no"})", 400);
  }

  std::string ground(const std::string& action, const Form& form) {
    if (action == "GetCallerIdentity")
      return "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/ada</Arn></GetCallerIdentityResult>"
             "</GetCallerIdentityResponse>";
    if (action == "DescribeImages")
      return "<R><imagesSet>" +
             item("<imageId>ami-1</imageId><architecture>x86_64</architecture><rootDeviceName>/dev/sda1</rootDeviceName>") +
             "</imagesSet></R>";
    if (action == "DescribeVpcs") return "<R><vpcSet>" + (has_default_vpc ? item("<vpcId>vpc-1</vpcId>") : "") + "</vpcSet></R>";
    if (action == "DescribeAvailabilityZones") {
      const std::string zone = value_of(form, "Filter.1.Value.1");
      const bool known = zone == "use1-az1" || zone == "use1-az2" || zone == "use1-az4";
      return "<R><availabilityZoneInfo>" + (known ? item(element("zoneId", zone) + "<zoneName>us-east-1a</zoneName>") : "") +
             "</availabilityZoneInfo></R>";
    }
    if (action == "DescribeSubnets")
      return "<R><subnetSet>" +
             (zones_with_subnets.contains(value_of(form, "Filter.2.Value.1")) ? item("<subnetId>subnet-1</subnetId>") : "") +
             "</subnetSet></R>";
    if (action == "DescribeSecurityGroups" && value_of(form, "Filter.1.Name").starts_with("tag:")) return describe_groups(form);
    if (action == "DescribeSecurityGroups") {
      if (group_listed_after > 0 && --group_listed_after == 0) has_group = true;
      return "<R><securityGroupInfo>" + std::string(has_group ? item("<groupId>sg-1</groupId>") : "") + "</securityGroupInfo></R>";
    }
    if (action == "CreateSecurityGroup" && !tag_of(form, "isobar-cluster").empty()) {
      const std::string id = "sg-" + std::to_string(++last_group_ + 100);
      groups[id] = {form};
      return "<R><groupId>" + id + "</groupId></R>";
    }
    if (action == "AuthorizeSecurityGroupIngress" && groups.contains(value_of(form, "GroupId")))
      groups[value_of(form, "GroupId")].ranges.push_back(value_of(form, "IpPermissions.1.FromPort") + "-" +
                                                         value_of(form, "IpPermissions.1.ToPort"));
    if (action == "CreateSecurityGroup") {
      has_group = true;
      return "<R><groupId>sg-1</groupId></R>";
    }
    if (action == "DescribeSpotInstanceRequests") {
      std::string items;
      for (const auto& id : spot_requests) items += item(element("spotInstanceRequestId", id));
      return "<R><spotInstanceRequestSet>" + items + "</spotInstanceRequestSet></R>";
    }
    if (action == "CancelSpotInstanceRequests")
      for (const auto& [key, id] : form) spot_requests.erase(id);
    return "<R><return>true</return></R>";
  }

  Result<net::HttpResponse> run(const Form& form, const std::string& host) {
    const std::string token = value_of(form, "ClientToken"), rank = tag_of(form, "isobar-rank");
    for (auto& machine : machines)
      if (machine.token == token) return machine.form == form ? reply(made(machine)) : refusal(400, "IdempotentParameterMismatch");
    if (const auto refused = refused_ranks.find(rank); refused != refused_ranks.end()) return refusal(500, refused->second);
    machines.push_back({"i-" + std::to_string(machines.size()), host, token, "pending", "", form});
    if (answers_lost_of_run-- > 0) return unavailable("the connection broke");
    return reply(made(machines.back()));
  }
  static std::string made(const FakeMachine& machine) { return "<R><instancesSet>" + item(describe(machine)) + "</instancesSet></R>"; }

  static std::string describe(const FakeMachine& machine) {
    std::string text = element("instanceId", machine.id) + "<instanceState>" + element("name", machine.state) + "</instanceState><tagSet>";
    for (const auto& [key, tag] : machine.form)
      if (key.starts_with("TagSpecification.1.") && key.ends_with(".Key"))
        text += item(element("key", tag) + element("value", tag_of(machine.form, tag)));
    text += "</tagSet><vpcId>vpc-1</vpcId><groupSet>";
    for (const auto& group : machine.groups) text += item(element("groupId", group));
    text += "</groupSet>";
    if (!machine.reason.empty()) text += "<stateReason>" + element("code", machine.reason) + "<message>it says</message></stateReason>";
    if (!machine.get("InstanceMarketOptions.MarketType").empty()) text += "<instanceLifecycle>spot</instanceLifecycle>";
    if (machine.state == "running")
      text += "<privateIpAddress>10.0.0.1</privateIpAddress><ipAddress>3.0.0." + machine.id.substr(2) + "</ipAddress>";
    return text;
  }

  /// The first of the groups that the machine is in.
  static std::string in_any(const FakeMachine& machine, const std::set<std::string>& groups) {
    for (const auto& group : machine.groups)
      if (groups.contains(group)) return group;
    return {};
  }
  static bool matches(const FakeMachine& machine, const Form& form) {
    for (int number = 1;; ++number) {
      const std::string prefix = "Filter." + std::to_string(number) + ".", name = value_of(form, prefix + "Name");
      if (name.empty()) return true;
      std::set<std::string> values;
      for (int value = 1; !value_of(form, prefix + "Value." + std::to_string(value)).empty(); ++value)
        values.insert(value_of(form, prefix + "Value." + std::to_string(value)));
      std::string actual = name.starts_with("tag:") ? tag_of(machine.form, name.substr(4)) : machine.state;
      if (name == "client-token") actual = machine.token;
      if (name == "instance-id") actual = machine.id;
      if (name == "instance.group-id") actual = in_any(machine, values);
      if (name == "tag-key") actual = tag_of(machine.form, *values.begin()).empty() ? "" : *values.begin();
      if (!values.contains(actual)) return false;
    }
  }

  Result<net::HttpResponse> describe_machines(const Form& form, const std::string& host) {
    std::string items;
    for (auto& machine : machines) {
      if (machine.host != host) continue;
      ++machine.looks;
      if (machine.state == "pending" && machine.looks > looks_until_running) {
        const auto ends = ends_instead.find(tag_of(machine.form, "isobar-rank"));
        machine.state = ends == ends_instead.end() ? "running" : "terminated";
        if (ends != ends_instead.end()) machine.reason = ends->second;
      }
      if (machine.looks > looks_until_listed && matches(machine, form))
        items += item("<instancesSet>" + item(describe(machine)) + "</instancesSet>");
    }
    return reply("<R><reservationSet>" + items + "</reservationSet></R>");
  }

  Result<net::HttpResponse> change(const Form& form, const std::string& state) {
    std::string items;
    for (const auto& [key, id] : form)
      for (auto& machine : machines) {
        if (!key.starts_with("InstanceId.") || machine.id != id) continue;
        if (machine.state != "terminated") machine.state = state;
        machine.looks = looks_until_listed;
        items += item(element("instanceId", id) + "<currentState>" + element("name", machine.state) + "</currentState>");
      }
    return reply("<R><instancesSet>" + items + "</instancesSet></R>");
  }

  std::mutex mutex_;
  int last_group_ = 0;
};

}  // namespace isobar::cloud::ec2
