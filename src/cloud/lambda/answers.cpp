#include "answers.h"

#include "cloud/json_fields.h"

namespace isobar::cloud::lambda {

namespace json = boost::json;

namespace {

constexpr std::string_view kWhose = "Lambda Cloud";

Error strange(const char* what) { return {Code::kDataLoss, std::string("Lambda Cloud sent ") + what}; }

InstanceState state_of(const std::string& status) {
  if (status == "active") return InstanceState::kRunning;
  if (status == "unhealthy") return InstanceState::kUnreachable;
  if (status == "terminating" || status == "terminated" || status == "preempted") return InstanceState::kTerminated;
  return InstanceState::kPending;
}

std::map<std::string, std::string> tags_in(const json::object& instance) {
  std::map<std::string, std::string> tags;
  for (const auto& entry : array_in(instance, "tags")) tags[text_in(as_object(entry), "key")] = text_in(as_object(entry), "value");
  return tags;
}

Result<CloudMachine> machine_in(const json::object& instance) {
  CloudMachine machine;
  machine.id = text_in(instance, "id");
  const std::string status = text_in(instance, "status");
  if (machine.id.empty() || status.empty()) return strange("a machine without id or status");
  machine.state = state_of(status);
  machine.region = text_in(object_in(instance, "region"), "name");
  machine.public_address = text_in(instance, "ip");
  machine.private_address = text_in(instance, "private_ip");
  if (status == "unhealthy") machine.reason = "Lambda calls it unhealthy: it cannot be reached";
  if (status == "preempted") {
    machine.reason = "Lambda took it away (preempted)";
    machine.taken_away = true;
  }
  machine.mark = read_mark(tags_in(instance));
  return machine;
}

Result<json::object> parse_data(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  if (!answer.contains("data")) return strange("an answer without data");
  return answer;
}

}  // namespace

Result<std::vector<CloudMachine>> parse_instances(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_data(text));
  std::vector<CloudMachine> machines;
  for (const auto& instance : array_in(answer, "data")) {
    TRY_ASSIGN(auto machine, machine_in(as_object(instance)));
    machines.push_back(std::move(machine));
  }
  return machines;
}

Result<std::vector<std::string>> parse_launch(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_data(text));
  std::vector<std::string> ids;
  for (const auto& id : array_in(object_in(answer, "data"), "instance_ids"))
    if (id.is_string() && !id.get_string().empty()) ids.emplace_back(id.get_string());
  if (ids.empty()) return strange("no id of the machine that it launched");
  return ids;
}

Result<std::set<std::string>> parse_terminated(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_data(text));
  std::set<std::string> ids;
  for (const auto& instance : array_in(object_in(answer, "data"), "terminated_instances")) ids.insert(text_in(as_object(instance), "id"));
  return ids;
}

Result<std::map<std::string, std::set<std::string>>> parse_capacity(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_data(text));
  std::map<std::string, std::set<std::string>> regions_of;
  for (const auto& [type, entry] : object_in(answer, "data")) {
    auto& regions = regions_of[std::string(type)];
    for (const auto& region : array_in(as_object(entry), "regions_with_capacity_available"))
      if (const auto name = text_in(as_object(region), "name"); !name.empty()) regions.insert(name);
  }
  return regions_of;
}

Result<Ports> parse_open_ports(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  Ports open;
  for (const auto& item : array_in(answer, "data")) {
    const auto& rule = as_object(item);
    const auto protocol = text_in(rule, "protocol");
    if (text_in(rule, "source_network") != "0.0.0.0/0" || (protocol != "tcp" && protocol != "all")) continue;
    if (protocol == "all") open.push_back({1, 65535});
    const auto& range = array_in(rule, "port_range");
    if (protocol == "all" || range.size() != 2 || !range[0].is_int64() || !range[1].is_int64()) continue;
    const auto first = range[0].as_int64(), last = range[1].as_int64();
    if (first >= 1 && first <= last && last <= 65535) open.push_back({static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)});
  }
  return merged(std::move(open));
}

Result<std::set<std::string>> parse_keys(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_data(text));
  std::set<std::string> names;
  for (const auto& key : array_in(answer, "data")) names.insert(text_in(as_object(key), "name"));
  return names;
}

RestRefusal parse_refusal(int status, std::string_view body) {
  RestRefusal refusal{.status = status};
  const auto answer = parse_object(body, kWhose);
  if (!answer.ok()) return refusal;
  const auto& error = object_in(*answer, "error");
  refusal.code = text_in(error, "code");
  refusal.message = text_in(error, "message");
  refusal.suggestion = text_in(error, "suggestion");
  return refusal;
}

}  // namespace isobar::cloud::lambda
