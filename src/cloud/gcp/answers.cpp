#include "answers.h"

#include <fmt/format.h>

#include <array>

#include "base/text.h"
#include "cloud/json_fields.h"

namespace isobar::cloud::gcp {

namespace json = boost::json;

namespace {

constexpr std::string_view kWhose = "Compute Engine";

Error strange(const char* what) { return {Code::kDataLoss, std::string("Compute Engine sent ") + what}; }

/// The last part of a URL.
std::string last_of(const std::string& url) { return url.substr(url.rfind('/') + 1); }

InstanceState state_of(const std::string& status) {
  if (status == "RUNNING") return InstanceState::kRunning;
  if (status == "STOPPING" || status == "SUSPENDING" || status == "PENDING_STOP") return InstanceState::kStopping;
  if (status == "TERMINATED" || status == "SUSPENDED" || status == "STOPPED") return InstanceState::kStopped;
  return InstanceState::kPending;
}

Result<CloudMachine> machine_in(const json::object& instance) {
  CloudMachine machine;
  const MachineId id{last_of(text_in(instance, "zone")), text_in(instance, "name")};
  if (!parse_id(id.text()).ok()) return strange("a machine without name or zone");
  machine.id = id.text();
  machine.zone = id.zone;
  machine.region = region_of(id.zone);
  machine.state = state_of(text_in(instance, "status"));
  if (const auto& interfaces = array_in(instance, "networkInterfaces"); !interfaces.empty()) {
    machine.private_address = text_in(as_object(interfaces.front()), "networkIP");
    for (const auto& access : array_in(as_object(interfaces.front()), "accessConfigs"))
      if (machine.public_address.empty()) machine.public_address = text_in(as_object(access), "natIP");
  }
  const auto& scheduling = object_in(instance, "scheduling");
  machine.spot = text_in(scheduling, "provisioningModel") == "SPOT" || flag_in(scheduling, "preemptible");
  std::map<std::string, std::string> tags;
  for (const auto& item : array_in(object_in(instance, "metadata"), "items"))
    tags[text_in(as_object(item), "key")] = text_in(as_object(item), "value");
  machine.mark = read_mark(tags);
  return machine;
}

/// {"code", "message"} as an operation's errors and requests' reasons have them.
RestRefusal refusal_of(int status, const std::string& code, const std::string& message) {
  struct Meaning {
    std::string_view reason, code;
  };
  // The reasons of refused requests, as the failover table names them.
  static constexpr std::array kReasons = {
      Meaning{"quotaExceeded", "QUOTA_EXCEEDED"},
      Meaning{"forbidden", "IAM_PERMISSION_DENIED"},
      Meaning{"insufficientPermissions", "IAM_PERMISSION_DENIED"},
      Meaning{"accessNotConfigured", "SERVICE_DISABLED"},
      Meaning{"accountDisabled", "BILLING_DISABLED"},
      Meaning{"authError", "UNAUTHENTICATED"},
      Meaning{"required", "UNAUTHENTICATED"},
      Meaning{"rateLimitExceeded", "RATE_LIMIT_EXCEEDED"},
      Meaning{"userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"},
      Meaning{"notFound", "RESOURCE_NOT_FOUND"},
      Meaning{"alreadyExists", "RESOURCE_ALREADY_EXISTS"},
      Meaning{"resourceNotReady", "RESOURCE_NOT_READY"},
      Meaning{"backendError", "INTERNAL_ERROR"},
      Meaning{"internalError", "INTERNAL_ERROR"},
  };
  RestRefusal refusal{.status = status, .code = code, .message = message};
  for (const Meaning& meaning : kReasons)
    if (meaning.reason == code && !(code == "required" && status != 401)) refusal.code = meaning.code;
  if (refusal.code == "QUOTA_EXCEEDED" && message.find("GPUS_ALL_REGIONS") != message.npos) refusal.code += ": GPUS_ALL_REGIONS";
  // "Requested disk size cannot be smaller than the image size (50 GB)"
  if (message.find("smaller than the image size") != message.npos) refusal.code = "DISK_SMALLER_THAN_IMAGE";
  return refusal;
}

}  // namespace

Result<MachineId> parse_id(std::string_view text) {
  const auto dot = text.find('.');
  const MachineId id{std::string(text.substr(0, dot)), dot == text.npos ? "" : std::string(text.substr(dot + 1))};
  if (!is_plain_name(id.zone) || !is_plain_name(id.name) || id.name.find('.') != id.name.npos)
    return invalid(fmt::format("'{}' is no machine of gcp", text.substr(0, 200)));
  return id;
}

Result<MachinePage> parse_machines(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  MachinePage page;
  page.next = text_in(answer, "nextPageToken");
  for (const auto& [scope, in_zone] : object_in(answer, "items"))
    for (const auto& instance : array_in(as_object(in_zone), "instances")) {
      TRY_ASSIGN(auto machine, machine_in(as_object(instance)));
      page.machines.push_back(std::move(machine));
    }
  return page;
}

Result<CloudMachine> parse_machine(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  return machine_in(answer);
}

Result<Operation> parse_operation(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  Operation operation;
  operation.name = text_in(answer, "name");
  operation.zone = last_of(text_in(answer, "zone"));
  operation.done = text_in(answer, "status") == "DONE";
  if (!is_plain_name(operation.name) || (!operation.zone.empty() && !is_plain_name(operation.zone)))
    return strange("an operation without a name");
  const auto& errors = array_in(object_in(answer, "error"), "errors");
  if (operation.done && !errors.empty()) {
    const auto& first = as_object(errors.front());
    operation.failure = refusal_of(static_cast<int>(std::min<std::uint64_t>(count_in(answer, "httpErrorStatusCode"), 999)),
                                   text_in(first, "code"), text_in(first, "message"));
  }
  return operation;
}

Result<std::set<std::string>> parse_preempted(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  std::set<std::string> names;
  for (const auto& operation : array_in(answer, "items"))
    if (text_in(as_object(operation), "operationType") == "compute.instances.preempted")
      names.insert(last_of(text_in(as_object(operation), "targetLink")));
  return names;
}

Result<RulePage> parse_ports_rules(std::string_view text, const std::string& mark) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  RulePage page{.clusters = {}, .next = text_in(answer, "nextPageToken")};
  for (const auto& item : array_in(answer, "items")) {
    const std::string description = text_in(as_object(item), "description");
    if (description.starts_with(mark) && description.size() > mark.size()) page.clusters.insert(description.substr(mark.size()));
  }
  return page;
}

Result<Image> parse_image(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  const std::string self = text_in(answer, "selfLink");
  const auto at = self.find("projects/");
  if (at == self.npos) return strange("an image without its address");
  Image image{.self = self.substr(at), .architecture = to_lower(text_in(answer, "architecture"))};
  // It is text in their JSON: "10".
  const std::string size = text_in(answer, "diskSizeGb");
  image.disk_gb = size.empty() || size.size() > 6 || size.find_first_not_of("0123456789") != size.npos ? 0 : std::stoull(size);
  return image;
}

Result<std::vector<Quota>> parse_quotas(std::string_view text) {
  TRY_ASSIGN(const auto answer, parse_object(text, kWhose));
  const auto number = [](const json::object& from, const char* name) {
    const auto* field = from.if_contains(name);
    if (field == nullptr || !field->is_number()) return 0.0;
    return field->is_double()  ? field->get_double()
           : field->is_int64() ? static_cast<double>(field->get_int64())
                               : static_cast<double>(field->get_uint64());
  };
  std::vector<Quota> quotas;
  for (const auto& quota : array_in(answer, "quotas"))
    quotas.push_back({text_in(as_object(quota), "metric"), number(as_object(quota), "limit"), number(as_object(quota), "usage")});
  return quotas;
}

RestRefusal parse_refusal(int status, std::string_view body) {
  const auto answer = parse_object(body, kWhose);
  if (!answer.ok()) return {.status = status};
  const auto& error = object_in(*answer, "error");
  const auto& errors = array_in(error, "errors");
  std::string code = errors.empty() ? text_in(error, "status") : text_in(as_object(errors.front()), "reason");
  return refusal_of(status, code, text_in(error, "message"));
}

}  // namespace isobar::cloud::gcp
