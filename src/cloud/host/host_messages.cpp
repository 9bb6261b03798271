#include "cloud/host_messages.h"

#include <fmt/format.h>

#include <boost/json.hpp>

namespace isobar::cloud {

namespace json = boost::json;

namespace {

constexpr std::size_t kMessageBytesMax = 16 << 20;

std::string text(const json::object& from, const char* name) { return std::string(from.at(name).as_string()); }
int whole(const json::object& from, const char* name) { return json::value_to<int>(from.at(name)); }

json::object to_json(const HostShare& share) { return {{"cpus", share.cpus}, {"memory_gib", share.memory_gib}, {"gpus", share.gpus}}; }
HostShare share_of(const json::value& value) {
  const auto& from = value.as_object();
  return {json::value_to<double>(from.at("cpus")), json::value_to<double>(from.at("memory_gib")), whole(from, "gpus")};
}

json::object to_json(const HostInstance& instance) {
  return {{"owner", instance.owner},          {"cluster", instance.cluster},
          {"token", instance.token},          {"rank", instance.rank},
          {"state", name_of(instance.state)}, {"address", instance.address},
          {"agent", instance.agent_address},  {"port", instance.port},
          {"share", to_json(instance.share)}, {"devices", json::value_from(instance.devices)},
          {"version", instance.version}};
}
HostInstance instance_of(const json::value& value) {
  const auto& from = value.as_object();
  HostInstance instance{
      .owner = text(from, "owner"), .cluster = text(from, "cluster"), .token = text(from, "token"), .rank = whole(from, "rank")};
  const auto state = text(from, "state");
  for (const auto each :
       {InstanceState::kPending, InstanceState::kRunning, InstanceState::kStopping, InstanceState::kStopped, InstanceState::kTerminated})
    if (name_of(each) == state) instance.state = each;
  instance.address = text(from, "address");
  instance.agent_address = text(from, "agent");
  instance.port = whole(from, "port");
  instance.share = share_of(from.at("share"));
  instance.devices = json::value_to<std::vector<int>>(from.at("devices"));
  instance.version = text(from, "version");
  return instance;
}

json::object to_json(const HostPeer& peer) {
  return {{"rank", peer.rank},
          {"address", peer.address},
          {"agent", peer.agent_address},
          {"token", peer.token},
          {"devices", json::value_from(peer.devices)}};
}
HostPeer peer_of(const json::value& value) {
  const auto& from = value.as_object();
  return {whole(from, "rank"), text(from, "address"), text(from, "agent"), text(from, "token"),
          json::value_to<std::vector<int>>(from.at("devices"))};
}

// ---- requests

json::object to_json(const AskHostReport& ask) { return {{"do", "report"}, {"tidy", ask.tidy}}; }
json::object to_json(const EndNodes& end) {
  return {{"do", "end"}, {"owner", end.owner}, {"cluster", end.cluster}, {"token", end.token}, {"for_good", end.for_good}};
}
json::object to_json(const UpgradeNodes& upgrade) { return {{"do", "upgrade"}, {"owner", upgrade.owner}}; }
json::object to_json(const BootNode& boot) {
  json::array peers;
  for (const auto& peer : boot.peers) peers.push_back(to_json(peer));
  json::object environment;
  for (const auto& [name, value] : boot.environment) environment[name] = value;
  return {{"do", "boot"},
          {"owner", boot.owner},
          {"cluster", boot.cluster},
          {"token", boot.token},
          {"rank", boot.rank},
          {"create", boot.create},
          {"share", to_json(boot.share)},
          {"cloud", boot.cloud},
          {"region", boot.region},
          {"zone", boot.zone},
          {"user", boot.user},
          {"address", boot.address},
          {"agent_token", boot.agent_token},
          {"reached_by_others", boot.reached_by_others},
          {"nodes", boot.nodes},
          {"peers", peers},
          {"environment", environment},
          {"powers_machine", boot.powers_machine},
          {"given", boot.given},
          {"sudo_password", boot.sudo_password},
          {"deadline_seconds", to_seconds(boot.deadline)}};
}

BootNode boot_of(const json::object& from) {
  BootNode boot{.owner = text(from, "owner"), .cluster = text(from, "cluster"), .token = text(from, "token"), .rank = whole(from, "rank")};
  boot.create = from.at("create").as_bool();
  boot.share = share_of(from.at("share"));
  boot.cloud = text(from, "cloud");
  boot.region = text(from, "region");
  boot.zone = text(from, "zone");
  boot.user = text(from, "user");
  boot.address = text(from, "address");
  boot.agent_token = text(from, "agent_token");
  boot.reached_by_others = from.at("reached_by_others").as_bool();
  boot.nodes = whole(from, "nodes");
  for (const auto& peer : from.at("peers").as_array()) boot.peers.push_back(peer_of(peer));
  for (const auto& [name, value] : from.at("environment").as_object()) boot.environment[std::string(name)] = std::string(value.as_string());
  boot.powers_machine = from.at("powers_machine").as_bool();
  boot.given = from.at("given").as_bool();
  boot.sudo_password = text(from, "sudo_password");
  boot.deadline = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(json::value_to<double>(from.at("deadline_seconds"))));
  return boot;
}

HostRequest request_of(const json::object& from) {
  const auto what = text(from, "do");
  if (what == "report") return AskHostReport{from.at("tidy").as_bool()};
  if (what == "boot") return boot_of(from);
  if (what == "end") return EndNodes{text(from, "owner"), text(from, "cluster"), text(from, "token"), from.at("for_good").as_bool()};
  if (what == "upgrade") return UpgradeNodes{text(from, "owner")};
  throw std::invalid_argument("there is nothing to do called \"" + what + "\"");
}

// ---- replies

json::object to_json(const HostReport& report) {
  json::array instances;
  for (const auto& instance : report.instances) instances.push_back(to_json(instance));
  return {{"program", report.program},
          {"whole", to_json(report.whole)},
          {"free", to_json(report.free)},
          {"accelerator", report.accelerator},
          {"architecture", report.architecture},
          {"hostname", report.hostname},
          {"address", report.address},
          {"disk_free_bytes", report.disk_free_bytes},
          {"instances", instances}};
}
HostReport report_of(const json::object& from) {
  HostReport report{.program = text(from, "program"), .whole = share_of(from.at("whole")), .free = share_of(from.at("free"))};
  report.accelerator = text(from, "accelerator");
  report.architecture = text(from, "architecture");
  report.hostname = text(from, "hostname");
  report.address = text(from, "address");
  report.disk_free_bytes = json::value_to<std::uint64_t>(from.at("disk_free_bytes"));
  for (const auto& instance : from.at("instances").as_array()) report.instances.push_back(instance_of(instance));
  return report;
}

HostReply reply_of(const json::object& from) {
  if (const auto* report = from.if_contains("report")) return report_of(report->as_object());
  if (const auto* instance = from.if_contains("instance")) return instance_of(*instance);
  if (const auto* done = from.if_contains("done")) return HostDone{json::value_to<int>(*done)};
  const auto& failure = from.at("failure").as_object();
  const int code = whole(failure, "code");
  if (code < 0 || code > static_cast<int>(Code::kDataLoss)) throw std::invalid_argument("an unknown code");
  return HostFailure{static_cast<Code>(code), text(failure, "message"), text(failure, "provider_code")};
}

template <class Of>
auto parse(std::string_view bytes, const Of& of) -> Result<decltype(of(json::object()))> {
  if (bytes.size() > kMessageBytesMax) return invalid(fmt::format("a message of {} bytes is longer than is taken", bytes.size()));
  try {
    return of(json::parse(json::string_view(bytes.data(), bytes.size())).as_object());
  } catch (const std::exception& failure) {
    return invalid(std::string("a message between isobar and its host is not of its form: ") + failure.what());
  }
}

}  // namespace

std::string describe(const HostShare& share) {
  std::string out = fmt::format("{:g} CPU{}, {:.4g} GiB", share.cpus, share.cpus == 1 ? "" : "s", share.memory_gib);
  if (share.gpus > 0) out += fmt::format(", {} GPU{}", share.gpus, share.gpus == 1 ? "" : "s");
  return out;
}

std::string encode(const HostRequest& request) {
  return json::serialize(std::visit([](const auto& each) { return to_json(each); }, request));
}

std::string encode(const HostReply& reply) {
  json::object out;
  if (const auto* report = std::get_if<HostReport>(&reply)) out["report"] = to_json(*report);
  else if (const auto* instance = std::get_if<HostInstance>(&reply)) out["instance"] = to_json(*instance);
  else if (const auto* done = std::get_if<HostDone>(&reply)) out["done"] = done->count;
  else if (const auto* failure = std::get_if<HostFailure>(&reply))
    out["failure"] =
        json::object{{"code", static_cast<int>(failure->code)}, {"message", failure->message}, {"provider_code", failure->provider_code}};
  return fmt::format("\n{}\n{}\n", kHostAnswerMark, json::serialize(out));
}

Result<HostRequest> decode_host_request(std::string_view bytes) { return parse(bytes, request_of); }

Result<HostReply> decode_host_reply(std::string_view printed) {
  const auto mark = fmt::format("\n{}\n", kHostAnswerMark);
  const auto at = printed.find(mark);
  if (at == std::string_view::npos) return unavailable("it gave no answer");
  return parse(printed.substr(at + mark.size()), reply_of);
}

}  // namespace isobar::cloud
